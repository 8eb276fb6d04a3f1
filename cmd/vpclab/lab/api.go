//go:build linux

package lab

import (
	"fmt"
	"io"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// documents are the policies that worlds name.
var documents = map[world.Policy]string{
	world.ManagedInstanceCore:    probetest.ManagedInstanceCore,
	world.ManagedInstanceDefault: probetest.ManagedInstanceDefault,
	world.MinimalInstance:        probetest.MinimalInstance,
	world.Delivery:               probetest.Delivery,
}

// policies reads a world's policies; the first error is kept.
type policies struct{ err error }

func (p *policies) all(from []world.Policy) []*probetest.Policy {
	var out []*probetest.Policy
	for _, text := range from {
		if one := p.one(text); one != nil {
			out = append(out, one)
		}
	}
	return out
}

// one is nil for an empty text.
func (p *policies) one(text world.Policy) *probetest.Policy {
	if text == "" {
		return nil
	}
	if doc, ok := documents[text]; ok {
		text = world.Policy(doc)
	}
	out, err := probetest.ParsePolicy(string(text))
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("reading the policy %.80q: %w", text, err)
	}
	return out
}

// newAPI is the account behind every AWS front end of a world.
func newAPI(w *world.World, log io.Writer) (*probetest.API, error) {
	var p policies
	o := probetest.APIOptions{
		Region: w.Region, Partition: w.Partition, Account: w.Account, InstanceID: w.Instance.ID,
		Now:      func() time.Time { return time.Now().Add(w.Clock) },
		DateLie:  w.DateLie,
		SCPs:     p.all(w.IAM.SCPs),
		RCPs:     p.all(w.IAM.RCPs),
		OptedOut: w.IAM.OptedOut, Throttle: w.IAM.Throttle, Terse: w.IAM.Terse,
		Documents: w.Resources.Documents, Buckets: map[string]probetest.APIBucket{}, LogGroups: map[string]probetest.APILogGroup{},
		Log: log,
	}
	if text := w.Resources.Preferences; text != "" {
		o.Documents = map[string]string{"SSM-SessionManagerRunShell": text}
		for name, content := range w.Resources.Documents {
			o.Documents[name] = content
		}
	}
	for _, b := range w.Resources.Buckets {
		o.Buckets[b.Name] = probetest.APIBucket{Region: b.Region, Account: b.Account, SSE: b.SSE, KMSKey: b.KMSKey, Policy: p.one(b.Policy)}
	}
	for _, k := range w.Resources.Keys {
		o.Keys = append(o.Keys, probetest.APIKey{ID: k.ID, Region: k.Region, Account: k.Account, Aliases: k.Aliases, State: k.State, Policy: p.one(k.Policy)})
	}
	if !w.Resources.NoReportGroup {
		o.LogGroups[world.ReportGroup] = probetest.APILogGroup{}
	}
	for _, g := range w.Resources.LogGroups {
		o.LogGroups[g.Name] = probetest.APILogGroup{KMSKey: g.KMSKey, Streams: g.Streams}
	}
	for _, f := range w.Resources.Faults {
		o.Faults = append(o.Faults, probetest.APIFault{Action: f.Action, Mode: probetest.APIMode(f.Mode), Times: f.Times})
	}
	o.Credentials = credentials(w, &p)
	if managedRole(w) != nil {
		o.Managed = world.ManagedRole
	}
	return probetest.NewAPI(o), p.err
}

// credentials are all keys that the account ever gave to the instance.
func credentials(w *world.World, p *policies) []probetest.APICredential {
	profile := w.IAM.Role
	if profile == nil {
		profile = []world.Policy{world.ManagedInstanceCore}
	}
	role := func(name string, from []world.Policy) probetest.APIRole {
		return probetest.APIRole{Name: name, Policies: p.all(from)}
	}
	own := role(w.Instance.Role, profile)
	own.Boundary, own.Session = p.one(w.IAM.Boundary), p.one(w.IAM.Session)
	id := w.Instance.ID
	hybrid := role(world.HybridRole, []world.Policy{world.ManagedInstanceCore})
	if w.IAM.Others != nil { // the same keys, in the hands of another role
		hybrid = role(world.OthersRole, w.IAM.Others)
	}
	out := []probetest.APICredential{
		{Keys: probetest.IdentityKeys, Source: "instance identity", Role: role("aws:ec2-instance", []world.Policy{world.Allow("ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken")}), Session: id},
		{Keys: probetest.ManagedKeys, Source: "default host management", Role: role(world.ManagedRole, managedRole(w)), Session: id, Expires: managedExpiry(w)},
		{Keys: probetest.HybridKeys, Source: "hybrid activation", Role: hybrid, Session: hybridID(w)},
	}
	if w.Instance.Role != "" && w.Instance.RoleCode == "" {
		out = append(out, probetest.APICredential{Keys: probetest.ProfileKeys, Source: "instance profile", Role: own, Session: id, Expires: profileExpiry(w)})
	}
	return out
}

// managedRole are the policies of Default Host Management's role; nil: it is
// off. Where the agent has credentials from it, it is on.
func managedRole(w *world.World) []world.Policy {
	if w.IAM.Managed == nil && w.Host.Agent.Identity.Source == "SSM" {
		return []world.Policy{world.ManagedInstanceDefault}
	}
	return w.IAM.Managed
}

// profileExpiry is when the instance profile's credentials end; zero: not soon.
func profileExpiry(w *world.World) time.Time {
	if w.Instance.Expired {
		return time.Now().Add(-2 * time.Hour)
	}
	return time.Time{}
}

// managedExpiry is when the credentials in the agent's file end: an hour after
// it fetched them, by AWS's clock.
func managedExpiry(w *world.World) time.Time {
	if i := w.Host.Agent.Identity; i.Source == "SSM" {
		return time.Now().Add(w.Clock + time.Hour - i.Age)
	}
	return time.Time{}
}

// hybridID is the node id in the registration key of a hybrid activation.
func hybridID(w *world.World) string {
	_, rest, _ := strings.Cut(w.Host.Agent.Hybrid, `"instanceID":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// source is the way to the account by which connections to a service come.
// Its policy was read before, by checkPolicies.
func source(svc world.Service) probetest.APISource {
	var p policies
	s := probetest.APISource{}
	if e := svc.Endpoint; e != nil {
		s.Endpoint, s.VPC, s.Policy = e.ID, svc.VPC, p.one(e.Policy)
	}
	return s
}

// checkPolicies reads the policies of all endpoints, so that a wrong one stops
// the lab and not the first connection.
func checkPolicies(w *world.World) error {
	var p policies
	for _, v := range append([]world.VPC{w.VPC}, w.Networks...) {
		for _, e := range v.Endpoints {
			p.one(e.Policy)
		}
	}
	return p.err
}

// othersFiles puts somebody else's keys into root's credentials file, and into
// the agent's record that it uses them.
func othersFiles(w *world.World, f map[string]string) {
	const file, record = "/root/.aws/credentials", "/var/lib/amazon/ssm/runtimeconfig/identity_config.json"
	if w.IAM.Others == nil {
		return
	}
	f[file] = probetest.HybridKeys.File()
	f[record] = strings.Replace(f[record], `"ShareFile":""`, `"ShareFile":"`+file+`"`, 1)
}
