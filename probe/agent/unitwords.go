package agent

import (
	"strconv"
	"strings"
)

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
