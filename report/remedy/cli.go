package remedy

import "strings"

// shellQuote quotes a word for a POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(plain(s), "'", `'\''`) + "'"
}

// shell puts the variables before the stanzas that use them: with the value
// that is known, else with the command that finds it, else with an expansion
// that stops the script and says what is wanted.
func (d *draft) shell(stanzas []string) string {
	body := strings.Join(stanzas, "\n")
	var head []string
	ps := d.params()
	for i := len(ps) - 1; i > 0; i-- { // the first is the Region
		p := ps[i]
		name := shellName(p.name)
		if !mentions(body, name) {
			continue
		}
		set := name + "=" + shellQuote(d.values[p.name])
		if len(set) > 80 { // lists are long; the quotes close and open again
			set = strings.ReplaceAll(set, ",", "'\\\n',")
		}
		switch {
		case d.values[p.name] != "":
		case p.find != "" && !d.ask[p.name]:
			set = name + "=$(" + p.find + ")"
		default:
			set = "# " + name + ": " + p.about + "\n" + name + "=${" + name + ":?not set}"
		}
		head, body = append(head, set), body+"\n"+set
	}
	y := &lines{}
	if strings.Contains(body, "aws ") {
		region := shellQuote(d.values["Region"])
		if d.values["Region"] == "" {
			region = "${REGION:?not set}"
		}
		y.line(0, "export AWS_DEFAULT_REGION=", region)
	}
	for i := len(head) - 1; i >= 0; i-- {
		y.line(0, head[i])
	}
	for _, s := range stanzas {
		y.line(0, s)
	}
	return y.b.String()
}

// mentions tells whether shell text expands a variable.
func mentions(body, name string) bool {
	for rest := body; ; {
		_, after, ok := strings.Cut(rest, "$"+name)
		if !ok {
			return false
		}
		if after == "" || !wordByte(after[0]) {
			return true
		}
		rest = after
	}
}

// wordByte tells whether a byte goes on with the name of one of our variables.
func wordByte(c byte) bool {
	return 'A' <= c && c <= 'Z' || c == '_' || '0' <= c && c <= '9'
}
