// Package signed makes the few harmless calls that show what the SSM Agent's
// credentials are allowed to do, over the path that the agent itself uses.
//
// In go the facts of a run, and connections that the caller opened; out come
// which sources of credentials exist, which one the agent uses now, and one
// fact per call: what AWS answered, who refused it and where. Each call is made
// once: no retry, no second address, no correction of the clock, because the
// agent has none either and a correction would hide the fault.
//
// The package reads and never changes anything: its calls are listed in
// calls.go. Keys stay in memory and in the signature; they never enter a fact,
// an error or any text form. Nothing is sent on a connection whose certificate
// the system's roots do not verify.
package signed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vpcdoctor/probe/fact"
)

// Verifier judges certificates; *trust.Store has both halves, see dial.Verifier.
type Verifier interface {
	System(chain []*x509.Certificate, at time.Time) fact.Verified
	Name(leaf *x509.Certificate, host string) fact.Verified
}

// Options is how the calls are made. Open and Trust are needed for any call.
type Options struct {
	NoCalls      string // why nothing is called, "--no-signed": credentials are only listed; empty: calls are made
	AgentChannel bool   // --agent-channel: CreateControlChannel, while the agent is down
	Rehearse     bool   // more calls follow through the Client, so keys are read even if none is planned here
	UserAgent    string // of every request
	Root         string // of the file system; empty: "/"

	Now func() time.Time // nil: time.Now; the signature carries it as it is

	// Open gives a TLS connection to a working address of a target, direct or
	// through the agent's proxy (then its host:port), as the agent would connect.
	// It is called from several goroutines. Without a connection the outcome says
	// why. Whether the certificate is good is checked here, not there.
	Open func(ctx context.Context, t fact.Target) (c *tls.Conn, addr netip.AddrPort, proxy string, o fact.Outcome)

	// Trust verifies what Open gives. Nil: nothing is ever sent.
	Trust Verifier

	// RoleCredentials asks the metadata service for the role's credentials and
	// returns the body of its answer, which is wiped after reading.
	RoleCredentials func(ctx context.Context) ([]byte, fact.IMDSGet)

	// Memory keeps denials between runs. Nil: none.
	Memory *Memory
}

// Read finds the agent's credentials and makes the calls of [Plan] with them.
// The Client makes further calls with the same credentials; it is nil when
// there are none or nothing may be called.
func Read(ctx context.Context, set *fact.Set, o Options) (fact.Signed, *Client) {
	if o.Now == nil {
		o.Now = time.Now
	}
	var s fact.Signed
	plan := Plan(set, o)
	why := barred(set, o)
	s.Credentials = sources(set)
	var k *keys
	if set.Agent.Access.Status == fact.OK {
		k = o.retrieve(ctx, s.Credentials, set, why == "" && (o.Rehearse || anyPlanned(plan)))
	}
	if why == "" && k == nil && (o.Rehearse || anyPlanned(plan)) {
		why = "no credentials"
	}
	s.Outcome = fact.Outcome{Status: fact.OK, Start: o.Now().UTC()}
	if why != "" {
		s.Outcome = fact.Skip(why)
		for i := range plan {
			if plan[i].Skipped == "" {
				plan[i].Skipped = why
			}
		}
	}
	c := &Client{o: o, keys: k.forSigner, credential: selected(s.Credentials), account: set.IMDS.AccountID}
	s.Calls = c.Do(ctx, plan)
	if k == nil {
		return s, nil
	}
	return s, c
}

// barred tells why nothing at all may be called.
func barred(set *fact.Set, o Options) string {
	switch a := set.Agent.Access; {
	case o.NoCalls != "":
		return o.NoCalls
	case a.Status != fact.OK && a.Skipped != "":
		return a.Skipped // the agent's credentials and path are not ours to know
	case a.Status != fact.OK:
		return "the agent was not looked at"
	case home(set) != "" && set.Place.Region != home(set):
		return "another Region than the agent's was asked for"
	case o.Open == nil || o.Trust == nil:
		return "no way to open a verified connection"
	}
	return ""
}

// home is the Region that the agent works in, when it is known.
func home(set *fact.Set) string {
	if id := set.Agent.Identity; onPrem(id) {
		return id.HybridIn
	}
	return set.Place.IMDSRegion
}

func anyPlanned(plan []*Planned) bool {
	for _, p := range plan {
		if p.Skipped == "" {
			return true
		}
	}
	return false
}

// Client makes calls with one set of credentials. No text form of it shows them.
type Client struct {
	o          Options
	keys       func() aws.Credentials // a function, into which no verb of package fmt looks
	credential fact.Credential
	account    string
}

// Do makes the planned calls side by side and returns their facts in the order
// of the plan. Those with a reason in Skipped are listed, not made; a nil Client
// makes none.
func (c *Client) Do(ctx context.Context, plan []*Planned) []fact.Call {
	out := make([]fact.Call, len(plan))
	var wg sync.WaitGroup
	for i, p := range plan {
		if c == nil && p.Skipped == "" {
			p.Skipped = "no credentials"
		}
		wg.Go(func() { out[i] = c.call(ctx, p) })
	}
	wg.Wait()
	if c != nil {
		c.o.Memory.save()
	}
	return out
}
