package text

import "strings"

// wrapShell breaks a command of one line into lines that a shell reads as the
// same command. It breaks between words with a backslash; a word that alone
// is longer than a line is broken inside, where the rules of its quotes allow
// it. A comment at the end moves before the command. What it does not
// understand (substitutions inside double quotes, here-documents) stays whole:
// a line that is too long is better than a command that does something else.
func wrapShell(cmd string, width, indent int) []string {
	pad := strings.Repeat(" ", indent)
	if strings.Contains(cmd, "`") || strings.Contains(cmd, "<<") || strings.Contains(cmd, "$'") || nestedQuotes(cmd) {
		return []string{pad + cmd}
	}
	words, comment := shellWords(cmd)
	var lines []string
	if comment != "" {
		for _, l := range wrap("", strings.TrimLeft(comment, "# "), width-indent-2, 0) {
			lines = append(lines, pad+"# "+l)
		}
	}
	const tail = 2 // " \"
	cur := ""
	for i, w := range words {
		switch {
		case i == 0:
			cur = pad
		case len(cur)+1+unit(words[i:], width-indent-2-tail)+tail > width && strings.TrimLeft(cur, " ") != "":
			lines = append(lines, cur+" \\")
			cur = pad + "  "
		default:
			cur += " "
		}
		if len(cur)+len(w)+tail <= width {
			cur += w
			continue
		}
		var full []string
		full, cur = splitWord(cur, w, width)
		lines = append(lines, full...)
	}
	if cur != "" {
		lines = append(lines, cur)
	}
	return lines
}

// unit is the length of what should stay on one line: an option and its value.
func unit(words []string, room int) int {
	n := len(words[0])
	if len(words) > 1 && strings.HasPrefix(words[0], "-") && !strings.HasPrefix(words[1], "-") && n+1+len(words[1]) <= room {
		n += 1 + len(words[1])
	}
	return n
}

// nestedQuotes tells whether a double-quoted part holds a substitution, whose
// own quotes this code does not follow.
func nestedQuotes(cmd string) bool {
	s := shellState{}
	for i := range len(cmd) {
		if s.quote == '"' && !s.escaped && strings.HasPrefix(cmd[i:], "$(") {
			return true
		}
		s.next(cmd[i])
	}
	return s.quote != 0 || s.escaped // not even balanced: leave it alone
}

// shellState follows the quotes of a POSIX shell byte by byte.
type shellState struct {
	quote   byte // 0, ' or "
	escaped bool // the byte before was a backslash that counts
}

func (s *shellState) next(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\' && s.quote != '\'':
		s.escaped = true
	case s.quote == 0 && (c == '\'' || c == '"'):
		s.quote = c
	case c == s.quote:
		s.quote = 0
	}
}

// shellWords splits at spaces outside quotes and sets a comment apart.
func shellWords(cmd string) (words []string, comment string) {
	s, start := shellState{}, -1
	for i := range len(cmd) {
		c := cmd[i]
		if c == ' ' && s.quote == 0 && !s.escaped {
			if start >= 0 {
				words = append(words, cmd[start:i])
				start = -1
			}
			continue
		}
		if start < 0 {
			if c == '#' && s.quote == 0 {
				return words, cmd[i:]
			}
			start = i
		}
		s.next(c)
	}
	if start >= 0 {
		words = append(words, cmd[start:])
	}
	return words, ""
}

// splitWord puts a long word onto several lines. A backslash at the end of a
// line joins it to the next one without a space, also between double quotes;
// single quotes are closed before it and opened after it. The lines after the
// first start at the margin, since an indent would become part of the word.
func splitWord(cur, word string, width int) (full []string, last string) {
	s := shellState{}
	for i := range len(word) {
		// An escaped pair of bytes, a closing quote, and the " \" after the word.
		const room = 5
		over := len(cur)+room > width
		if i > 0 && word[i-1] == ',' { // better between the parts of a list
			part, _, _ := strings.Cut(word[i:], ",")
			over = over || (len(cur)+len(part)+room > width && len(part)+room < width)
		}
		if over && !s.escaped {
			if s.quote == '\'' {
				full, cur = append(full, cur+`'\`), "'"
			} else {
				full, cur = append(full, cur+`\`), ""
			}
		}
		s.next(word[i])
		cur += word[i : i+1]
	}
	return full, cur
}
