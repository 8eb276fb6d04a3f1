package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/firewall"
	"vpcdoctor/probe/host"
	"vpcdoctor/probe/path"
	"vpcdoctor/probe/resolve"
)

// differentialFloor is what must be left of the budget for a second look to
// make sense: one SYN with its first retransmission.
const differentialFloor = 1200 * time.Millisecond

// differential takes a second look where the first one found trouble: the same
// thing with one condition changed, so that neighbours among the causes can be
// told apart. Everything runs side by side.
func (r *runner) differential(ctx context.Context, p *dial.Prober, ena []fact.ENACounter) {
	part, _ := r.cat.PartitionOf(r.set.Place.Region)
	t := findTrouble(r.set, part.Regions, !r.opt.NoControls)
	if t.empty() {
		return
	}
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < differentialFloor {
		r.cut("the second look at what failed", "the time budget was used up", "")
		return
	}
	now := host.ENA(host.DefaultInterfaces(r.set.Host.Routes))
	hold := path.HoldBack(r.set.Host.After, host.ENASince(ena, now))

	variants := make([]fact.Handshake, len(t.Variants))
	sweeps := make([][]fact.Control, len(t.Sweeps))
	var single [2]*fact.Control
	var wg sync.WaitGroup
	for i, v := range t.Variants {
		wg.Go(func() { variants[i] = r.vary(ctx, p, v, hold) })
	}
	for i, a := range t.Sweeps {
		wg.Go(func() { sweeps[i] = path.Sweep(ctx, a.String(), a, path.SweepPorts(), r.opt.tcpTimeout(), hold) })
	}
	if t.Resolver.IsValid() {
		wg.Go(func() {
			c := path.Dial(ctx, fact.ControlResolver, t.Resolver.String(), t.Resolver, r.opt.tcpTimeout())
			single[0] = &c
		})
	}
	if t.Abroad != "" {
		wg.Go(func() { single[1] = r.dialAbroad(ctx, t.Abroad) })
	}
	if t.Firewall.IsValid() {
		wg.Go(func() {
			f := r.watchFirewall(ctx, p, t)
			r.set.Host.Firewall = &f
		})
	}
	r.routes(ctx, t)
	wg.Wait()

	r.set.Variants, r.set.Controls = variants, slices.Concat(sweeps...)
	for _, c := range single {
		if c != nil {
			r.set.Controls = append(r.set.Controls, *c)
		}
	}
	r.countSecondLook()
}

// countSecondLook adds the connects of the second look to the run's footprint.
func (r *runner) countSecondLook() {
	for _, c := range r.set.Controls {
		if c.Dial.Status != fact.NotRun {
			r.set.Run.Packets.Connects++
		}
	}
	for _, v := range r.set.Variants {
		if v.Status != fact.NotRun {
			r.set.Run.Packets.Connects++
		}
	}
}

func (r *runner) vary(ctx context.Context, p *dial.Prober, v variation, hold string) fact.Handshake {
	if hold != "" {
		return fact.Handshake{Outcome: fact.Skip(hold), Addr: v.Addr, Host: v.Host, Variant: v.Variant}
	}
	return p.Variant(ctx, v.Addr, v.Host, v.Variant, v.Neutral)
}

// dialAbroad resolves and dials a host of another Region.
func (r *runner) dialAbroad(ctx context.Context, name string) *fact.Control {
	addr := r.lookAbroad(ctx, name)
	if !addr.IsValid() {
		return nil
	}
	c := path.Dial(ctx, fact.ControlOtherRegion, name, addr, r.opt.tcpTimeout())
	return &c
}

// lookAbroad asks once for the address of a host of another Region; zero when
// no configured server gives one.
func (r *runner) lookAbroad(ctx context.Context, name string) netip.AddrPort {
	server, ok := r.liveServer()
	if !ok {
		return netip.AddrPort{}
	}
	q := &resolve.Client{Timeout: r.opt.dnsTimeout(), Pace: r.pace, Attempts: 1}
	lookups := q.Ask(ctx, name, "A", server, r.via())
	r.set.Run.Packets.DNS += q.Sent()
	for _, l := range lookups {
		if len(l.Addrs) > 0 {
			return netip.AddrPortFrom(l.Addrs[0], 443)
		}
	}
	return netip.AddrPort{}
}

// watchFirewall reads the local packet filter, dials once, and reads it again:
// the rule that counted the packets is the one that took them.
func (r *runner) watchFirewall(ctx context.Context, p *dial.Prober, t trouble) fact.Firewall {
	o := firewall.Options{Command: r.env.Command, ReadFile: r.readFile, UID: r.env.UID}
	before := firewall.Read(ctx, o)
	if before.Status != fact.OK || len(before.Rules) == 0 {
		return before
	}
	brief := *p
	brief.Timeout = firewallDial
	if c, _ := brief.TCP(ctx, t.Firewall); c != nil {
		_ = c.Close()
	}
	r.set.Run.Packets.Connects++
	return firewall.Diff(before, firewall.Read(ctx, o))
}

// firewallDial is how long the dial that the firewall is watched for may take:
// the first SYN is counted or refused at once.
const firewallDial = 300 * time.Millisecond

// routes asks the kernel which way it sends to the destinations that failed,
// and what it knows of neighbours among them. Nothing is sent.
func (r *runner) routes(ctx context.Context, t trouble) {
	for i := range r.set.Dials {
		d := &r.set.Dials[i]
		for _, dst := range t.Routes {
			if d.Addr.Addr() != dst {
				continue
			}
			route := path.RouteTo(ctx, dst, max(r.env.UID, 0))
			d.Route = &route
			if r.addresses[dst].OnLink && route.Index != 0 {
				d.Neighbour = path.Neighbour(ctx, dst, route.Index)
			}
		}
	}
}
