package state

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vpcdoctor/report/deliver"
	"vpcdoctor/report/history"
)

// The test binary is also a program that does over and over what a run does
// with a state directory, and tells each step on stdout before the next: a
// parent kills it wherever it happens to be.
const carrierEnv = "VPCDOCTOR_TEST_CARRIER" // DIR,FIRST RUN,RUNS

func TestMain(m *testing.M) {
	if args := os.Getenv(carrierEnv); args != "" {
		a := strings.Split(args, ",")
		first, _ := strconv.Atoi(a[1])
		n, _ := strconv.Atoi(a[2])
		carry(a[0], first, n)
		return
	}
	os.Exit(m.Run())
}

// steady is what the tests below keep: enough that nothing is dropped, little
// enough that everything turns over.
var steady = Limits{Runs: 5, RunBytes: 1 << 20, Parcels: 5000, ParcelBytes: 64 << 20, History: 16 << 10}

func tell(word, sink, id string) { _, _ = os.Stdout.WriteString(word + " " + sink + " " + id + "\n") }

// carry lives the runs first to first+n-1. Each lands, and is delivered to two
// sinks with what waits there.
func carry(dir string, first, n int) {
	for i := range n {
		id := runID(first + i)
		d, err := Open(dir, Options{Limits: steady, Wait: 20 * time.Second})
		if err != nil {
			tell("fault", "-", err.Error())
			continue
		}
		r := run(id, noon)
		tell("try", "-", id)
		if err := d.Land(r, history.Of(r), []string{"logs", "s3"}); err != nil {
			tell("fault", "-", err.Error())
		} else {
			tell("landed", "-", id)
		}
		deliver.All(context.Background(), []deliver.Sink{carrier("logs"), carrier("s3")}, deliver.ParcelOf(r), d, time.Minute)
		for _, note := range d.Notes() {
			if !strings.Contains(note, "another run delivers") {
				tell("fault", "-", note)
			}
		}
		if err := d.Close(); err != nil {
			tell("fault", "-", err.Error())
		}
	}
}

// carrier is a sink that takes what it is given, most of the time.
type carrier string

func (c carrier) Name() string { return string(c) }
func (c carrier) Keeps() bool  { return true }
func (c carrier) Deliver(_ context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	for i, p := range parcels {
		if rand.IntN(8) == 0 {
			return "", errors.New("cut off")
		}
		if r, err := p.Load(); err != nil || r.Context.RunID != p.RunID {
			tell("fault", string(c), fmt.Sprint(p.RunID, " ", err))
		}
		fate := deliver.Delivered
		if i%16 == 15 {
			fate = deliver.Rejected
		}
		tell("sent", string(c), p.RunID)
		settle(p.RunID, fate)
		tell("settled", string(c), p.RunID)
	}
	return "", nil
}

// ledger is what carriers have told.
type ledger struct {
	tried, landed map[string]bool
	sent, settled map[string]int // "logs run-id"
	faults        []string
}

func newLedger() *ledger {
	return &ledger{map[string]bool{}, map[string]bool{}, map[string]int{}, map[string]int{}, nil}
}

// read takes what one carrier told. It must have sent in the order of runs.
func (l *ledger) read(out []byte) {
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		word, rest, _ := strings.Cut(sc.Text(), " ")
		_, id, _ := strings.Cut(rest, " ")
		switch word {
		case "try":
			l.tried[id] = true
		case "landed":
			l.landed[id] = true
		case "sent":
			if l.settled[rest] > 0 {
				l.faults = append(l.faults, "sent again after it was settled: "+rest)
			}
			l.sent[rest]++
		case "settled":
			l.settled[rest]++
		default:
			l.faults = append(l.faults, sc.Text())
		}
	}
}

