package remedy

import "strings"

// hclString quotes a string for HCL, where ${ and %{ start templates.
func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(plain(s)) + `"`
}

// attr is one attribute of a block.
type attr struct{ name, value string }

// attrs writes attributes the way "terraform fmt" aligns them.
func (y *lines) attrs(indent int, as []attr) {
	width := 0
	for _, a := range as {
		width = max(width, len(a.name))
	}
	for _, a := range as {
		y.line(indent, a.name, strings.Repeat(" ", width-len(a.name)), " = ", a.value)
	}
}

// terraform is one complete configuration.
func (d *draft) terraform() string {
	y := &lines{}
	for _, c := range d.comments {
		y.comment(c)
	}
	y.b.WriteString(`terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}
`)
	for _, p := range d.used(true) {
		v, list := d.values[p.name], strings.HasPrefix(p.kind, "List") || strings.HasPrefix(p.kind, "Comma")
		kind := "string"
		switch {
		case p.name == optIn:
			kind = "bool"
		case list:
			kind = "list(string)"
		}
		as := []attr{{"type", kind}, {"description", hclString(p.about)}}
		switch {
		case v == "":
		case p.name == optIn:
			as = append(as, attr{"default", v})
		case list:
			as = append(as, attr{"default", "[" + hclString(v) + "]"})
		default:
			as = append(as, attr{"default", hclString(v)})
		}
		y.line(0, "\nvariable \"", snake(p.name), "\" {")
		y.attrs(1, as)
		y.line(0, "}")
	}
	for _, r := range d.resources {
		if r.tf == "" {
			continue
		}
		y.line(0, "\nresource \"", r.tf, "\" \"", snake(r.id), "\" {")
		if r.when != "" {
			y.line(1, "count = var.", snake(r.when), " ? 1 : 0\n")
		}
		d.hclProps(y, 1, r.props)
		y.line(0, "}")
	}
	return y.b.String()
}

// hclProps writes what fits on a line first, then documents and blocks, each
// after an empty line, so that nothing has to be aligned with them.
func (d *draft) hclProps(y *lines, indent int, ps []prop) {
	var as []attr
	for _, p := range ps {
		if p.tf != "" && len(p.kids) == 0 && p.value[0] != '{' {
			as = append(as, attr{p.tf, d.hclValue(p.value)})
		}
	}
	y.attrs(indent, as)
	for _, p := range ps {
		switch {
		case p.tf == "":
		case len(p.kids) > 0:
			y.line(0)
			y.line(indent, p.tf, " {")
			d.hclProps(y, indent+1, p.kids)
			y.line(indent, "}")
		case p.value[0] == '{':
			y.line(0)
			y.line(indent, p.tf, " = <<-EOT")
			for l := range strings.Lines(strings.NewReplacer("${", "$${", "%{", "%%{").Replace(p.value)) {
				y.line(indent+1, strings.TrimSuffix(l, "\n"))
			}
			y.line(indent, "EOT")
		}
	}
}

func (d *draft) hclValue(v string) string {
	switch rest := v[1:]; v[0] {
	case '$':
		return "var." + snake(rest)
	case '@':
		id, _, _ := strings.Cut(rest, ".")
		for _, r := range d.resources {
			if r.id == id && r.tf != "" {
				attribute := ".id"
				if strings.HasPrefix(r.tf, "aws_iam_") {
					attribute = ".name"
				}
				return r.tf + "." + snake(id) + attribute
			}
		}
		return `""` // never: a test follows every reference
	case '=', '!':
		return rest
	case '^':
		return hclString("arn:" + d.partition + ":" + rest)
	case '~':
		return hclString(rest)
	case '[':
		return "[" + d.hclValue(rest) + "]"
	}
	return hclString(v)
}
