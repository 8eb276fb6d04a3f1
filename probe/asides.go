package probe

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"vpcdoctor/probe/clock"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/object"
	"vpcdoctor/probe/path"
)

// askTime compares the clock with the Amazon Time Sync Service while the rest
// of the run goes on: one datagram to a link-local address that no security
// group filters. On a machine that is known not to be an EC2 instance nobody
// has that address.
func (r *runner) askTime(ctx context.Context) (wait func() []fact.TimeSample) {
	if r.set.Host.EC2 == "no" && r.set.IMDS.InstanceID == "" {
		return func() []fact.TimeSample { return nil }
	}
	c := clock.Client{Pace: r.pace, Now: r.env.Now}
	servers := clock.Servers(r.hasIPv6() && !r.hasIPv4())
	samples := make([]fact.TimeSample, 1)
	var wg sync.WaitGroup
	wg.Go(func() { samples[0] = c.Ask(ctx, servers[len(servers)-1]) })
	return func() []fact.TimeSample {
		wg.Wait()
		return samples
	}
}

// hasIPv4 tells whether this host has an IPv4 address beyond loopback and
// link-local ones.
func (r *runner) hasIPv4() bool {
	for _, i := range r.set.Host.Interfaces {
		for _, p := range i.Addrs {
			if a := p.Addr(); a.Is4() && a.IsGlobalUnicast() {
				return true
			}
		}
	}
	return false
}

// objects lists the AWS-owned buckets that a node with a need for S3 has to
// reach, and asks for the public ones over one connection to S3: a gateway
// endpoint whose policy leaves them out lets everything else through.
func (r *runner) objects(ctx context.Context, p *dial.Prober) {
	i := slices.IndexFunc(r.set.Handshakes, func(h fact.Handshake) bool {
		return h.Status == fact.OK && h.System.Status == fact.OK && h.Proxy == "" && r.needsS3(h.Host)
	})
	if i < 0 {
		return
	}
	r.set.Objects = object.Table(r.set.Place)
	r.askObjects(ctx, p, r.set.Handshakes[i])
	r.traceS3(ctx)
}

// askObjects asks for the objects of the table over the way that the handshake
// went.
func (r *runner) askObjects(ctx context.Context, p *dial.Prober, h fact.Handshake) {
	c, d := p.TCP(ctx, h.Addr)
	r.set.Run.Packets.Connects++
	if d.Status != fact.OK {
		return
	}
	defer c.Close()
	conn, _ := p.TLS(ctx, c, h.Addr, h.Host)
	if conn == nil {
		return
	}
	ask := object.Asker{UserAgent: UserAgent(r.opt.Version), KeepAlive: true}
	for k := range r.set.Objects {
		o := &r.set.Objects[k]
		if o.Path == "" || o.Host != h.Host {
			continue
		}
		*o = ask.Head(ctx, conn, *o)
		o.Addr = h.Addr
		r.set.Run.Packets.Requests++
		if o.Status != fact.OK {
			return // the connection is of no further use
		}
	}
}

// traceS3 traces the way to the Region's S3 and, beside it, to that of another
// Region, where that can tell whose policy refused an object.
func (r *runner) traceS3(ctx context.Context) {
	if r.opt.NoControls || ctx.Err() != nil || path.HoldBack(r.set.Host.After, nil) != "" {
		return
	}
	part, _ := r.cat.PartitionOf(r.set.Place.Region)
	here, there := waysToS3(r.set, part.Regions)
	if !here.IsValid() {
		return
	}
	ends := []netip.AddrPort{here}
	if a := r.lookAbroad(ctx, there); a.IsValid() {
		ends = append(ends, a)
	}
	r.set.Traces = make([]fact.Trace, len(ends))
	var wg sync.WaitGroup
	for i, end := range ends {
		wg.Go(func() { r.set.Traces[i] = path.Trace(ctx, end, path.DefaultHops, 0) })
	}
	wg.Wait()
	for _, t := range r.set.Traces {
		if t.Status != fact.NotRun {
			r.set.Run.Packets.Connects += path.DefaultHops
		}
	}
}

// waysToS3 plans the traces: the public address of S3 that refused an object
// which is public, and S3's host in another Region, which no endpoint of this
// VPC carries. A way that is shorter here than there is a gateway endpoint's,
// which has a policy; a NAT gateway has none (field guide C.1). Zero: no trace
// would change what is concluded.
func waysToS3(s *fact.Set, regions []string) (here netip.AddrPort, there string) {
	for _, o := range s.Objects {
		if o.Status == fact.OK && o.HTTPStatus == http.StatusForbidden && isPublic(s, o.Addr.Addr()) {
			if there = abroad("s3", s.Place, regions); there != "" && !s.Run.Private {
				return o.Addr, there
			}
		}
	}
	return netip.AddrPort{}, ""
}

// needsS3 tells whether a host is the Region's S3 and something asked for
// needs it.
func (r *runner) needsS3(host string) bool {
	return slices.ContainsFunc(r.set.Targets, func(t fact.Target) bool {
		needed := t.Need == fact.NeedRequired || t.Need == fact.NeedOneOf
		return needed && t.Host == host && (t.ID == "s3-gateway" || t.ID == "s3-interface")
	})
}
