package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
)

const (
	// defaultTimeout is one attempt. The VPC resolver answers in milliseconds;
	// a forwarding chain that needs more than two seconds is the finding. Two
	// attempts stay below the 5 s that libc waits for one.
	defaultTimeout = 2 * time.Second
	// defaultAttempts: one lost datagram is no fact about a server.
	defaultAttempts = 2
	// maxParallel bounds sockets and goroutines of AskAll. It is the fan-out at
	// which 300 packets/s are reached with an answer time of 200 ms.
	maxParallel = 64

	udpPackets = 1
	// tcpPackets is what one question over TCP sends: SYN, ACK, query, ACK of
	// the answer, FIN and the last ACK.
	tcpPackets = 6
)

// Client asks name servers, one question at a time per socket. The zero value
// works; a Client may be used from many goroutines.
type Client struct {
	Timeout  time.Duration // of one attempt; 0: 2 s
	Attempts int           // over UDP per question while nothing comes back; 0: 2
	Pace     *pace.Limiter // charged before every packet; nil: no limit
	TCP      bool          // ask over TCP only, as "options use-vc" does

	sent atomic.Int64
}

// Question is one name and type for one server.
type Question struct {
	Name   string // absolute, with or without the trailing dot
	Type   string // A | AAAA
	Server netip.AddrPort
	Via    string // one of fact.Via…
	TCP    bool   // over TCP only, once: does this server take TCP at all?
}

// Sent is how many packets the client has sent so far, by its own count: one
// for a question over UDP and six for one over TCP.
func (c *Client) Sent() int { return int(c.sent.Load()) }

// Ask asks one question and returns one fact for every attempt: over UDP,
// again over UDP when nothing usable came back, then over TCP when the answer
// was truncated. The last fact is the one that counts. There is always at
// least one; its status is NotRun when nothing was sent.
func (c *Client) Ask(ctx context.Context, name, qtype string, server netip.AddrPort, via string) []fact.Lookup {
	return c.ask(ctx, Question{Name: name, Type: qtype, Server: server, Via: via})
}

func (c *Client) ask(ctx context.Context, q Question) []fact.Lookup {
	if c.TCP || q.TCP {
		return []fact.Lookup{c.attempt(ctx, q, "tcp", 1, true)}
	}
	var out []fact.Lookup
	edns := true
	for attempt := 1; attempt <= c.attempts(); attempt++ {
		l := c.attempt(ctx, q, "udp", attempt, edns)
		out = append(out, l)
		switch {
		case l.Truncated:
			return append(out, c.attempt(ctx, q, "tcp", 1, edns))
		case unheard(l):
		case l.RCode == "FORMERR" || l.RCode == "NOTIMP":
			// RFC 6891 section 7: a server that does not know EDNS says so, and
			// is asked again without.
			edns = false
		default:
			return out
		}
	}
	return out
}

// unheard tells whether an attempt over UDP ended without any answer to it, so
// that asking again can tell loss from silence. A refusal, an error of the
// local kernel and our own budget are not improved by asking again.
func unheard(l fact.Lookup) bool {
	return l.Status == fact.Failed && !l.CutByBudget && (l.Class == fact.Timeout || l.Class == fact.Malformed)
}

// AskAll asks every question, at most parallel at once (1 to 64), and returns
// the facts in the order of the questions, whichever came back first. When ctx
// ends, the questions not yet asked are facts with status NotRun.
func (c *Client) AskAll(ctx context.Context, questions []Question, parallel int) []fact.Lookup {
	parallel = min(max(parallel, 1), maxParallel, len(questions))
	results := make([][]fact.Lookup, len(questions))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(questions) {
					return
				}
				results[i] = c.ask(ctx, questions[i])
			}
		})
	}
	wg.Wait()
	out := make([]fact.Lookup, 0, len(questions))
	for _, r := range results {
		out = append(out, r...)
	}
	return out
}

func (c *Client) attempts() int {
	if c.Attempts <= 0 {
		return defaultAttempts
	}
	return c.Attempts
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return defaultTimeout
	}
	return c.Timeout
}

// attempt makes one exchange over one transport and records how it ended.
func (c *Client) attempt(ctx context.Context, q Question, transport string, n int, edns bool) fact.Lookup {
	l := fact.Lookup{
		Name: strings.ToLower(strings.TrimSuffix(q.Name, ".")), Type: q.Type,
		Server: q.Server, Via: q.Via, Transport: transport, Attempt: n,
	}
	query, wire, err := newQuery(l.Name, l.Type, edns)
	l.Name = cleanName(l.Name)
	switch {
	case err != nil:
		l.Outcome = fact.Skip(err.Error())
		return l
	case !q.Server.IsValid() || q.Server.Port() == 0:
		l.Outcome = fact.Skip("no server to ask")
		return l
	}
	packets := udpPackets
	if transport == "tcp" {
		packets = tcpPackets
	}
	if err := c.charge(ctx, packets); err != nil {
		l.Outcome = classify.NotBegun(err)
		return l
	}
	x := newExchange(ctx, c.timeout(), q.Server, query, wire)
	if transport == "tcp" {
		x.overTCP(ctx, &l)
	} else {
		x.overUDP(ctx, &l)
	}
	return l
}

// charge waits until packets may be sent and counts them.
func (c *Client) charge(ctx context.Context, packets int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Pace.Wait(ctx, packets); err != nil {
		return err
	}
	c.sent.Add(int64(packets))
	return nil
}

// ednsSize is the largest answer over UDP that survives every path without
// fragments (DNS flag day 2020; Go's resolver and unbound use it).
const ednsSize = 1232

var errName = errors.New("not a domain name")

// newQuery builds the question with a random id. Only names that can be sent
// and the two address types are accepted.
func newQuery(name, qtype string, edns bool) (*dns.Msg, []byte, error) {
	t, ok := addressTypes[qtype]
	if !ok {
		return nil, nil, errors.New("only A and AAAA are asked")
	}
	if _, ok := dns.IsDomainName(name); name == "" || !ok {
		return nil, nil, errName
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), t)
	if edns {
		m.SetEdns0(ednsSize, false)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, nil, errName
	}
	return m, wire, nil
}

var addressTypes = map[string]uint16{"A": dns.TypeA, "AAAA": dns.TypeAAAA}
