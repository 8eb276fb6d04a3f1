//go:build !linux

package host

import "vpcdoctor/probe/fact"

// clock has no counterpart of adjtimex here.
func clock() fact.Clock { return fact.Clock{Outcome: fact.Skip("not Linux")} }
