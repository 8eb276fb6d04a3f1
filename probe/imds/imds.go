// Package imds asks the instance metadata service what instance this is.
//
// In go an endpoint and a budget; out comes a fact.IMDS: the exchanges, each a
// fact of its own, and the values taken from them, each checked for its form.
// With it comes a Session, by which the keys of the role can be had later.
// The token PUT and one GET without a token go out first and side by side,
// because together they tell apart what single clients report alike: disabled,
// version 1 only, tokens required, out of hops, blocked, intercepted. The GETs
// follow with the token; the identity document is read by the AWS SDK's client
// on top of the same connections and the same budget.
//
// The package must never send more than one PUT and 25 GETs, hold more than
// four connections, follow a redirect, use a proxy, retry, or let a token or
// the keys of a role into a fact, an error or anything else that it returns.
// The one exception is Session.RoleCredentials, which exists to hand over keys.
//
// Source of paths and forms: EC2 User Guide, "Instance metadata categories",
// "Use the Instance Metadata Service to access instance metadata" and
// "Retrieve security credentials from instance metadata" (read 2026-11).
package imds

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
)

const (
	defaultEndpoint = "http://169.254.169.254"

	// endpointIPv6 is asked when the kernel has no way to the usual one. It
	// exists on Nitro instances with an IPv6 address, where HttpProtocolIpv6 is
	// enabled (EC2 User Guide, read 2026-11).
	endpointIPv6 = "http://[fd00:ec2::254]"

	// defaultBudget is for the whole Open. A service that takes 0.4 s for each
	// answer needs about 3 s for all of them over four connections.
	defaultBudget = 4 * time.Second

	// tokenLife is how long the token is asked for beyond Options.Life: longer
	// than the delivery of a report, shorter than anything worth stealing.
	tokenLife = 60 * time.Second

	// longestLife is the most that the service gives (EC2 User Guide, read 2026-11).
	longestLife = 6 * time.Hour

	tokenPath = "/latest/api/token"
	metaData  = "/latest/meta-data/"

	// v1Path is what is asked without a token. The directory exists on every
	// instance, holds nothing private and is asked for no other purpose.
	v1Path = metaData
)

// Why a GET was not made; the Skipped of its fact.
const (
	SkippedCount    = "IMDS budget"      // the run's 25 GETs were used up
	SkippedTime     = "IMDS time budget" // Options.Budget or the run's deadline had passed
	SkippedDisabled = "AWS_EC2_METADATA_DISABLED is set"
	SkippedEndpoint = "the endpoint is not valid"
)

// Options is what Open needs to know. The zero value asks the usual endpoint.
type Options struct {
	// Endpoint is the value of AWS_EC2_METADATA_SERVICE_ENDPOINT: http://host[:port].
	// Empty is http://169.254.169.254, and http://[fd00:ec2::254] on a host that
	// has no way to send to that.
	Endpoint string
	// Disabled is the value of AWS_EC2_METADATA_DISABLED. As in the AWS SDKs
	// only "true" in any case counts; then nothing is sent.
	Disabled string
	// Dial opens connections; nil dials directly. A proxy is never used.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Pace is charged for every packet, see client.go. Nil never waits.
	Pace *pace.Limiter
	// UserAgent of every request.
	UserAgent string
	// Life is how long the Session may still be needed, as far as the caller
	// knows: of the run. A minute comes on top.
	Life time.Duration
	// Budget is the time for everything; 0 means 4 s.
	Budget time.Duration
}

// session is one service that is asked. mu guards m: answers arrive on several
// connections.
type session struct {
	c  *client
	mu sync.Mutex
	m  fact.IMDS
}

// Open asks the metadata service. It returns what was learnt until ctx or the
// budget ended; a service that does not answer is a fact, never an error. The
// session is never nil, may be used after ctx has ended, and must be closed.
func Open(ctx context.Context, o Options) (fact.IMDS, *Session) {
	if strings.EqualFold(o.Disabled, "true") {
		return notAsked(fact.Skip(SkippedDisabled), fact.IMDS{Disabled: "AWS_EC2_METADATA_DISABLED"}), &Session{}
	}
	base, err := parseEndpoint(cmp.Or(o.Endpoint, defaultEndpoint))
	if err != nil {
		m := notAsked(fact.Skip(SkippedEndpoint), fact.IMDS{})
		m.Token.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Invalid, Detail: err.Error()}
		return m, &Session{}
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Budget, defaultBudget))
	defer cancel()
	s := &session{c: newClient(life, base, o)}
	s.m.Endpoint = base.String()
	if s.open(ctx) || o.Endpoint == "" && s.openIPv6(ctx) {
		s.gather(ctx)
	} else {
		s.m.Role.Outcome = fact.Skip("IMDS does not serve values")
	}
	s.m.Server, s.m.Proxied = s.c.seen()
	s.m.Time = s.c.date
	s.m.Puts, s.m.GetCount = s.c.budget.spent()
	slices.SortStableFunc(s.m.Gets, func(a, b fact.IMDSGet) int { return cmp.Compare(a.Path, b.Path) })
	// The rest of the run has its own allowance of connections in flight, so
	// none is held for the one GET that may come.
	s.c.close()
	return s.m, &Session{in: s, end: end}
}

