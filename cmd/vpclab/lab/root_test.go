//go:build linux

package lab

import "testing"

// A system directory of the host must never be shared writable: the instance
// writes its own files there.
func TestShareable(t *testing.T) {
	for dir, want := range map[string]bool{
		"/": false, "/etc": false, "/etc/ssl": false, "/var": false, "/var/lib/x": false, "/usr/bin": false, "/run/user/0": false,
		"/tmp": true, "/tmp/x": true, "/home/me": true, "/root": true, "/var/folders/x": true, "/etcetera": true, "/srv/project": true,
	} {
		if got := shareable(dir); got != want {
			t.Errorf("%s: %v", dir, got)
		}
	}
}
