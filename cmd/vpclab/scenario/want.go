package scenario

import (
	"errors"
	"fmt"
	"slices"
)

// Check tells how a verdict differs from what is wanted; nil: it does not.
// codes are those of the verdict's causes, in its order.
func (w Want) Check(status string, codes []string, exit int) error {
	var faults []error
	if w.Status != "" && status != w.Status {
		faults = append(faults, fmt.Errorf("verdict is %s, want %s", status, w.Status))
	}
	if len(w.Codes) > 0 && (len(codes) == 0 || !slices.Contains(w.Codes, codes[0])) {
		faults = append(faults, fmt.Errorf("causes are %v, want %v first", codes, w.Codes))
	}
	for _, c := range w.Never {
		if slices.Contains(codes, c) {
			faults = append(faults, fmt.Errorf("causes are %v, and %s must not be among them", codes, c))
		}
	}
	if exit != w.Exit {
		faults = append(faults, fmt.Errorf("exit code %d, want %d", exit, w.Exit))
	}
	return errors.Join(faults...)
}
