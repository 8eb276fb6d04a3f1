package probe

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"sync/atomic"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// job is one direct connection: an address and port, the host it is for, and
// what to speak after connecting.
type job struct {
	addr    netip.AddrPort
	host    string // server name
	port    fact.Port
	first   bool         // of this address: its connect is the Dial fact
	request *atomic.Bool // shared by the jobs of one host and port: set by the one that sends the request
	rank    int          // required first
	turn    int          // position of the address in its answer: every name gets its first address tried early
	order   int          // among equals, the plan's order

	// Filled by run.
	dial      fact.Dial
	handshake *fact.Handshake
	reply     *fact.Request
}

func (j *job) before(t task) bool {
	o, ok := t.(*job)
	switch {
	case !ok:
		return false // tunnels are the agent's real path
	case j.rank != o.rank:
		return j.rank < o.rank
	case j.turn != o.turn:
		return j.turn < o.turn
	}
	return j.order < o.order
}

// run makes one connection and speaks on it as far as it gets.
func (j *job) run(ctx context.Context, p *dial.Prober) {
	if err := ctx.Err(); err != nil {
		j.dial = fact.Dial{Outcome: classify.NotBegun(err), Addr: j.addr}
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
	verifyThen(p, t, &h, q)
	j.handshake = &h
}

// verifyThen verifies a chain that is not valid now at the time the server
// believes it is: a chain that is valid then shows a clock, ours or theirs.
func verifyThen(p *dial.Prober, c *tls.Conn, h *fact.Handshake, q fact.Request) {
	if h.System.Status == fact.Failed || h.Reference.Status == fact.Failed {
		p.VerifyAt(h, c.ConnectionState().PeerCertificates, q.Date)
	}
}

// plainTLS offers no protocol by ALPN: a port that speaks something else than
// HTTP may refuse one it does not know.
func plainTLS(p *dial.Prober) *dial.Prober {
	q := *p
	q.Protocols = []string{}
	return &q
}

// connector turns answers into connections and remembers what was dialled.
type connector struct {
	r        *runner
	queue    *queue
	byHost   map[string][]fact.Target
	requests map[string]*atomic.Bool // by host and port
	seen     map[string]bool         // host and address
	dialled  map[netip.AddrPort]bool
	jobs     []*job
	tunnels  []*tunnel
}

// prober is how this run connects.
func (r *runner) prober() *dial.Prober {
	p := &dial.Prober{
		Timeout: r.opt.tcpTimeout(), UserAgent: UserAgent(r.opt.Version),
		Dial: r.env.Dial, Now: r.env.Now, LookupHost: r.lookupHost,
	}
	if r.opt.Trust != nil {
		p.Trust = r.opt.Trust
	}
	return p
}

func (r *runner) newConnector(ctx context.Context, p *dial.Prober, targets []fact.Target) *connector {
	c := &connector{
		r: r, byHost: map[string][]fact.Target{}, requests: map[string]*atomic.Bool{},
		seen: map[string]bool{}, dialled: map[netip.AddrPort]bool{},
	}
	for _, t := range targets {
		c.byHost[t.Host] = append(c.byHost[t.Host], t)
	}
	for _, d := range r.set.Dials {
		c.dialled[d.Addr] = true
	}
	c.queue = newQueue(ctx, p, func(done, added int) { r.progress("connect", done, added) })
	return c
}

// answered starts the connections that an answer calls for.
func (c *connector) answered(a fact.Answer) {
	c.r.classify(a.Addrs)
	addrs := a.Addrs
	for _, t := range c.byHost[a.Name] {
		if len(addrs) > MaxAddresses {
			c.r.cut("further addresses of "+t.Host, "at most 16 addresses of a name are dialled", t.Key())
			addrs = addrs[:MaxAddresses]
		}
		for _, port := range t.Ports {
			for turn, addr := range addrs {
				c.consider(t, port, addr, turn)
			}
		}
	}
}

// consider adds one connection unless it was made before or must not be made.
func (c *connector) consider(t fact.Target, port fact.Port, addr netip.Addr, turn int) {
	ap := netip.AddrPortFrom(addr, port.Number)
	key := t.ServerName() + "|" + ap.String()
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	if why := c.r.doNotDial(t, addr); why != "" {
		if !c.dialled[ap] {
			c.dialled[ap] = true
			c.r.set.Dials = append(c.r.set.Dials, fact.Dial{Outcome: fact.Skip(why), Addr: ap})
		}
		return
	}
	request := c.requests[t.Host+"|"+port.String()]
	if request == nil {
		request = new(atomic.Bool)
		c.requests[t.Host+"|"+port.String()] = request
	}
	j := &job{
		addr: ap, host: t.ServerName(), port: port, first: !c.dialled[ap], request: request,
		rank: rankOf(t.Need), turn: turn, order: len(c.jobs),
	}
	c.dialled[ap] = true
	c.jobs = append(c.jobs, j)
	c.queue.add(j)
}

// tunnel starts the connections through the agent's proxy.
func (c *connector) tunnel() {
	c.tunnels = c.r.tunnels()
	for _, t := range c.tunnels {
		c.queue.add(t)
	}
}

func rankOf(n fact.Need) int {
	return slices.Index([]fact.Need{fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional}, n)
}

// doNotDial says why an address is left alone; empty: it is dialled.
func (r *runner) doNotDial(t fact.Target, a netip.Addr) string {
	class := r.addresses[a].Class
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

// collect waits for the connections and moves their results into the set, in
// an order that does not depend on timing.
func (c *connector) collect() {
	c.queue.finish()
	r := c.r
	slices.SortStableFunc(c.jobs, func(a, b *job) int {
		switch {
		case a.before(b):
			return -1
		case b.before(a):
			return 1
		}
		return 0
	})
	unmade := 0
	for _, j := range c.jobs {
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
	for _, t := range c.tunnels {
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
