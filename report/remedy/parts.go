package remedy

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/report/diagnose"
)

// One cause may be about several endpoints with a group each, or several names
// with a record each, and one document about several causes. The parameters
// that say which are then there once for each: a copy has a number or the mark
// of its cause behind its name.

// parcopy is a copy of a parameter.
type parcopy struct {
	param
	base     string // the parameter it stands behind
	optional bool   // what it is for is created when it has a value
}

// scoped are the parameters whose value depends on what a cause is about.
var scoped = []string{
	"ServiceNames", "EndpointIds", "EndpointSecurityGroupId", "EndpointSecurityGroupIds", "EndpointNetworkAclId", "GatewayServiceName", "PrefixListId",
	"HostedZoneId", "RecordName", "EndpointDnsName", "EndpointZoneId", "EndpointServiceId", "PrivateName",
}

// params are all parameters of a document, a copy behind its original.
func (d *draft) params() []param {
	if len(d.copies) == 0 {
		return params()
	}
	var out []param
	for _, p := range params() {
		out = append(out, p)
		for _, c := range d.copies {
			if c.base == p.name {
				out = append(out, c.param)
			}
		}
	}
	return out
}

// optional tells whether a parameter may stay without a value.
func (d *draft) optional(name string) bool {
	return slices.ContainsFunc(d.copies, func(c parcopy) bool { return c.name == name && c.optional })
}

// copied adds a copy of a parameter, for something else, under a name of its
// own.
func (d *draft) copied(base, suffix, other string, rename func(string) string) *parcopy {
	i := slices.IndexFunc(params(), func(p param) bool { return p.name == base })
	p := params()[i]
	c := parcopy{base: base, param: param{name: base + suffix, kind: p.kind, about: "the same for " + other, find: rename(p.find)}}
	if d.ask[base] {
		c.find = ""
	}
	d.copies = append(d.copies, c)
	return &d.copies[len(d.copies)-1]
}

// renamer gives scoped parameters a suffix, in values of properties and in
// shell text.
func renamer(names []string, suffix string) (value, shell func(string) string) {
	return func(v string) string {
			for _, n := range names {
				switch v {
				case "$" + n, "[$" + n:
					v += suffix
				default:
					v = strings.ReplaceAll(v, "var."+snake(n)+")", "var."+snake(n+suffix)+")")
				}
			}
			return v
		}, func(text string) string {
			for _, n := range names {
				var b strings.Builder
				for mark := "$" + shellName(n); ; {
					before, after, ok := strings.Cut(text, mark)
					b.WriteString(before)
					if !ok {
						break
					}
					if after == "" || !wordByte(after[0]) {
						b.WriteString("$" + shellName(n+suffix))
					} else {
						b.WriteString(mark)
					}
					text = after
				}
				text = b.String()
			}
			return text
		}
}

// renamed returns a resource whose properties mention other parameters.
func (r resource) renamed(value func(string) string) resource {
	r.props = renameProps(r.props, value)
	if r.when != "" {
		r.when = strings.TrimPrefix(value("$"+r.when), "$")
	}
	return r
}

func renameProps(ps []prop, value func(string) string) []prop {
	out := make([]prop, len(ps))
	for i, p := range ps {
		p.value, p.kids = value(p.value), renameProps(p.kids, value)
		out[i] = p
	}
	return out
}

// furtherGroups repeats what CloudFormation creates in the group of the first
// endpoint for the groups of the others: it has no loop over a list. Where they
// share a group, its parameter stays empty.
func (c *Card) furtherGroups(x *subject) {
	first := slices.Clone(c.draft.resources)
	for i := 1; i < len(x.services); i++ {
		suffix := strconv.Itoa(i + 1)
		value, shell := renamer([]string{"EndpointSecurityGroupId"}, suffix)
		_, id := cutLast(x.services[i])
		p := c.draft.copied("EndpointSecurityGroupId", suffix, id+", if another one", shell)
		p.kind, p.optional = "String", true
		for _, r := range first {
			if r.cfn != "" {
				r = r.renamed(value)
				r.id, r.when = r.id+"Of"+suffix, p.name
				c.draft.resources = append(c.draft.resources, r)
			}
		}
	}
}

