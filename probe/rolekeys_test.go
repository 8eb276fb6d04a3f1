package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/imds"
	"vpcdoctor/probe/probetest"
)

// opened are keys that a run has filled, which is over.
func opened(t *testing.T, i probetest.IMDSInstance, mode probetest.IMDSMode) (*RoleKeys, *probetest.IMDS) {
	t.Helper()
	i.InstanceID, i.Region, i.AZ = "i-0123456789abcdef0", "us-east-1", "us-east-1a"
	fake := probetest.NewIMDS(i)
	fake.Mode = mode
	s := httptest.NewUnstartedServer(fake)
	s.Config = fake.Server()
	s.Start()
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(t.Context())
	m, session := imds.Open(ctx, imds.Options{Endpoint: s.URL})
	cancel()
	k := &RoleKeys{}
	k.open(session, m.Role, time.Now)
	t.Cleanup(k.Close)
	return k, fake
}

func TestRoleKeysServeSignedCallsAndDelivery(t *testing.T) {
	k, fake := opened(t, probetest.IMDSInstance{Role: "web"}, probetest.IMDSMode{})
	before := fake.Counts()
	document, get := k.ask(t.Context())
	if get.Status != fact.OK || !strings.Contains(string(document), probetest.ProfileKeys.Secret) {
		t.Fatalf("%+v", get)
	}
	clear(document) // as the signed calls do
	for range 3 {
		c, err := k.Retrieve(t.Context())
		if err != nil || c.AccessKeyID != probetest.ProfileKeys.ID || c.SecretAccessKey != probetest.ProfileKeys.Secret || c.SessionToken != probetest.ProfileKeys.Token || !c.CanExpire {
			t.Fatalf("%v, %v", c.AccessKeyID, err)
		}
	}
	if after := fake.Counts(); after.Puts != 1 || after.Gets != before.Gets+1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	var set fact.Set
	k.tell(&set)
	if set.IMDS.GetCount != 1 || len(set.IMDS.Gets) != 1 || set.Run.Packets.IMDSGets != 1 {
		t.Errorf("told %+v", set.IMDS)
	}
	text, err := json.Marshal(k)
	shown := string(text) + fmt.Sprintf("%v %+v %#v %s", k, k, k, k)
	for _, secret := range probetest.APISecrets {
		if err != nil || strings.Contains(shown, secret) {
			t.Errorf("%v: %s", err, shown)
		}
	}
	held := k.document
	k.Close()
	if strings.Trim(string(held), "\x00") != "" {
		t.Error("the keys are still in memory")
	}
	if _, err := k.Retrieve(t.Context()); err == nil {
		t.Error("keys after Close")
	}
	if document, get := k.ask(t.Context()); document != nil || get.Status != fact.NotRun {
		t.Errorf("a document after Close: %+v", get)
	}
}

// TestRoleKeysRunOut: keys that end are asked for anew, by the time of the world
// and not by our own wrong clock.
func TestRoleKeysRunOut(t *testing.T) {
	k, fake := opened(t, probetest.IMDSInstance{Role: "web", Expires: time.Now().Add(time.Minute)}, probetest.IMDSMode{})
	asked := func() int {
		before := fake.Counts().Gets
		_, _ = k.Retrieve(t.Context())
		return fake.Counts().Gets - before
	}
	if n := asked(); n != 1 {
		t.Errorf("%d GETs at first", n)
	}
	if n := asked(); n != 0 {
		t.Errorf("%d GETs while the keys are good", n)
	}
	k.now = func() time.Time { return time.Now().Add(time.Hour) }
	k.correct(time.Hour)
	if n := asked(); n != 0 {
		t.Errorf("%d GETs because our clock is wrong", n)
	}
	k.correct(0)
	if n := asked(); n != 1 {
		t.Errorf("%d GETs for keys that ran out", n)
	}
	for range 30 { // the budget ends it
		_, _ = k.Retrieve(t.Context())
	}
	if c := fake.Counts(); c.Gets > 25 || c.Puts != 1 {
		t.Errorf("%+v", c)
	}
}

func TestNoRoleKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		i    probetest.IMDSInstance
		mode probetest.IMDSMode
		says string
	}{
		"no role":  {probetest.IMDSInstance{}, probetest.IMDSMode{}, "the instance has no role: attach an instance profile"},
		"empty":    {probetest.IMDSInstance{Role: "web"}, probetest.IMDSMode{RoleEmpty: true}, "the instance profile holds no role"},
		"no trust": {probetest.IMDSInstance{Role: "web"}, probetest.IMDSMode{RoleCode: "AssumeRoleUnauthorizedAccess"}, "no credentials of the role (AssumeRoleUnauthorizedAccess)"},
		"off":      {probetest.IMDSInstance{Role: "web"}, probetest.IMDSMode{Disabled: true}, "did not tell of a role"},
	} {
		k, fake := opened(t, tt.i, tt.mode)
		asked := fake.Counts().Gets
		if _, err := k.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		if fake.Counts().Gets != asked {
			t.Errorf("%s: a GET for nothing", name)
		}
	}
	if _, err := (&RoleKeys{}).Retrieve(t.Context()); err == nil {
		t.Error("keys without a run")
	}
	k, fake := opened(t, probetest.IMDSInstance{Role: "web"}, probetest.IMDSMode{})
	fake.Mode.RoleCode = "AssumeRoleUnauthorizedAccess"
	if _, err := k.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "did not hand out the role's keys") {
		t.Errorf("no longer served: %v", err)
	}
}
