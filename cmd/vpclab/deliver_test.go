//go:build linux

package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe"
	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/trust"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/toaws"
	"vpcdoctor/report/diagnose"
)

func init() { roles["deliver"] = deliverInside }

// deliverJob is what the role "deliver" is to do.
type deliverJob struct {
	To      []string
	Metrics string
	S3      string
	Limit   time.Duration
}

// deliverNote is what came of it.
type deliverNote struct {
	Status   string // of the verdict
	Outcomes []outcomeNote
	Gets     int // to the metadata service, by the facts
}

type outcomeNote struct {
	Sink, Where, Err string
	Delivered        int
	Took             time.Duration
}

// deliverInside gathers facts on the instance, judges them and delivers the
// report, with the parts of the binary: keys out of the run's own session with
// the metadata service, names by the instance's resolver, TLS by its store.
func deliverInside([]string) (any, error) {
	text, err := os.ReadFile(jobFile)
	if err != nil {
		return nil, err
	}
	var job deliverJob
	if err := json.Unmarshal(text, &job); err != nil {
		return nil, err
	}
	store, trusted, err := trust.Load(trust.Options{Reference: []string{os.Getenv("VPCDOCTOR_REFERENCE_ROOTS")}})
	if err != nil {
		return nil, err
	}
	var keys probe.RoleKeys
	defer keys.Close()
	ctx := context.Background()
	set := probe.Run(ctx, probe.Env{Root: "/", Getenv: os.Getenv, Command: agent.Exec, UID: os.Geteuid(), Keys: &keys},
		probe.Options{Version: "test", Trust: store, Profiles: []string{"session-manager"}, Services: []string{"logs"}}, trusted, nil)
	r := report.New(set, diagnose.Run(set, diagnose.Options{}), report.Tool{Version: "test"})
	sinks, err := toaws.Options{
		To: job.To, Metrics: job.Metrics, LogGroup: world.ReportGroup, S3: job.S3,
		Getenv: os.Getenv, UserAgent: probe.UserAgent("test"), Verify: store, Credentials: &keys,
	}.Sinks(r)
	if err != nil {
		return nil, err
	}
	at := set.Start
	if off, ok := set.ClockOffset(); ok {
		at = at.Add(-off.By)
	}
	p := deliver.Parcel{RunID: set.Run.ID, Time: at, Load: func() (*report.Report, error) { return r, nil }}
	note := deliverNote{Status: string(r.Verdict.Status), Gets: set.IMDS.GetCount}
	for _, o := range deliver.All(ctx, sinks, p, nil, job.Limit) {
		n := outcomeNote{Sink: o.Sink, Where: o.Where, Delivered: o.Fates[deliver.Delivered], Took: o.Took}
		if o.Err != nil {
			n.Err = o.Err.Error()
		}
		note.Outcomes = append(note.Outcomes, n)
	}
	return note, nil
}

