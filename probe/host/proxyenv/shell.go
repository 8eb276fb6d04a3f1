package proxyenv

import (
	"slices"
	"strings"
)

const (
	// maxWord bounds a word with its variables put in: a value that doubles with
	// every line must not fill the memory.
	maxWord = 8192
	// maxHereDocs bounds the texts that one line may announce.
	maxHereDocs = 8
)

// shell reads a profile file far enough to know the proxy variables that it
// exports. It runs nothing: commands, conditions and loops are not evaluated
// (every branch counts as taken, a function as not called), and a value that
// contains the output of a command is unknown and left out.
type shell struct {
	vars     map[string]string // variables about proxies, no others
	exported map[string]bool
	all      bool // set -a

	function bool // its body comes next
	body     int  // braces open since a function's body began
	sub      int  // subshells open: what they set ends with them
}

// exports reads a shell script and returns the variables about proxies that a
// program started from there gets.
func exports(text string) map[string]string {
	s := &shell{vars: map[string]string{}, exported: map[string]bool{}}
	s.read(text)
	for name := range s.vars {
		if !s.exported[name] {
			delete(s.vars, name)
		}
	}
	return s.vars
}

// assignments reads lines NAME=value: what systemctl show-environment prints,
// and /etc/environment, whose reader pam_env allows "export" before a name,
// quotes around a value, and nothing else that a shell knows.
func assignments(text string) map[string]string {
	vars := map[string]string{}
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if rest, ok := strings.CutPrefix(l, "export"); ok {
			l = strings.TrimLeft(rest, " \t")
		}
		name, value, _ := strings.Cut(l, "=")
		if slices.Contains(Names, name) {
			vars[name] = unquote(value)
		}
	}
	return vars
}

// unquote takes a value out of its quotes. $'…' is how systemctl prints one
// that is not plain; a proxy's address has no other escapes than these.
func unquote(value string) string {
	if s, ok := strings.CutPrefix(value, "$'"); ok {
		return strings.NewReplacer(`\\`, `\`, `\'`, "'", `\"`, `"`, `\?`, "?").Replace(strings.TrimSuffix(s, "'"))
	}
	for _, q := range []string{`"`, "'"} {
		if s, ok := strings.CutPrefix(value, q); ok {
			return strings.TrimSuffix(s, q)
		}
	}
	return value
}

// word is one word of a command. Of an unknown one the text is not complete.
type word struct {
	text    string
	unknown bool
}

// read takes the script apart into commands and does each.
func (s *shell) read(text string) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	l := lexer{text: text, value: func(name string) (string, bool) { v, ok := s.vars[name]; return v, ok }}
	for l.at < len(l.text) {
		words, end := l.command()
		s.do(words)
		switch end {
		case endFunction:
			s.function = true
		case endOpen:
			s.sub++
		case endClose:
			s.sub = max(s.sub-1, 0)
		}
	}
}

// reserved are the words after which a command begins.
var reserved = []string{"if", "then", "elif", "else", "while", "until", "do", "!", "time", "{", "}"}

