// Package denial reads the sentence with which AWS refuses a call.
//
// In goes the message of an error, out comes who was refused what, and which
// layer of access control said no. The sentence is stable and made to be read
// by programs (IAM User Guide, "Troubleshoot access denied error messages",
// read 2026-11); the error's code is not, it differs from service to service.
// The package takes any text, does no I/O and never judges.
package denial

import (
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// longest is how much of a message is read: AWS's sentence carries at most
	// two ARNs of 2,048 bytes, and usually two of a hundred.
	longest = 6 << 10
	// arnLimit is how much of one ARN is kept.
	arnLimit = 512
)

// layers by the words of the sentence, in lower case.
var layers = []struct {
	words string
	layer fact.PolicyLayer
}{
	{"identity-based policy", fact.LayerIdentity},
	{"resource-based policy", fact.LayerResource},
	{"vpc endpoint policy", fact.LayerEndpoint},
	{"service control policy", fact.LayerSCP},
	{"resource control policy", fact.LayerRCP},
	{"permissions boundary", fact.LayerBoundary},
	{"session policy", fact.LayerSession},
}

// Parse reads a denial. It is nil for a text that names neither the refused
// action nor a layer: a bare "Access Denied" tells nothing that its code does
// not tell.
func Parse(message string) *fact.Denial {
	m := classify.Clean(message, longest)
	low := strings.ToLower(m) // as long as m: Clean leaves ASCII only
	d := &fact.Denial{}
	d.Layer, d.Explicit = layer(low)
	if i := strings.Index(low, "not authorized to perform"); i >= 0 {
		rest := strings.TrimLeft(m[i+len("not authorized to perform"):], ": ")
		d.Action = action(rest)
		if d.Action != "" {
			d.Principal = principal(m[:i], low[:i])
			d.Resource = resource(rest)
		}
	}
	if d.Action == "" && d.Layer == fact.LayerUnknown {
		return nil
	}
	return d
}

// layer finds "because no LAYER allows" or "explicit deny in a LAYER". An SCP
// is sometimes blamed in other words ("due to an explicit deny in a Service
// Control Policy"), so only the core of the phrase counts.
func layer(low string) (l fact.PolicyLayer, explicit bool) {
	for _, p := range []struct {
		before   string
		explicit bool
	}{{"explicit deny in an ", true}, {"explicit deny in a ", true}, {"explicit deny in the ", true}, {"because no ", false}} {
		_, after, ok := strings.Cut(low, p.before)
		if !ok {
			continue
		}
		for _, k := range layers {
			if strings.HasPrefix(after, k.words) {
				return k.layer, p.explicit
			}
		}
	}
	// Older messages end after the deny: then the layer is not told.
	return fact.LayerUnknown, strings.Contains(low, "with an explicit deny")
}

// action is "service:Name", or nothing.
func action(s string) string {
	a := word(s)
	service, name, ok := strings.Cut(a, ":")
	if !ok || len(a) > 128 || service == "" || name == "" || strings.Trim(service, lower+"-") != "" || strings.Trim(name, lower+upper) != "" {
		return ""
	}
	return a
}

const (
	lower = "abcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// principal is the ARN between "User: " and the refusal; a service writes
// there what it likes ("anonymous"), and only an ARN is of use.
func principal(m, low string) string {
	i := strings.LastIndex(low, "user: ")
	if i < 0 {
		return ""
	}
	return arn(word(m[i+len("user: "):]))
}

// resource is what stands behind "on resource:"; the reason that follows
// starts with a space, and no ARN of ours has one.
func resource(rest string) string {
	_, after, ok := strings.Cut(rest, " on resource: ")
	if !ok {
		return ""
	}
	return arn(word(after))
}

// arn keeps s when it is one, or the "*" that stands for all of them.
func arn(s string) string {
	if s == "*" {
		return s
	}
	if !strings.HasPrefix(s, "arn:") || strings.Count(s, ":") < 5 {
		return ""
	}
	return classify.Clean(s, arnLimit)
}

// word is the first word of s, without the quotes and markup around it.
func word(s string) string {
	s = strings.TrimLeft(s, ` "'`)
	if i := strings.IndexAny(s, " \"'<>&?,;"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimRight(s, ".)")
}
