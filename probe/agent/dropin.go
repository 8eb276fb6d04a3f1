package agent

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/probe/host/sysfile"
)

const (
	unitDir     = "/etc/systemd/system/" // where administrators put units and drop-ins
	maxDropIns  = 64                     // files of one unit; a handful is normal
	maxUnitFile = 64 << 10
)

// unitProxy reads the proxy variables that the installed unit would be started
// with: its file in /etc, then its drop-ins by name, later ones winning. The
// error is that of a file that is there and could not be read.
func (r *reader) unitProxy(f found) (proxyenv.Proxy, error) {
	unit := packageUnit
	if f.snap && !f.binary {
		unit = snapUnit
	}
	paths := []string{unitDir + unit}
	names, err := r.Names(unitDir+unit+".d", maxDropIns)
	var failed error
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		failed = err
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".conf") {
			paths = append(paths, unitDir+unit+".d/"+n)
		}
	}
	vars := map[string]string{}
	source := ""
	for _, path := range paths {
		b, err := r.Read(path, maxUnitFile)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, sysfile.ErrNotRegular): // masked: a link to /dev/null
			continue
		case err != nil:
			failed = err
			continue
		}
		if applyUnit(vars, string(b)) {
			source = "file " + path
		}
	}
	return proxyenv.Read(func(name string) string { return vars[name] }, classify.Clean(source, 256)), failed
}

// applyUnit adds the proxy variables of a unit file's Environment= lines to
// vars and tells whether there were any. An empty Environment= takes back what
// was set before it (systemd.exec(5)).
func applyUnit(vars map[string]string, text string) (found bool) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\\\n", " ") // a line that goes on
	section := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			section = l
			continue
		}
		name, value, ok := strings.Cut(l, "=")
		if !ok || section != "[Service]" || strings.TrimSpace(name) != "Environment" {
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" {
			clear(vars)
			continue
		}
		for _, word := range unitWords(value) {
			name, value, ok := strings.Cut(word, "=")
			if ok && slices.Contains(proxyenv.Names, name) {
				vars[name] = strings.ReplaceAll(value, "%%", "%") // "%" starts a specifier
				found = true
			}
		}
	}
	return found
}

// unitWords splits a value as systemd does: at blanks, with single and double
// quotes and C escapes (systemd.syntax(7), "Quoting").
func unitWords(s string) []string {
	var out []string
	var word strings.Builder
	var quote byte
	open := false // a word has begun, be it an empty one in quotes
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			text, n := unescape(s[i+1:])
			word.WriteString(text)
			i += n
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				out = append(out, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		out = append(out, word.String())
	}
	return out
}

// unescape reads what follows a backslash; n is how many bytes that took. An
// escape that systemd does not know stays as it is.
func unescape(s string) (text string, n int) {
	switch s[0] {
	case '\\', '"', '\'':
		return s[:1], 1
	case 's':
		return " ", 1
	case 't':
		return "\t", 1
	case 'n':
		return "\n", 1
	case 'x':
		if len(s) >= 3 {
			if v, err := strconv.ParseUint(s[1:3], 16, 8); err == nil && v != 0 {
				return string([]byte{byte(v)}), 3
			}
		}
	}
	return `\` + s[:1], 1
}
