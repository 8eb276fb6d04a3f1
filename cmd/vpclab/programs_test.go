//go:build linux

package main

import (
	"os"
	"os/exec"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
)

// TestPrograms runs the scenarios in which real programs stand in for the
// lab's fakes. Where a program is not installed, its scenarios are skipped.
func TestPrograms(t *testing.T) {
	needLab(t)
	for _, s := range scenario.Programs() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, err := exec.LookPath(string(s.Program))
			if _, sbin := exec.LookPath("/usr/sbin/" + string(s.Program)); err != nil && sbin != nil {
				t.Skipf("%s is not installed here", s.Program)
			}
			if s.Program == world.Squid && os.Geteuid() != 0 {
				t.Skip("squid runs as a user of its own, which needs root")
			}
			r, err := checkIn(vpclabBin, doctorBin, t.TempDir(), &s, 1)
			if text := judge(&s, r, err); text != "" {
				t.Errorf("%s\n%s", text, r.Stderr)
			}
		})
	}
}
