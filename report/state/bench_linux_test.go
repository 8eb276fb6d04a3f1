package state

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/report/corpus"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/history"

	"vpcdoctor/report"
)

// BenchmarkRun is what the state directory adds to one healthy run: open, read
// the end of a full history, find what changed, keep the report for one sink and
// settle it. In memory, because the rest is the disk's: cpu-ms/op counts.
func BenchmarkRun(b *testing.B) {
	files, err := corpus.All("../testdata/scenarios")
	if err != nil {
		b.Fatal(err)
	}
	var r *report.Report
	for _, f := range files {
		if f.Kind == corpus.Healthy && f.Origin == corpus.Lab {
			s, err := f.Set()
			if err != nil {
				b.Fatal(err)
			}
			r = report.New(s, diagnose.Run(s, diagnose.Options{}), report.Tool{Version: "1"})
			break
		}
	}
	dir, err := os.MkdirTemp("/dev/shm", "vpcdoctor-test-") //nolint:usetesting // in memory
	if err != nil {
		b.Skip("no file system in memory")
	}
	defer os.RemoveAll(dir)
	once := func(i int) {
		r.Context.RunID = fmt.Sprintf("20261130T120000Z-%08x", i)
		d, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		past, more, err := d.Recent()
		if err != nil {
			b.Fatal(err)
		}
		entry := history.Of(r)
		r.Changes = history.Since(past, entry, more)
		if err := d.Land(r, entry, []string{"logs"}); err != nil {
			b.Fatal(err)
		}
		if w, err := d.Waiting("logs"); err != nil || len(w) != 1 {
			b.Fatal(len(w), err)
		}
		if err := d.Settle("logs", r.Context.RunID, "delivered"); err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 200 {
		once(i)
	}
	before := cpu()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		once(1000 + i)
	}
	b.ReportMetric(float64(cpu()-before)/1e6/float64(b.N), "cpu-ms/op")
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
