package signed

import (
	"bytes"
	"strings"
)

// parseINI takes the keys of one profile out of a shared credentials file (AWS
// SDKs and Tools Reference Guide, "Format of the config and credential files",
// read 2026-11): sections in brackets, name = value, comment lines that begin
// with # or ;. Of a setting that is given twice the last counts, also over two
// sections of the same name. ok tells whether the profile has usable keys.
func parseINI(b []byte, profile string) (k *keys, ok bool) {
	k = &keys{}
	inside := false
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			name, _, closed := bytes.Cut(line[1:], []byte{']'})
			inside = closed && string(bytes.TrimSpace(name)) == profile
			continue
		}
		name, value, found := bytes.Cut(line, []byte{'='})
		if !inside || !found {
			continue
		}
		v := string(bytes.TrimSpace(value))
		switch strings.ToLower(string(bytes.TrimSpace(name))) {
		case "aws_access_key_id":
			k.id = v
		case "aws_secret_access_key":
			k.secret = v
		case "aws_session_token":
			k.token = v
		}
	}
	if !k.valid() {
		return nil, false
	}
	return k, true
}