// TestDelivery is a run on a simulated instance whose report goes to CloudWatch
// Logs and beyond, in good and in bad times.
func TestDelivery(t *testing.T) {
	allowed := func(w *world.World) { w.IAM.Role = []world.Policy{world.ManagedInstanceCore, world.Delivery} }
	with := func(more func(*world.World)) func(*world.World) {
		return func(w *world.World) { allowed(w); more(w) }
	}
	for name, tt := range map[string]struct {
		scenario string
		change   func(*world.World)
		job      deliverJob
		says     string // of the sink cloudwatch; empty: delivered
	}{
		"healthy":       {scenario: "role-delivers"},
		"group missing": {scenario: "role-core", change: with(func(w *world.World) { w.Resources.NoReportGroup = true }), says: "log group /vpcdoctor does not exist in"},
		"denied":        {scenario: "role-core", says: "logs:PutLogEvents on log group /vpcdoctor is denied: no identity-based policy allows it"},
		"denied by the endpoint": {scenario: "role-core", change: with(func(w *world.World) { w.VPC.Endpoint("logs").Policy = world.Allow("logs:DescribeLogGroups") }),
			says: "is denied: no VPC endpoint policy allows it (AccessDeniedException): allow logs:PutLogEvents in the VPC endpoint policy"},
		"throttled, then fine": {scenario: "role-core", change: with(func(w *world.World) {
			w.Resources.Faults = []world.CallFault{{Action: "logs:PutLogEvents", Mode: "throttle", Times: 2}, {Action: "logs:CreateLogStream", Mode: "throttle", Times: 1}}
		}), job: deliverJob{Limit: 30 * time.Second}},
		"logs endpoint dropped": {scenario: "role-core", change: with(func(w *world.World) { w.VPC.Endpoint("logs").Groups = []string{"sg-00000000000000bad"}; nobody(w) }),
			says: "no answer from logs."},
		"clock eleven months ahead": {scenario: "clock-ahead", change: allowed},
		"no role":                   {scenario: "role-core", change: func(w *world.World) { w.Instance.Role, w.Instance.Profile = "", "" }, says: "no credentials: the instance has no role: attach an instance profile"},
		"everywhere": {scenario: "nat-only", change: with(func(w *world.World) {
			w.IAM.Role = append(w.IAM.Role, world.Allow("s3:PutObject", "cloudwatch:PutMetricData"))
			w.Resources.Buckets = []world.Bucket{{Name: "example-reports"}}
		}), job: deliverJob{To: toaws.Words, Metrics: "put", S3: "s3://example-reports/fleet"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needLab(t)
			w := worldOf(t, tt.scenario)
			if tt.change != nil {
				tt.change(w)
			}
			if tt.job.To == nil {
				tt.job.To = []string{"cloudwatch"}
			}
			if tt.job.Limit == 0 {
				tt.job.Limit = 6 * time.Second
			}
			job, err := json.Marshal(tt.job)
			if err != nil {
				t.Fatal(err)
			}
			c := captureWith(t, w, "deliver", map[string]string{jobFile: string(job)})
			var note deliverNote
			c.noted(t, &note)
			for _, o := range note.Outcomes {
				t.Logf("%s: %s: %s: %v", o.Sink, o.Where, o.Err, o.Took.Round(time.Millisecond))
				if o.Took > tt.job.Limit+time.Second {
					t.Errorf("%s took %v of %v", o.Sink, o.Took, tt.job.Limit)
				}
				if tt.says == "" && (o.Err != "" || o.Delivered != 1) {
					t.Errorf("%s: %s", o.Sink, o.Err)
				}
			}
			if got := note.Outcomes[0]; tt.says != "" && !strings.Contains(got.Err, tt.says) {
				t.Errorf("got %q, want %q", got.Err, tt.says)
			}
			c.arrived(t, tt.says == "")
		})
	}
}

// nobody makes a security group that lets nobody in.
func nobody(w *world.World) {
	w.VPC.SecurityGroups = append(w.VPC.SecurityGroups, world.SecurityGroup{ID: "sg-00000000000000bad"})
}

// arrived looks at the account's record: the events of one whole run, or none;
// at most 25 GETs at the metadata service; no keys in what was sent.
func (c *captured) arrived(t *testing.T, want bool) {
	t.Helper()
	var got []string
	for _, x := range c.calls {
		if x.Delivered != nil && x.Operation == "PutLogEvents" {
			got = append(got, x.Delivered.Messages...)
		}
		if x.Signed && x.UserAgent != "vpcdoctor/test (+diagnostic)" {
			t.Errorf("%s by %q", x.Operation, x.UserAgent)
		}
	}
	if !want {
		if len(got) > 0 {
			t.Errorf("%d events arrived", len(got))
		}
		return
	}
	for i, m := range got {
		var e struct {
			Seq, Events int
			InstanceID  string `json:"instance_id"`
			Time        time.Time
		}
		if err := json.Unmarshal([]byte(m), &e); err != nil || e.Seq != i || e.Events != len(got) || e.InstanceID != c.world.Instance.ID {
			t.Errorf("event %d of %d: %v, %s", i, len(got), err, m)
		}
		if off := time.Until(e.Time) - c.world.Clock; off.Abs() > 5*time.Minute {
			t.Errorf("event %d is of %v", i, e.Time)
		}
		for _, secret := range probetest.APISecrets {
			if strings.Contains(m, secret) {
				t.Errorf("event %d holds a secret", i)
			}
		}
	}
	if len(got) < 3 {
		t.Errorf("only %d events", len(got))
	}
}