// check holds the directory against the ledger.
func (l *ledger) check(t *testing.T, dir string) {
	t.Helper()
	d := mustOpen(t, dir, steady)
	defer d.Close()
	for _, f := range l.faults[:min(len(l.faults), 10)] {
		t.Error(f)
	}
	for _, sink := range []string{"logs", "s3"} {
		left := waiting(t, d, sink)
		for id := range l.landed {
			key := sink + " " + id
			if l.sent[key] == 0 && !slices.Contains(left, id) {
				t.Errorf("%s is lost for %s", id, sink)
			}
			if l.settled[key] > 0 && slices.Contains(left, id) {
				t.Errorf("%s is settled and waits for %s all the same", id, sink)
			}
		}
		for _, id := range left {
			if !l.tried[id] {
				t.Errorf("%s waits for %s and was never a run", id, sink)
			}
		}
	}
	entries, err := d.History()
	if err != nil || len(entries) == 0 && len(l.landed) > 0 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	seen := map[string]bool{}
	for i, e := range entries {
		if i > 0 && e.Seq <= entries[i-1].Seq || seen[e.RunID] || !l.tried[e.RunID] {
			t.Errorf("entry %d (%s) follows %d", e.Seq, e.RunID, entries[max(0, i-1)].Seq)
		}
		seen[e.RunID] = true
	}
	// Nothing that landed is missing between the first and the last line.
	missing := 0
	for id := range l.landed {
		if !seen[id] {
			missing++
		}
	}
	if most := len(l.landed) - min(len(l.landed), 30); missing > most {
		t.Errorf("%d of %d runs that landed have no line", missing, len(l.landed))
	}
	if last, err := d.Last(); len(l.landed) > 0 && (err != nil || !l.tried[last.Context.RunID]) {
		t.Errorf("last report: %v", err)
	}
	if bad, err := os.ReadDir(filepath.Join(dir, badName)); err == nil {
		t.Errorf("set aside: %v", bad)
	}
}

// memoryDir is a directory on a file system in memory where there is one: a
// process there is killed at work and not while it waits for a disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "vpcdoctor-test-") //nolint:usetesting // in memory
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// told is the stdout of a carrier; begun closes at its first word.
type told struct {
	out   bytes.Buffer
	begun chan struct{}
	once  sync.Once
}

func (t *told) Write(b []byte) (int, error) {
	t.once.Do(func() { close(t.begun) })
	return t.out.Write(b)
}

func startCarrier(t *testing.T, dir string, first, n int) (*exec.Cmd, *told) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s,%d,%d", carrierEnv, dir, first, n))
	out := &told{begun: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// TestKill: a process that is killed at any point loses nothing that it has
// written, sends nothing twice that it has settled, and leaves a directory that
// the next one can use.
func TestKill(t *testing.T) {
	for _, place := range []struct {
		name  string
		dir   string
		kills int
	}{{"memory", memoryDir(t), 220}, {"disk", t.TempDir(), 30}} {
		t.Run(place.name, func(t *testing.T) {
			l := newLedger()
			after := 10 * time.Millisecond // at most, from the first word on
			for k := range place.kills {
				cmd, out := startCarrier(t, place.dir, 1000*k, 1000)
				select {
				case <-out.begun:
				case <-time.After(30 * time.Second):
				}
				time.Sleep(rand.N(after))
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				before := len(l.landed)
				l.read(out.out.Bytes())
				if len(l.landed) > before { // about one run, however busy the machine
					after = after * 9 / 10
				} else {
					after = min(after*5/4, time.Second)
				}
				if k%20 == 0 {
					l.check(t, place.dir)
				}
				if t.Failed() {
					t.Fatalf("after %d kills", k+1)
				}
			}
			l.check(t, place.dir)
			d := mustOpen(t, place.dir, steady)
			mustLand(t, d, run(runID(1<<30), noon))
			if runs, err := d.list(runsName); err != nil || len(runs) != steady.Runs {
				t.Errorf("%d whole reports, %v", len(runs), err)
			}
			t.Logf("%d runs tried, %d landed, %d sent", len(l.tried), len(l.landed), len(l.sent))
			if len(l.landed) < place.kills/4 {
				t.Errorf("only %d runs landed under %d kills: killed too early to show anything", len(l.landed), place.kills)
			}
		})
	}
}

// TestMeet: runs that meet in one directory send everything exactly once.
func TestMeet(t *testing.T) {
	dir := memoryDir(t)
	l := newLedger()
	var wg sync.WaitGroup
	var outs [4]*told
	for i := range outs {
		cmd, out := startCarrier(t, dir, 1000*i, 25)
		outs[i] = out
		wg.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, out := range outs {
		l.read(out.out.Bytes())
	}
	l.check(t, dir)
	if len(l.landed) != 100 {
		t.Errorf("%d of 100 runs landed", len(l.landed))
	}
	for key, n := range l.sent {
		if n != 1 || l.settled[key] != 1 {
			t.Errorf("%s: sent %d times, settled %d times", key, n, l.settled[key])
		}
	}
}
