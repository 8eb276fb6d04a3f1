package probe

import (
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// tunnel is one CONNECT through the agent's proxy and what follows on it.
type tunnel struct {
	proxy     *url.URL // with credentials; memory only
	host      string   // to connect to
	name      string   // certificate name
	port      fact.Port
	fact      fact.Tunnel
	handshake *fact.Handshake
	reply     *fact.Request
}

// tunnels lists the hosts that the agent reaches through its proxy: its own
// hosts, unless its no_proxy leaves them out. Evaluated as the agent does it,
// by Go's rules (ssm-agent.md 4.9).
func (r *runner) tunnels() []*tunnel {
	px := r.secrets.HTTPSProxy
	if px == nil {
		return nil
	}
	var out []*tunnel
	seen := map[string]bool{}
	for _, t := range r.set.Targets {
		if !t.Agent {
			continue
		}
		for _, port := range t.Ports {
			k := t.Host + ":" + strconv.Itoa(int(port.Number))
			if !port.TLS || seen[k] || dial.NoProxy(t.Host, port.Number, r.secrets.NoProxy) {
				continue
			}
			seen[k] = true
			out = append(out, &tunnel{proxy: px, host: t.Host, name: t.ServerName(), port: port})
		}
	}
	return out
}

func (t *tunnel) before(o task) bool {
	_, direct := o.(*job)
	return direct
}

// run makes the CONNECT, then TLS and one request inside it.
func (t *tunnel) run(ctx context.Context, p *dial.Prober) {
	if err := ctx.Err(); err != nil {
		t.fact = fact.Tunnel{
			Outcome: classify.NotBegun(err), Proxy: t.proxy.Host, Scheme: t.proxy.Scheme, Host: t.host, Port: t.port.Number,
		}
		return
	}
	c, f := p.Connect(ctx, dial.Proxy{URL: t.proxy}, t.host, t.port.Number)
	t.fact = f
	if c == nil {
		return
	}
	defer func() { _ = c.Close() }()
	conn, h := p.TLS(ctx, c, f.Addr, t.name)
	h.Proxy = f.Proxy
	t.handshake = &h
	if conn == nil || !t.port.HTTP {
		return
	}
	q := p.HTTP(ctx, conn, f.Addr, t.name)
	q.Proxy = f.Proxy
	t.reply = &q
	verifyThen(p, conn, &h, q)
}

// lookupHost answers with the addresses that the DNS stage found for the
// proxy's name, so that the connection uses what the report shows.
func (r *runner) lookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if len(r.proxyAddrs) == 0 {
		return nil, &unresolved{host: host}
	}
	return r.proxyAddrs, nil
}

// proxyName is the host of the agent's proxy when it has to be resolved.
func (r *runner) proxyName() string {
	if r.secrets.HTTPSProxy == nil || isLiteral(r.secrets.HTTPSProxy.Hostname()) {
		return ""
	}
	return strings.ToLower(r.secrets.HTTPSProxy.Hostname())
}

// unresolved is the failure to resolve the proxy's name.
type unresolved struct{ host string }

func (u *unresolved) Error() string { return "no address for proxy host " + u.host }
