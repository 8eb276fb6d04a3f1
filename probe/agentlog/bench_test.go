//go:build unix

package agentlog

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// big makes a log of a size out of a sample of the real agent.
func big(t testing.TB, f string, size int) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", f))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Repeat(b, size/len(b)+1))
}

// cpu is the processor time of this process: wall time says little on a busy
// machine.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRead reads the whole window: of a healthy agent, and of one that
// writes nothing but errors. Figures of issue 4: 60 ms, 6 MB.
func BenchmarkRead(b *testing.B) {
	for _, f := range []string{"real-healthy.log", "real-tls-intercept-one.log", "real-poll-broken.log", "real-imds-403.log"} {
		b.Run(f, func(b *testing.B) {
			root := place(b, map[string]string{mainLog: big(b, f, window)})
			b.SetBytes(window)
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				Read(b.Context(), Options{Root: root, Zone: time.UTC})
			}
			b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// TestMemory: the window is 4 MB, and what is kept of it is small at any time.
func TestMemory(t *testing.T) {
	root := place(t, map[string]string{mainLog: big(t, "real-poll-broken.log", window), errorLog: big(t, "real-imds-403.log", window)})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := Read(t.Context(), Options{Root: root, Zone: time.UTC})
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 6<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if l.Files[0].Read != window {
		t.Errorf("%+v", l.Files)
	}
}
