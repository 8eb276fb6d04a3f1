package remedy

import (
	"encoding/json"
	"strings"
)

// lines collects the lines of a document. Documents are written by hand: a
// template engine would pull reflection into the binary that defeats the
// linker (golang/go 72895), and every value passes a quoting function of its
// format.
type lines struct{ b strings.Builder }

func (y *lines) line(indent int, parts ...string) {
	for range indent {
		y.b.WriteString("  ")
	}
	for _, p := range parts {
		y.b.WriteString(p)
	}
	y.b.WriteByte('\n')
}

// comment writes a sentence as comment lines of at most 80 columns. Bytes that
// could end the line are gone.
func (y *lines) comment(text string) {
	cur := "#"
	for w := range strings.FieldsSeq(plain(text)) {
		if len(cur)+1+len(w) > 80 && cur != "#" {
			y.line(0, cur)
			cur = "#"
		}
		cur += " " + w
	}
	y.line(0, cur)
}

// plain keeps printable ASCII; anything else becomes a space.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// yamlWord tells whether a string needs no quotes as a YAML scalar.
func yamlWord(s string) bool {
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789.-_/ ", r)) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "", "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return false
	}
	return s[len(s)-1] != ' '
}

func yamlString(s string) string {
	if s = plain(s); yamlWord(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// yamlFlow is a string inside a list in brackets.
func yamlFlow(s string) string { return "'" + strings.ReplaceAll(plain(s), "'", "''") + "'" }

// cloudFormation is one complete template.
func (d *draft) cloudFormation() string {
	y := &lines{}
	y.line(0, "AWSTemplateFormatVersion: '2010-09-09'")
	y.line(0, "Description: Repairs that vpcdoctor proposes, to be read before use")
	for _, c := range d.comments {
		y.comment(c)
	}
	for _, r := range d.resources {
		if strings.HasPrefix(r.cfn, "AWS::IAM::") {
			y.comment("Deploy it with --capabilities CAPABILITY_IAM.")
			break
		}
	}
	ps := d.used(false)
	if len(ps) > 0 {
		y.line(0, "Parameters:")
	}
	conditions := false
	for _, p := range ps {
		y.line(1, p.name, ":")
		y.line(2, "Type: ", p.kind)
		y.line(2, "Description: ", yamlString(p.about))
		if p.name == optIn {
			y.line(2, "AllowedValues: ['true', 'false']")
			conditions = true
		}
		if d.optional(p.name) {
			y.line(2, "Default: ''")
			conditions = true
		} else if v := d.values[p.name]; v != "" {
			y.line(2, "Default: ", yamlString(v))
		}
	}
	if conditions {
		y.line(0, "Conditions:")
	}
	for _, p := range ps {
		switch {
		case p.name == optIn:
			y.line(1, "Want: !Equals [!Ref ", optIn, ", 'true']")
		case d.optional(p.name):
			y.line(1, "With", p.name, ":")
			y.line(2, "!Not [!Equals [!Ref ", p.name, ", '']]")
		}
	}
	y.line(0, "Resources:")
	for _, r := range d.resources {
		if r.cfn == "" {
			continue
		}
		y.line(1, r.id, ":")
		y.line(2, "Type: ", r.cfn)
		switch {
		case r.when == optIn:
			y.line(2, "Condition: Want")
		case r.when != "":
			y.line(2, "Condition: With", r.when)
		}
		y.line(2, "Properties:")
		d.yamlProps(y, 3, r.props)
	}
	return y.b.String()
}

func (d *draft) yamlProps(y *lines, indent int, ps []prop) {
	for _, p := range ps {
		switch {
		case p.cfn == "":
		case len(p.kids) > 0:
			y.line(indent, p.cfn, ":")
			d.yamlProps(y, indent+1, p.kids)
		case p.value[0] == '{':
			y.line(indent, p.cfn, ":")
			for l := range strings.Lines(p.value) {
				y.line(indent+1, strings.TrimSuffix(l, "\n"))
			}
		default:
			v := d.yamlValue(p.value)
			if tag, rest, ok := strings.Cut(v, " "); ok && 2*indent+len(p.cfn)+2+len(v) > 80 && tag == "!Sub" {
				y.line(indent, p.cfn, ": !Sub")
				y.line(indent+1, rest)
				continue
			}
			y.line(indent, p.cfn, ": ", v)
		}
	}
}

func (d *draft) yamlValue(v string) string {
	switch rest := v[1:]; v[0] {
	case '$':
		return "!Ref " + rest
	case '@':
		if strings.Contains(rest, ".") {
			return "!GetAtt " + rest
		}
		return "!Ref " + rest
	case '=':
		return rest
	case '^':
		return "!Sub 'arn:${AWS::Partition}:" + rest + "'"
	case '~':
		return d.yamlService(rest)
	case '[':
		if strings.ContainsRune("$@^", rune(rest[0])) {
			return "[" + d.yamlValue(rest) + "]"
		}
		return "[" + yamlFlow(rest) + "]"
	}
	return yamlString(v)
}

// yamlService writes a service name with the Region as a variable. The prefix
// is the catalogue's: in China it is com.amazonaws for some services and
// cn.com.amazonaws for others. Global services carry no Region in their name.
func (d *draft) yamlService(name string) string {
	before, after, found := strings.Cut(name, "."+d.values["Region"]+".")
	if d.values["Region"] == "" || !found {
		return yamlString(name)
	}
	return "!Sub '" + before + ".${AWS::Region}." + after + "'"
}

// policy makes a policy document of one statement. A statement that is not
// JSON of printable ASCII without escapes and single quotes is not ours, and
// gives none.
func policy(statement string) string {
	st := strings.TrimSpace(statement)
	odd := func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') || r == '\\' || r == '\'' }
	if st == "" || st[0] != '{' || strings.ContainsFunc(st, odd) || !json.Valid([]byte(st)) {
		return ""
	}
	return "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    " + strings.ReplaceAll(st, "\n", "\n    ") + "\n  ]\n}"
}
