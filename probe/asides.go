package probe

import (
	"context"
	"slices"
	"sync"

	"vpcdoctor/probe/clock"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/object"
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
	h := r.set.Handshakes[i]
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

// needsS3 tells whether a host is the Region's S3 and something asked for
// needs it.
func (r *runner) needsS3(host string) bool {
	return slices.ContainsFunc(r.set.Targets, func(t fact.Target) bool {
		needed := t.Need == fact.NeedRequired || t.Need == fact.NeedOneOf
		return needed && t.Host == host && (t.ID == "s3-gateway" || t.ID == "s3-interface")
	})
}