// notAsked is the fact when nothing was sent.
func notAsked(why fact.Outcome, m fact.IMDS) fact.IMDS {
	m.Token = fact.IMDSGet{Outcome: why, Path: http.MethodPut + " " + tokenPath}
	m.V1 = fact.IMDSGet{Outcome: why, Path: http.MethodGet + " " + v1Path}
	m.Role.Outcome = why
	return m
}

// open makes the first two exchanges and decides how the rest is asked. It
// returns false when there is no use in going on: then both have failed.
//
// With a token the rest does not wait for the GET without one. Without a token,
// whatever the reason (version 1 only: 404 or 405; out of hops: silence), a
// service that answers a plain GET is asked that way, because its Region and
// CIDRs are worth having.
func (s *session) open(ctx context.Context) bool {
	v1 := make(chan fact.IMDSGet, 1)
	go func() { v1 <- s.c.do(ctx, request{method: http.MethodGet, path: v1Path, plain: true}) }()
	token := s.c.do(ctx, request{method: http.MethodPut, path: tokenPath, take: s.c.setToken})
	s.m.Token = token
	if token.Status == fact.OK {
		s.m.Version = 2
		s.m.V1 = fact.IMDSGet{Path: http.MethodGet + " " + v1Path}
		s.c.later.Go(func() {
			g := <-v1
			s.mu.Lock()
			defer s.mu.Unlock()
			s.m.V1 = g
		})
		return true
	}
	s.m.V1 = <-v1
	if s.m.V1.Status == fact.OK {
		s.m.Version = 1
		return true
	}
	return false
}

// openIPv6 makes the first two exchanges with the service's IPv6 address when
// the kernel had no way to its IPv4 address: a host in an IPv6-only subnet.
// Nothing was sent then, so nothing of the budget is spent. Where the kernel
// has no way to the IPv6 address either, the facts stay those of IPv4.
func (s *session) openIPv6(ctx context.Context) bool {
	if !s.noWay() {
		return false
	}
	base, err := parseEndpoint(endpointIPv6)
	if err != nil {
		return false
	}
	token, v1, usual := s.m.Token, s.m.V1, s.c.base
	s.c.base = base // no exchange is under way
	s.c.budget.restart()
	s.m.Endpoint, s.m.NoIPv4 = base.String(), true
	if s.open(ctx) {
		return true
	}
	if s.noWay() {
		s.m.Token, s.m.V1, s.c.base = token, v1, usual
		s.m.Endpoint, s.m.NoIPv4 = usual.String(), false
	}
	return false
}

// noWay tells whether the kernel has no route to the endpoint: then nothing was
// sent.
func (s *session) noWay() bool {
	for _, g := range []fact.IMDSGet{s.m.Token, s.m.V1} {
		if g.Connected || g.Class != fact.NetUnreachable {
			return false
		}
	}
	return true
}

// gather asks for everything else: first what every instance has, then, with
// what is left of the budget, the other interfaces.
func (s *session) gather(ctx context.Context) {
	var doc identity
	var wg sync.WaitGroup
	wg.Go(func() { s.primary(ctx) }) // the longest chain first
	wg.Go(func() { s.role(ctx) })
	wg.Go(func() { doc = s.identity(ctx) })
	wg.Go(func() { s.place(ctx) })
	wg.Wait()
	s.m.Region = cmp.Or(s.m.Region, doc.region)
	s.others(ctx)
	s.c.later.Wait() // the GET without a token
}

// place asks where the instance is. The availability zone's name and the
// instance id come from the identity document.
func (s *session) place(ctx context.Context) {
	var public sync.WaitGroup
	public.Go(func() {
		g := s.get(ctx, want{"public-ipv4", one(&s.m.PublicIPv4, parsePublicIPv4)})
		s.m.PublicIPv4Absent = g.HTTPStatus == http.StatusNotFound
	})
	s.all(ctx,
		want{"placement/region", one(&s.m.Region, parseRegion)},
		want{"services/domain", one(&s.m.DNSSuffix, parseDomain)},
		want{"services/partition", one(&s.m.Partition, parsePartition)},
		want{"placement/availability-zone-id", one(&s.m.AZID, parseZoneID)},
	)
	public.Wait()
}

// want is one value: its path below /latest/meta-data/ and what takes it in.
// take runs under s.mu; its error says that the value has not the right form.
type want struct {
	path string
	take func(body []byte) error
}

// get asks for one value and records the exchange.
func (s *session) get(ctx context.Context, w want) fact.IMDSGet {
	return s.exchange(ctx, request{method: http.MethodGet, path: metaData + w.path, take: w.take})
}

// exchange makes one request, takes its answer in under s.mu and records it.
func (s *session) exchange(ctx context.Context, r request) fact.IMDSGet {
	take := r.take
	r.take = func(body []byte) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return take(body)
	}
	g := s.c.do(ctx, r)
	s.record(g)
	return g
}

func (s *session) record(g fact.IMDSGet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m.Gets = append(s.m.Gets, g)
}

// all asks for several values side by side; the client's connections bound how
// many are under way.
func (s *session) all(ctx context.Context, ws ...want) {
	var wg sync.WaitGroup
	for _, w := range ws {
		wg.Go(func() { s.get(ctx, w) })
	}
	wg.Wait()
}