// records creates a record for each name.
func (c *Card) records(x *subject, code diagnose.Code) {
	names := []string{"RecordName", "EndpointDnsName", "EndpointZoneId", "ServiceNames", "HostedZoneId"}
	if code == "DN-11" { // one zone of the parent domain has them all
		names = names[:4]
	}
	if len(x.hosts) > 1 {
		x.values["RecordName"], x.values["ServiceNames"] = x.hosts[0], x.serves[x.hosts[0]]
		c.draft.values = x.values
	}
	c.take(x, "record")
	resources, stanzas, steps := slices.Clone(c.draft.resources), slices.Clone(c.stanzas), len(c.Steps)
	for i := 1; i < len(x.hosts); i++ {
		host, suffix := x.hosts[i], strconv.Itoa(i+1)
		value, shell := renamer(names, suffix)
		for _, n := range names {
			c.draft.copied(n, suffix, "record "+suffix, shell)
		}
		c.draft.values["RecordName"+suffix], c.draft.values["ServiceNames"+suffix] = host, x.serves[host]
		for _, r := range resources {
			r = r.renamed(value)
			r.id += suffix
			c.draft.resources = append(c.draft.resources, r)
		}
		for _, st := range stanzas {
			c.stanzas = append(c.stanzas, shell(st))
		}
		if steps > 0 {
			c.Steps = append(c.Steps, strings.ReplaceAll(c.Steps[steps-1], x.hosts[0], host))
		}
	}
}

// merge takes another card's resources: the same one once, another one of the
// same name under a name of its own. What another cause is about has parameters
// of its own.
func (d *draft) merge(c *Card) {
	o := c.draft
	scope := slices.Index(d.about, c.about)
	if scope < 0 {
		scope, d.about = len(d.about), append(d.about, c.about)
	}
	if scope > 0 {
		o = o.apart("N"+strconv.Itoa(scope+1), string(c.Code))
	}
	for k, v := range o.values {
		d.values[k] = cmp.Or(d.values[k], v)
	}
	for _, p := range o.copies {
		if !slices.ContainsFunc(d.copies, func(x parcopy) bool { return x.name == p.name }) {
			d.copies = append(d.copies, p)
		}
	}
	for _, c := range o.comments {
		if !slices.Contains(d.comments, c) {
			d.comments = append(d.comments, c)
		}
	}
	for _, r := range o.resources {
		base, known := r.id, false
		for n := 2; ; n++ {
			i := slices.IndexFunc(d.resources, func(x resource) bool { return x.id == r.id })
			if i < 0 {
				break
			}
			if reflect.DeepEqual(d.resources[i], r) {
				known = true
				break
			}
			r.id = base + "N" + strconv.Itoa(n)
		}
		if !known {
			d.resources = append(d.resources, r)
		}
	}
}

// apart is the draft with scoped parameters under names of their own.
func (d draft) apart(suffix, code string) draft {
	names := slices.Clone(scoped)
	for _, c := range d.copies {
		names = append(names, c.name)
	}
	value, shell := renamer(names, suffix)
	out := draft{values: map[string]string{}, ask: d.ask, partition: d.partition, comments: d.comments}
	for k, v := range d.values {
		if slices.Contains(names, k) {
			k += suffix
		}
		out.values[k] = v
	}
	for _, n := range scoped {
		out.copied(n, suffix, code, shell)
	}
	for _, c := range d.copies {
		c.name += suffix
		c.find = shell(c.find)
		out.copies = append(out.copies, c)
	}
	for _, r := range d.resources {
		out.resources = append(out.resources, r.renamed(value))
	}
	return out
}
