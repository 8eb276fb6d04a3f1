package catalog

import (
	"fmt"
	"strings"
)

// UnknownError says that a name means nothing to the catalogue.
type UnknownError struct {
	Kind string   // service | profile | region
	Name string   // as given
	Near []string // at most three names that may have been meant
	Hint string   // what to do instead, a clause; empty: nothing special
}

// Error names the nearest names there are.
func (e *UnknownError) Error() string {
	msg := fmt.Sprintf("unknown %s %q", e.Kind, cut(e.Name))
	if len(e.Near) > 0 {
		msg += ": did you mean " + orList(e.Near) + "?"
	}
	if e.Hint != "" {
		msg += " (" + e.Hint + ")"
	}
	return msg
}

// NotInRegionError says that a service exists, but not in the Region asked
// about, as far as the catalogue's sources go.
type NotInRegionError struct {
	Name   string   // as given
	ID     string   // catalogue id
	Region string   // asked about
	Known  []string // Regions where a source places it, those of the same partition first
	Note   string   // what the catalogue says about this case
}

// maxKnownShown is how many Regions an error message lists: two lines of text.
const maxKnownShown = 6

// Error says where the service is known to be.
func (e *NotInRegionError) Error() string {
	known := "nowhere"
	if n := len(e.Known); n > maxKnownShown {
		known = fmt.Sprintf("%s and %d more", strings.Join(e.Known[:maxKnownShown], ", "), n-maxKnownShown)
	} else if n > 0 {
		known = strings.Join(e.Known, ", ")
	}
	msg := fmt.Sprintf("service %q is not offered as an endpoint in %s; known in %s", cut(e.Name), e.Region, known)
	if e.Note != "" {
		msg += " (" + e.Note + ")"
	}
	return msg
}

// cut bounds a name that goes into a message.
func cut(s string) string {
	const most = 80 // one line of a terminal
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// orList is "a", "a or b", "a, b or c".
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
