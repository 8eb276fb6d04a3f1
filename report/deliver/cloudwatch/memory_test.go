//go:build linux

package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/trust"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/deliver/awscall/awstest"
)

// memoryEnv makes this test binary a process that holds a report and, when it
// is to, delivers it.
const memoryEnv = "VPCDOCTOR_TEST_MEMORY"

type memoryJob struct {
	Address, CA   string // of the front
	Rows, Backlog int
	Deliver       bool
}

func TestMain(m *testing.M) {
	if job := os.Getenv(memoryEnv); job != "" {
		if err := holdAndDeliver(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func holdAndDeliver(text string) error {
	var job memoryJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	r := awstest.Report("r", job.Rows, strings.Repeat("h", 200)+".example")
	store, _, err := trust.Load(trust.Options{CABundle: job.CA})
	if err != nil {
		return err
	}
	clock := awscall.NewClock(0)
	client := awscall.NewHTTPClient(awscall.HTTPOptions{Clock: clock, Verify: store, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, job.Address)
	}})
	resp, err := client.Get("https://logs.us-east-1.amazonaws.com/") // every run has spoken TLS before it delivers
	if err != nil {
		return err
	}
	resp.Body.Close()
	if job.Deliver {
		s, err := New(Options{
			Group: group, InstanceID: awstest.Instance, Metrics: true, Place: awscall.Place{Region: "us-east-1"}, Credentials: awstest.Keys(), Clock: clock, HTTP: client,
		})
		if err != nil {
			return err
		}
		var parcels []deliver.Parcel
		for i := range job.Backlog {
			parcels = append(parcels, awstest.Parcel(fmt.Sprintf("b%d", i), time.Now().Add(time.Duration(i-job.Backlog)*time.Minute), 40))
		}
		parcels = append(parcels, deliver.Parcel{RunID: "r", Time: time.Now(), Load: func() (*report.Report, error) { return r, nil }})
		start := time.Now()
		if _, err := s.Deliver(context.Background(), parcels, func(string, deliver.Fate) {}); err != nil {
			return err
		}
		fmt.Printf("took %v\n", time.Since(start).Round(time.Millisecond))
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
	fmt.Printf("rows %d\n", len(r.Verdict.Rows)) // keeps the report
	return nil
}

// TestMemory: delivery costs at most 10 MB beyond what the process had, with a
// usual report and a backlog, and with one of more than 5 MB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: under the race detector memory is another matter")
	}
	const most = 10_000 // kB
	for name, job := range map[string]memoryJob{"usual, 20 wait": {Rows: 40, Backlog: 20}, "6 MB": {Rows: 8000}} {
		api := account(t, nil)
		f := awstest.Front(t, api)
		job.Address, job.CA = f.Address(), t.TempDir()+"/ca.pem"
		if err := os.WriteFile(job.CA, f.CA.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		without := peak(t, job)
		job.Deliver = true
		with := min(peak(t, job), peak(t, job)) // when the collector runs is partly chance
		t.Logf("%s: %d kB without delivery, %d kB with", name, without, with)
		if with-without > most {
			t.Errorf("%s: delivery costs %d kB", name, with-without)
		}
		if len(api.LogEvents()) != 2*(job.Rows+1+41*job.Backlog) {
			t.Errorf("%s: %d events", name, len(api.LogEvents()))
		}
	}
}

// peak is the most memory that a process with the job had, in kB.
func peak(t *testing.T, job memoryJob) (kB int) {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), memoryEnv+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if took, _, ok := strings.Cut(string(out), "\n"); ok && job.Deliver {
		t.Log(took)
	}
	return kB
}
