package text

import (
	"strconv"
	"strings"

	"vpcdoctor/report/diagnose"
)

// wordMax bounds one string of a report. The longest honest one, a summary of
// three sentences with names, has about 600 characters.
const wordMax = 2000

// typographic are the characters beyond ASCII that our own texts may carry.
var typographic = map[rune]string{
	'–': "-", '—': "-", '…': "...", '’': "'", '‘': "'", '“': `"`, '”': `"`,
	'→': "->", '·': "-", '≥': ">=", '≤': "<=", '×': "x", '±': "+-",
}

// clean makes a string safe and plain: white space of any kind becomes one
// space, the few typographic characters get their ASCII form, everything else
// beyond printable ASCII (control characters, escape sequences) becomes '?'.
func clean(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if b.Len() >= wordMax {
			b.WriteString("...")
			break
		}
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0' {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		switch t, ok := typographic[r]; {
		case r > ' ' && r <= '~':
			b.WriteRune(r)
		case ok:
			b.WriteString(t)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// short is clean, cut to at most n characters.
func short(s string, n int) string {
	s = clean(s)
	if len(s) <= n {
		return s
	}
	return strings.TrimRight(s[:max(0, n-3)], " ") + "..."
}

// printable replaces every byte beyond printable ASCII and keeps all spaces.
func printable(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// sentences splits a text after the last sentence that ends within n
// characters; a text that begins with a longer one is split at a space.
func sentences(s string, n int) (head, rest string) {
	s = clean(s)
	if len(s) <= n {
		return s, ""
	}
	at := strings.LastIndex(s[:n], ". ")
	if at < 0 {
		if at = strings.LastIndexByte(s[:n], ' '); at < 0 {
			return s, ""
		}
		return s[:at], s[at+1:]
	}
	return s[:at+1], s[at+2:]
}

// cleanCommand is printable for a command: one line, with the spaces that its
// quotes may need.
func cleanCommand(s string) string {
	return printable(strings.TrimSpace(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s)))
}

// codeMax bounds codes and the words of closed vocabularies. The longest honest
// one has 10 characters; a file can hold anything.
const codeMax = 16

func code(c diagnose.Code) string { return short(string(c), codeMax) }

// wrap breaks s at spaces into lines of at most width characters. The first
// line begins with label as it is, the others with hang spaces. A word that is
// longer than a line is broken, because nothing may leave the page.
func wrap(label, s string, width, hang int) []string {
	pad := strings.Repeat(" ", hang)
	cur := label
	fresh := true // no word in cur yet
	var lines []string
	for word := range strings.FieldsSeq(s) {
		gap := 1
		if fresh {
			gap = 0
		}
		fits := len(cur)+gap+len(word) <= width
		if !fits && strings.TrimSpace(cur) != "" && (!fresh || hang+len(word) <= width) {
			lines = append(lines, cur)
			cur, gap = pad, 0
		}
		cur, fresh = cur+strings.Repeat(" ", gap)+word, false
		for len(cur) > width {
			lines = append(lines, cur[:width])
			cur = pad + cur[width:]
		}
	}
	return append(lines, cur)
}

// list joins up to n strings and counts the rest.
func list(in []string, n int) string {
	if len(in) > n {
		return strings.Join(in[:n], ", ") + " +" + strconv.Itoa(len(in)-n) + " more"
	}
	return strings.Join(in, ", ")
}

// count is "1 failure" or "3 failures".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
