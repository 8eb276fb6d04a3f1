package agent

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkRead reads this machine as it is, service manager included.
func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		Read(b.Context(), Options{UID: os.Geteuid()})
	}
}

// BenchmarkReadMany reads a made-up host of a thousand processes with thirty
// files each, where counting watchers is cut by its time.
func BenchmarkReadMany(b *testing.B) {
	tr := system(core, worker, limits)
	for i := range 1000 {
		for fd := range 30 {
			tr[fmt.Sprintf("/proc/%d/fd/%d", 1000+i, fd)] = "-> /dev/null"
		}
	}
	root := tr.write(b)
	b.ResetTimer()
	for b.Loop() {
		Read(b.Context(), Options{Root: root, Command: (&commands{}).run})
	}
}
