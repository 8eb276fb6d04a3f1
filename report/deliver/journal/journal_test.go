package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/summary"
)

// sample is a report with everything that a field is made of.
func sample() *report.Report {
	s := &fact.Set{Schema: fact.SchemaVersion, Start: time.Date(2026, 11, 30, 9, 15, 12, 0, time.UTC)}
	s.Run.ID, s.IMDS.InstanceID, s.Place.Region = "20261130T091512Z-3fa9c1d2", "i-0a1b2c3d4e5f60718", "eu-west-1"
	v := diagnose.Verdict{Status: diagnose.Broken, Headline: "ssm is silent.", Causes: []diagnose.Finding{
		{Code: "SG-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "T", Evidence: []diagnose.Evidence{{Text: strings.Repeat("no answer ", 60)}, {Text: strings.Repeat("none either ", 50)}}},
		{Code: "DN-05", Severity: diagnose.SevWarning}, {Code: "EP-04", Severity: diagnose.SevInfo},
	}}
	return report.New(s, v, report.Tool{Name: "vpcdoctor", Version: "0.1.0"})
}

func parcel(r *report.Report) []deliver.Parcel {
	return []deliver.Parcel{{RunID: r.Context.RunID, Load: func() (*report.Report, error) { return r, nil }}}
}

// parse reads an entry as journald does.
func parse(t testing.TB, b []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	for len(b) > 0 {
		l, rest, found := bytes.Cut(b, []byte{'\n'})
		if !found {
			t.Fatalf("no newline after %q", l)
		}
		name, value, equal := strings.Cut(string(l), "=")
		if !equal {
			if len(rest) < 8 {
				t.Fatalf("no length after %q", l)
			}
			n := binary.LittleEndian.Uint64(rest)
			rest = rest[8:]
			if n+1 > uint64(len(rest)) || rest[n] != '\n' {
				t.Fatalf("%s: length %d, %d bytes are left", name, n, len(rest))
			}
			value, rest = string(rest[:n]), rest[n+1:]
		}
		if _, twice := out[name]; twice || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" || len(name) > 64 {
			t.Errorf("field %q", name)
		}
		out[name], b = value, rest
	}
	return out
}

// listener is a socket where nothing is read unless the test does.
func listener(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "j") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "socket")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("no datagram sockets here: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

func TestEntry(t *testing.T) {
	c, path := listener(t)
	r := sample()
	settled := ""
	where, err := New(Options{Socket: path}).Deliver(t.Context(), parcel(r), func(id string, f deliver.Fate) { settled = id + " " + string(f) })
	if err != nil || where != "the journal" || settled != r.Context.RunID+" delivered" {
		t.Fatalf("%q, %q, %v", where, settled, err)
	}
	b := make([]byte, 1<<20)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, b[:n])
	for name, want := range map[string]string{
		"MESSAGE":  "BROKEN SG-02 i-0a1b2c3d4e5f60718 eu-west-1: ssm is silent. (and 1 more)",
		"PRIORITY": "3", "MESSAGE_ID": MessageID, "SYSLOG_IDENTIFIER": "vpcdoctor", "VPCDOCTOR_STATUS": "broken", "VPCDOCTOR_CODE": "SG-02",
		"VPCDOCTOR_CODES": "SG-02,DN-05", "VPCDOCTOR_RUN_ID": r.Context.RunID, "VPCDOCTOR_CONFIDENCE": "likely", "VPCDOCTOR_REGION": "eu-west-1",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if d, err := summary.Read([]byte(got["VPCDOCTOR_SUMMARY"])); err != nil || d.RunID != r.Context.RunID || len(d.Causes) != 3 {
		t.Errorf("%v: %s", err, got["VPCDOCTOR_SUMMARY"])
	}
	if !bytes.Contains(b[:n], []byte("\nVPCDOCTOR_SUMMARY\n")) {
		t.Error("a long field has no length")
	}
}

// A journald that does not read holds the run no longer than the deadline, and
// an end of the context ends it at once.
func TestStuck(t *testing.T) {
	_, path := listener(t)
	r := sample()
	s := New(Options{Socket: path})
	for i := range 10_000 { // until the queue is full
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		start := time.Now()
		_, err := s.Deliver(ctx, parcel(r), func(string, deliver.Fate) {})
		cancel()
		if err != nil {
			if took := time.Since(start); i == 0 || took > 3*time.Second {
				t.Errorf("entry %d: %v after %v", i, err, took)
			}
			return
		}
	}
	t.Error("the queue of a socket never fills")
}

func TestNoJournal(t *testing.T) {
	for path, want := range map[string]string{filepath.Join(t.TempDir(), "none"): "no journal here", "/dev/null": "journal: "} {
		where, err := New(Options{Socket: path}).Deliver(t.Context(), parcel(sample()), func(string, deliver.Fate) { t.Error("settled") })
		if err == nil || !strings.Contains(err.Error(), want) || where == "" {
			t.Errorf("%s: %q, %v", path, where, err)
		}
	}
}

// No value makes a field of its own, and the entry stays small.
func TestHostile(t *testing.T) {
	evil := "x\nPRIORITY=0\nMESSAGE\n\x08\x00\x00\x00" + strings.Repeat("y=\n", 1<<16)
	f := diagnose.Finding{Code: diagnose.Code(evil), Severity: diagnose.SevError, Confidence: diagnose.Confidence(evil), Title: evil}
	v := diagnose.Verdict{Status: diagnose.Status(evil), Headline: evil}
	for range 1000 {
		v.Causes = append(v.Causes, f)
	}
	r := report.New(nil, v, report.Tool{Version: evil})
	r.Context.InstanceID, r.Context.RunID, r.Context.Region, r.Context.VPCID, r.Context.SubnetID = evil, evil, evil, evil, evil
	b := Entry(r)
	got := parse(t, b)
	if got["PRIORITY"] != "5" || got["MESSAGE_ID"] != MessageID || len(b) > 64<<10 || !json.Valid([]byte(got["VPCDOCTOR_SUMMARY"])) {
		t.Errorf("%d bytes, priority %s", len(b), got["PRIORITY"])
	}
}

func TestPriority(t *testing.T) {
	for status, want := range map[diagnose.Status]int{diagnose.Healthy: 6, diagnose.Degraded: 4, diagnose.Broken: 3, diagnose.Inconclusive: 5, "": 5} {
		r := report.New(nil, diagnose.Verdict{Status: status}, report.Tool{})
		if got := parse(t, Entry(r))["PRIORITY"]; got != strconv.Itoa(want) {
			t.Errorf("%s: %s, want %d", status, got, want)
		}
	}
}
