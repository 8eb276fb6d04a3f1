package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// job is one connection to be made: an address and port, the host it is for,
// and what to speak after connecting.
type job struct {
	addr    netip.AddrPort
	host    string // server name
	port    fact.Port
	first   bool         // of this address: its connect is the Dial fact
	request *atomic.Bool // shared by the jobs of one host and port: set by the one that sends the request
	rank    int          // required first
	turn    int          // position of the address in its answer: every name gets its first address tried early

	// Filled by the job.
	dial      fact.Dial
	handshake *fact.Handshake
	reply     *fact.Request
}

// connect dials every address of every target, speaks TLS and sends one
// request per host, with at most MaxConnections in flight.
func (r *runner) connect(ctx context.Context) {
	p := &dial.Prober{
		Timeout: r.opt.tcpTimeout(), UserAgent: UserAgent(r.opt.Version),
		Dial: r.env.Dial, Now: r.env.Now, LookupHost: r.lookupHost,
	}
	if r.opt.Trust != nil {
		p.Trust = r.opt.Trust
	}
	jobs := r.jobs()
	tunnels := r.tunnels()
	total := len(jobs) + len(tunnels)
	r.progress("connect", 0, total)

	var done atomic.Int64
	var mu sync.Mutex
	tick := func() {
		n := done.Add(1)
		mu.Lock()
		defer mu.Unlock()
		r.progress("connect", int(n), total)
	}
	slots := make(chan struct{}, MaxConnections)
	var wg sync.WaitGroup
	start := func(f func()) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f()
			tick()
		})
	}
	// Tunnels first: with a proxy they are the agent's real path.
	for _, t := range tunnels {
		start(func() { t.run(ctx, p) })
	}
	for _, j := range jobs {
		start(func() { j.run(ctx, p) })
	}
	wg.Wait()
	r.collect(jobs, tunnels)
}

// run makes one connection and speaks on it as far as it gets.
func (j *job) run(ctx context.Context, p *dial.Prober) {
	if err := ctx.Err(); err != nil {
		j.dial = fact.Dial{Outcome: fact.Skip(whyEnded(ctx)), Addr: j.addr}
		return
	}
	c, d := p.TCP(ctx, j.addr)
	j.dial = d
	if c == nil {
		return
	}
	defer func() { _ = c.Close() }()
	if !j.port.TLS {
		return
	}
	if !j.port.HTTP {
		p = plainTLS(p)
	}
	t, h := p.TLS(ctx, c, j.addr, j.host)
	j.handshake = &h
	if t == nil || !j.port.HTTP || !j.request.CompareAndSwap(false, true) {
		return
	}
	q := p.HTTP(ctx, t, j.addr, j.host)
	j.reply = &q
}

// plainTLS offers no protocol by ALPN: a port that speaks something else than
// HTTP may refuse one it does not know.
func plainTLS(p *dial.Prober) *dial.Prober {
	q := *p
	q.Protocols = []string{}
	return &q
}

// whyEnded is the reason a run stopped making connections.
func whyEnded(ctx context.Context) string {
	if ctx.Err() == context.DeadlineExceeded {
		return "budget"
	}
	return "interrupted"
}

// jobs lists the connections of the direct path, the most needed first.
func (r *runner) jobs() []*job {
	answers := map[string]fact.Answer{}
	for _, a := range r.set.Answers {
		answers[a.Name] = a
	}
	seen := map[string]bool{} // host and address
	dialled := map[netip.AddrPort]bool{}
	var out []*job
	for _, t := range r.set.Targets {
		addrs := answers[t.Host].Addrs
		if len(addrs) > MaxAddresses {
			r.cut("further addresses of "+t.Host, "at most 16 addresses of a name are dialled", t.Key())
			addrs = addrs[:MaxAddresses]
		}
		for _, port := range t.Ports {
			request := new(atomic.Bool)
			for i, a := range addrs {
				ap := netip.AddrPortFrom(a, port.Number)
				if k := t.ServerName() + "|" + ap.String(); seen[k] {
					continue
				} else {
					seen[k] = true
				}
				if why := r.doNotDial(t, a); why != "" {
					r.skipDial(ap, why, t, dialled)
					continue
				}
				out = append(out, &job{
					addr: ap, host: t.ServerName(), port: port, first: !dialled[ap],
					request: request, rank: rankOf(t.Need), turn: i,
				})
				dialled[ap] = true
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *job) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return a.turn - b.turn
	})
	return out
}

func rankOf(n fact.Need) int {
	return slices.Index([]fact.Need{fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional}, n)
}

// doNotDial says why an address is left alone; empty: it is dialled.
func (r *runner) doNotDial(t fact.Target, a netip.Addr) string {
	class := r.set.AddressOf(a).Class
	public := class == fact.PublicAWS || class == fact.Unclassified || class == fact.NAT64
	switch {
	case class == fact.Unspecified:
		return "not an address of a host"
	case r.opt.Private && public:
		return "public address, --require-private"
	case broad(t) && public && !r.opt.DialPublic:
		return "public address, --all"
	case a.Is6() && !r.hasIPv6():
		return "this host has no IPv6 address"
	}
	return ""
}

// skipDial records once that an address was not dialled.
func (r *runner) skipDial(ap netip.AddrPort, why string, t fact.Target, dialled map[netip.AddrPort]bool) {
	if dialled[ap] {
		return
	}
	dialled[ap] = true
	r.set.Dials = append(r.set.Dials, fact.Dial{Outcome: fact.Skip(why), Addr: ap})
}

// hasIPv6 tells whether an IPv6 packet could leave at all.
func (r *runner) hasIPv6() bool {
	if r.set.Host.IPv6Off {
		return false
	}
	for _, i := range r.set.Host.Interfaces {
		for _, p := range i.Addrs {
			if a := p.Addr(); a.Is6() && a.IsGlobalUnicast() {
				return true
			}
		}
	}
	return false
}

// collect moves the results of the jobs into the set, in the plan's order.
func (r *runner) collect(jobs []*job, tunnels []*tunnel) {
	unmade := 0
	for _, j := range jobs {
		if j.first {
			r.set.Dials = append(r.set.Dials, j.dial)
			if j.dial.Status == fact.NotRun {
				unmade++
			}
		} else if j.handshake == nil && j.port.TLS && j.dial.Status == fact.Failed {
			// A second connect to an address that the first one reached.
			j.handshake = &fact.Handshake{Outcome: j.dial.Outcome, Addr: j.addr, Host: j.host}
			j.handshake.Detail = "connect: " + j.dial.Detail
		}
		if j.dial.Status != fact.NotRun {
			r.set.Run.Packets.Connects++
		}
		r.keep(j.handshake, j.reply)
	}
	for _, t := range tunnels {
		r.set.Tunnels = append(r.set.Tunnels, t.fact)
		if t.fact.Status != fact.NotRun {
			r.set.Run.Packets.Connects++
		}
		r.keep(t.handshake, t.reply)
	}
	if unmade > 0 {
		r.cut(plural(unmade, "address")+" not dialled", "the time budget was used up", "")
	}
}

func (r *runner) keep(h *fact.Handshake, q *fact.Request) {
	if h != nil {
		r.set.Handshakes = append(r.set.Handshakes, *h)
	}
	if q != nil {
		r.set.Requests = append(r.set.Requests, *q)
		r.set.Run.Packets.Requests++
	}
}
