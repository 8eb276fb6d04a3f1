package probe

import (
	"context"
	"strconv"
	"time"

	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host"
	"vpcdoctor/probe/path"
	"vpcdoctor/probe/resolve"
	"vpcdoctor/probe/software"
)

// Preview is what a run would do, worked out without sending a packet.
type Preview struct {
	Place       fact.Place
	Targets     []fact.Target
	Servers     []string // DNS servers that would be asked
	IMDSPackets string
	DNSPackets  int // when every server answers
	DNSMost     int // on trouble: asked twice, over TCP, and further to tell the layers apart
	Connections int // at two addresses a name
	Further     int // connections of the second look at what failed, at most
	Signed      int // signed calls, at most; each is one more connection
	Worst       time.Duration
	Notes       []string
}

// previewAddresses is how many addresses a name is expected to have: an
// endpoint in two AZs. Answers are not known before asking.
const previewAddresses = 2

// Plan works out what Run would do with the same options, from the files of
// the host alone. Nothing is sent, not even to the metadata service, so the
// Region must come from a flag, the agent's files, resolv.conf or AWS_REGION.
func Plan(ctx context.Context, env Env, o Options) Preview {
	r := newRunner(env, o, fact.Trust{}, nil)
	r.set.Host = host.Read(ctx, host.Options{Root: r.env.Root, Getenv: r.env.Getenv})
	r.set.Agent, r.secrets = agent.Read(ctx, agent.Options{Root: r.env.Root, UID: r.env.UID, Now: r.env.Now})
	if o.Auto {
		r.set.Software = software.Find(ctx, software.Options{Root: r.env.Root})
	}
	r.set.Place = r.place()
	r.plan()

	p := Preview{Place: r.set.Place, Targets: r.set.Targets, IMDSPackets: "1 token PUT and at most 25 GETs"}
	if o.IMDSDisabled != "" {
		p.IMDSPackets = "none (" + o.IMDSDisabled + " is set)"
	}
	for _, s := range r.configured() {
		p.Servers = append(p.Servers, s.String())
	}
	for _, s := range r.set.Resolver.VPC {
		p.Servers = append(p.Servers, s.String())
	}
	full, brief := r.names()
	first := len(r.fullQuestions(full)) + len(brief)
	again := first + min(len(brief), maxFollowUps)*(1+len(r.set.Resolver.VPC))
	p.DNSPackets, p.DNSMost = first+resolve.PacketsWhenFine, max(resolve.MaxPackets, again*resolve.PacketsPerQuestion)
	for _, t := range r.set.Targets {
		p.Connections += previewAddresses * len(t.Ports)
	}
	tunnels := len(r.tunnels())
	p.Connections += tunnels + min(tunnels, 1) + 1 // and a websocket each way to ssmmessages
	p.Signed = r.mostCalls()
	p.Connections += p.Signed
	p.Further = maxFurther
	p.Worst = worstCase(r.opt, p.DNSMost, p.Connections)
	for _, c := range r.set.Cut {
		p.Notes = append(p.Notes, c.What+": "+c.Why)
	}
	return p
}

// Signed calls of one run, at most: of the agent's permissions, and of a
// rehearsal with everything set and its buckets in other Regions.
const (
	maxCalls          = 4
	maxRehearsalCalls = 10
)

func (r *runner) mostCalls() int {
	switch {
	case r.opt.NoSigned || r.env.UID != 0:
		return 0 // without root the agent's credentials are not ours to know
	case r.opt.Rehearse:
		return maxCalls + maxRehearsalCalls
	}
	return maxCalls
}

// maxFurther are the connections that trouble can add: repeated handshakes,
// other source ports, TCP to the VPC resolver, another Region, one dial while
// the local firewall is watched, one for the objects of S3.
var maxFurther = maxVaried*dial.MaxVariants + maxSwept*len(path.SweepPorts()) + 4

// worstCase is the longest the run can take: everything silent, looked at
// twice, bounded by the budget.
func worstCase(o Options, packets, connections int) time.Duration {
	const imdsSilent = 2 * time.Second // probe/imds gives up on a silent service after this
	dns := 2*o.dnsTimeout() + time.Duration(packets/MaxPacketsPerSecond)*time.Second
	rounds := (connections+MaxConnections-1)/MaxConnections + 1
	return min(o.budget(), imdsSilent+dns+time.Duration(rounds)*o.tcpTimeout())
}

// plural is "1 address", "2 addresses".
func plural(n int, word string) string {
	s := strconv.Itoa(n) + " " + word
	if n == 1 {
		return s
	}
	if word[len(word)-1] == 's' {
		return s + "es"
	}
	return s + "s"
}