// do carries out a command as far as it is about proxy variables.
func (s *shell) do(words []word) {
	for len(words) > 0 && slices.Contains(reserved, words[0].text) {
		switch {
		case words[0].text == "{" && (s.function || s.body > 0):
			s.function = false
			s.body++
		case words[0].text == "}":
			s.body = max(s.body-1, 0)
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	if words[0].text == "function" {
		s.function = true
		if i := slices.IndexFunc(words, func(w word) bool { return w.text == "{" }); i > 0 {
			s.do(words[i:])
		}
		return
	}
	if s.body > 0 || s.sub > 0 {
		return
	}
	args := words[1:]
	switch words[0].text {
	case "export":
		taken := flagged(args, 'n')
		s.export(args, !taken)
		for i := 0; taken && i < len(args); i++ {
			delete(s.exported, args[i].text)
		}
	case "declare", "typeset":
		s.export(args, flagged(args, 'x'))
	case "readonly":
		s.export(args, false)
	case "unset":
		for _, a := range args {
			delete(s.vars, a.text)
			delete(s.exported, a.text)
		}
	case "set":
		for i, a := range args {
			if named := i > 0 && a.text == "allexport"; named || flagged(args[i:i+1], 'a') {
				s.all = !named || args[i-1].text == "-o"
			} else if a.text == "+a" {
				s.all = false
			}
		}
	default:
		for _, w := range words {
			if _, _, ok := assignment(w.text); !ok {
				return // set for one command only
			}
		}
		s.export(words, false)
	}
}

// flagged tells whether one of the words is an option that has the letter.
func flagged(words []word, letter byte) bool {
	return slices.ContainsFunc(words, func(w word) bool {
		return strings.HasPrefix(w.text, "-") && strings.IndexByte(w.text, letter) > 0
	})
}

// export does NAME=value words, and NAME words when they are exported.
func (s *shell) export(words []word, exported bool) {
	for _, w := range words {
		name, value, set := assignment(w.text)
		if !set {
			name = w.text
		}
		// Other variables may be secrets and are none of our business; those that
		// proxy settings are put together from have "proxy" in their names.
		if !strings.Contains(strings.ToLower(name), "proxy") {
			continue
		}
		if set {
			if more, ok := strings.CutSuffix(name, "+"); ok {
				name, value = more, s.vars[more]+value
			}
			if w.unknown || len(value) > maxWord {
				delete(s.vars, name)
			} else {
				s.vars[name] = value
			}
		}
		if exported || set && s.all {
			s.exported[name] = true
		}
	}
}

// assignment splits NAME=value, or NAME+=value with the plus left at the name.
func assignment(text string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(text, "=")
	plain := strings.TrimSuffix(name, "+")
	if !ok || plain == "" || plain[0] >= '0' && plain[0] <= '9' {
		return "", "", false
	}
	for i := range len(plain) {
		if !nameByte(plain[i]) {
			return "", "", false
		}
	}
	return name, value, true
}

func nameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// How a command ended.
type ending int

const (
	endCommand  ending = iota
	endFunction        // "name()": the body follows
	endOpen            // "(": a subshell begins
	endClose           // ")"
)

// lexer takes a script apart, in one pass.
type lexer struct {
	text  string
	at    int
	value func(name string) (string, bool)

	word  strings.Builder
	begun bool // a word has, be it an empty one in quotes
	dark  bool // a part of it is unknown
	words []word
	docs  []string // delimiters of the here-documents that begin after this line
}

// flush ends the word.
func (l *lexer) flush() {
	if l.begun {
		l.words = append(l.words, word{l.word.String(), l.dark})
	}
	l.word.Reset()
	l.begun, l.dark = false, false
}

// add puts text into the word, within bounds.
func (l *lexer) add(text string) {
	l.begun = true
	if l.word.Len()+len(text) > maxWord {
		l.dark = true
		return
	}
	l.word.WriteString(text)
}

// command reads the words of one command.
func (l *lexer) command() ([]word, ending) {
	l.words = nil
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch {
		case c == '\\':
			if l.at < len(l.text) {
				if l.text[l.at] != '\n' {
					l.add(l.text[l.at : l.at+1])
				}
				l.at++
			}
		case c == '\'':
			l.add(l.until('\''))
		case c == '"':
			l.quoted()
		case c == '$':
			l.dollar(true)
		case c == '`':
			l.begun, l.dark = true, true
			l.until('`')
		case c == '#' && !l.begun:
			if n := strings.IndexByte(l.text[l.at:], '\n'); n >= 0 {
				l.at += n // the end of the line is read next
			} else {
				l.at = len(l.text)
			}
		case c == '<' && strings.HasPrefix(l.text[l.at:], "<"):
			l.at++
			l.here()
		case c == ' ' || c == '\t':
			l.flush()
		case c == '(':
			l.flush()
			rest := strings.TrimLeft(l.text[l.at:], " \t")
			switch {
			case len(l.words) > 0 && strings.HasPrefix(rest, ")"):
				l.at = len(l.text) - len(rest) + 1
				return nil, endFunction
			case len(l.words) == 0:
				return nil, endOpen
			}
		case c == ')':
			l.flush()
			return l.words, endClose
		case c == '\n' || c == ';' || c == '&' || c == '|':
			l.flush()
			if c == '\n' {
				l.skipDocs()
			}
			return l.words, endCommand
		default:
			l.add(string([]byte{c}))
		}
	}
	l.flush()
	return l.words, endCommand
}

// until reads past the next c and returns what stands before it; the rest of
// the text when there is none.
func (l *lexer) until(c byte) string {
	rest := l.text[l.at:]
	i := strings.IndexByte(rest, c)
	if i < 0 {
		l.at = len(l.text)
		return rest
	}
	l.at += i + 1
	return rest[:i]
}

// quoted reads what stands in double quotes.
func (l *lexer) quoted() {
	l.begun = true
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch {
		case c == '"':
			return
		case c == '\\' && l.at < len(l.text) && strings.IndexByte("$`\"\\\n", l.text[l.at]) >= 0:
			if l.text[l.at] != '\n' {
				l.add(l.text[l.at : l.at+1])
			}
			l.at++
		case c == '$':
			l.dollar(false)
		case c == '`':
			l.dark = true
			l.until('`')
		default:
			l.add(string([]byte{c}))
		}
	}
}

// dollar reads what follows a "$": the name of a variable about proxies, whose
// value is put in, or something that only a shell can tell.
func (l *lexer) dollar(bare bool) {
	l.begun = true
	rest := l.text[l.at:]
	n := 0
	for n < len(rest) && nameByte(rest[n]) {
		n++
	}
	switch {
	case n > 0:
		l.at += n
		l.variable(rest[:n])
	case strings.HasPrefix(rest, "{"):
		l.at++
		l.variable(l.until('}'))
	case strings.HasPrefix(rest, "("):
		l.dark = true
		l.parentheses()
	case bare && strings.HasPrefix(rest, "'"): // with escapes of its own
		l.dark = true
	default:
		l.add("$")
	}
}

func (l *lexer) variable(name string) {
	v, ok := l.value(name)
	if !ok {
		l.dark = true // not set here; or "${name:-…}"
	}
	l.add(v)
}

// parentheses reads past the end of "$(…)".
func (l *lexer) parentheses() {
	for depth := 0; l.at < len(l.text); {
		c := l.text[l.at]
		l.at++
		switch c {
		case '\\':
			l.at = min(l.at+1, len(l.text))
		case '\'':
			l.until('\'')
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return
			}
		}
	}
}

// here notes the delimiter of a here-document, whose text is not a command.
func (l *lexer) here() {
	l.flush()
	if strings.HasPrefix(l.text[l.at:], "<") {
		l.at++ // "<<<": one word, read as such
		return
	}
	rest := strings.TrimLeft(strings.TrimPrefix(l.text[l.at:], "-"), " \t")
	end := strings.IndexAny(rest+"\n", " \t\n;&|<>()")
	l.at = len(l.text) - len(rest) + end
	if d := strings.Trim(rest[:end], `'"\`); d != "" && len(l.docs) < maxHereDocs {
		l.docs = append(l.docs, d)
	}
}

// skipDocs reads past the here-documents that the line announced.
func (l *lexer) skipDocs() {
	for _, d := range l.docs {
		for l.at < len(l.text) && strings.TrimSpace(l.until('\n')) != d {
			continue
		}
	}
	l.docs = nil
}
