// Package awstest puts a sink under test in front of the fake account of
// probe/probetest: real HTTPS on loopback, real signatures, a CA of its own.
package awstest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
	"vpcdoctor/probe/trust"
	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/deliver/awscall"
	"vpcdoctor/report/diagnose"
)

// Instance is the id of the instance under test.
const Instance = "i-0123456789abcdef0"

// UserAgent of all its requests.
const UserAgent = "vpcdoctor/test (+diagnostic)"

// Shipped is the policy that packaging/iam gives to a role that delivers.
func Shipped(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../../packaging/iam/delivery.json") // as seen from the package of a sink
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("REGION", "us-east-1", "ACCOUNT", "111122223333", "BUCKET", "reports", "PREFIX", "fleet").Replace(string(b))
}

// Account is the fake with one role, which has this policy; empty: none.
func Account(policy string, change func(*probetest.APIOptions)) *probetest.API {
	role := probetest.APIRole{Name: "web"}
	if policy != "" {
		role.Policies = []*probetest.Policy{probetest.MustPolicy(policy)}
	}
	o := probetest.APIOptions{
		InstanceID:  Instance,
		Credentials: []probetest.APICredential{{Keys: probetest.ProfileKeys, Session: Instance, Role: role}},
	}
	if change != nil {
		change(&o)
	}
	return probetest.NewAPI(o)
}

// Front serves an account until the test ends.
func Front(t testing.TB, api *probetest.API) *probetest.APIFront {
	t.Helper()
	f, err := probetest.NewAPIFront(api)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// Keys are those of the role.
func Keys() aws.CredentialsProvider {
	k := probetest.ProfileKeys
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}, nil
	})
}

// Caller reaches the front by every name of us-east-1 and trusts its CA.
func Caller(t testing.TB, f *probetest.APIFront) awscall.Caller {
	t.Helper()
	return CallerAt(t, f, awscall.NewClock(0))
}

// CallerAt is Caller with a clock of one's own.
func CallerAt(t testing.TB, f *probetest.APIFront, clock *awscall.Clock) awscall.Caller {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, f.CA.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	store, _, err := trust.Load(trust.Options{CABundle: bundle})
	if err != nil {
		t.Fatal(err)
	}
	return awscall.Caller{
		Place: awscall.Place{Region: "us-east-1"}, Credentials: Keys(), Clock: clock,
		HTTP: awscall.NewHTTPClient(awscall.HTTPOptions{UserAgent: UserAgent, Clock: clock, Verify: store, Dial: f.Dial}),
	}
}

// Report is one with so many failed endpoints.
func Report(runID string, rows int, host string) *report.Report {
	v := diagnose.Verdict{
		Status: diagnose.Broken, Headline: "ssm is silent",
		Causes: []diagnose.Finding{{Code: "SG-02", Severity: diagnose.SevError, Subjects: []string{"ssm"}, Action: diagnose.Action{Do: "Allow TCP 443 in."}}},
	}
	for i := range rows {
		v.Rows = append(v.Rows, diagnose.Row{
			Key: "ssm", ID: "service-" + string(rune('a'+i%26)), Host: host, Need: "required", Path: "direct", Status: diagnose.Fail, Class: "own_vpc",
			DNS: diagnose.Check{Status: diagnose.Pass, Word: "2/2", MS: 1.5}, TCP: diagnose.Check{Status: diagnose.Fail, Word: "timeout"},
		})
	}
	set := &fact.Set{Schema: fact.SchemaVersion, Start: time.Now(), Run: fact.Run{ID: runID}}
	set.Place.Region = "us-east-1"
	set.IMDS.InstanceID, set.IMDS.ENIs = Instance, []fact.ENI{{VPCID: "vpc-1"}}
	return report.New(set, v, report.Tool{Version: "test"})
}

// Parcel is a report with so many failed endpoints, of a run at that time.
func Parcel(runID string, at time.Time, rows int) deliver.Parcel {
	return deliver.Parcel{RunID: runID, Time: at, Load: func() (*report.Report, error) {
		return Report(runID, rows, "ssm.us-east-1.amazonaws.com"), nil
	}}
}

// Fates collects what was settled.
type Fates map[string]deliver.Fate

// Note is a deliver.Settle.
func (f Fates) Note(runID string, fate deliver.Fate) { f[runID] = fate }
