//go:build linux

package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
)

// Limits of decisions.md, "Do no harm".
const (
	maxPuts, maxGets, maxIMDSConns = 1, 25, 5 // connections: four at once, one more for the keys of the role
	maxPerSecond                   = 300
	maxInFlight                    = 32
	maxPortsPerAddress             = 4
	maxLabels                      = 8
	maxDNSDefault                  = 150
)

// situation is one kind of run that must do no harm.
type situation struct {
	name  string
	world func(t *testing.T) *world.World
	files map[string]string
	args  []string
	slow  bool // takes the whole budget
}

func situations() []situation {
	named := func(name string) func(*testing.T) *world.World {
		return func(t *testing.T) *world.World { return worldOf(t, name) }
	}
	region := func(*testing.T) *world.World { return scenario.Region(privateHosts(240)) }
	return []situation{
		{name: "default", world: named("healthy")},
		{name: "dual stack", world: named("dual-stack")},
		{name: "dead DNS", world: named("custom-dns-dead")},
		{name: "no DNS of the VPC", world: named("dns-support-off")},
		{name: "silent IMDS", world: named("imds-silent")},
		{name: "proxy", world: named("all-by-proxy")},
		{name: "many profiles", world: named("nat-only"), args: []string{"--profile", "session-manager,ecr-pull,patch-manager,cloudwatch-agent,eks-node"}},
		{name: "all", world: region, args: []string{"--all"}},
		{name: "all, black hole", world: func(t *testing.T) *world.World { return scenario.BlackHole(region(t)) }, args: []string{"--all"}, slow: true},
		{name: "200 endpoints", world: func(*testing.T) *world.World { w, _ := scenario.Custom(200, 4*time.Millisecond); return w },
			files: map[string]string{"load.yaml": configFor(customHosts(200))}, args: []string{"--config", "load.yaml"}},
	}
}

func customHosts(n int) []string {
	_, hosts := scenario.Custom(n, 0)
	return hosts
}

// rules hold in every situation.
var rules = []struct {
	name string
	hold func(t *testing.T, c *captured, s *fact.Set)
}{
	{"IMDS budget", imdsBudget},
	{"300 packets a second", packetRate},
	{"32 connections in flight", inFlight},
	{"only known ports", onlyKnownPorts},
	{"4 ports per address", portsPerAddress},
	{"only known DNS servers", onlyKnownServers},
	{"random labels", randomLabels},
	{"User-Agent", userAgent},
	{"no other protocol", noOtherProtocol},
	{"harmless calls only", harmlessCalls},
}

// TestDoNoHarm holds the packets of whole runs against every line that can be
// seen on the wire.
func TestDoNoHarm(t *testing.T) {
	needLab(t)
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.slow && testing.Short() {
				t.Skip("takes the whole budget")
			}
			args := append([]string{"--facts", factsFile}, s.args...)
			c := captureWith(t, s.world(t), "", s.files, args...)
			set := c.facts(t)
			for _, r := range rules {
				t.Run(r.name, func(t *testing.T) { r.hold(t, c, set) })
			}
			if len(s.args) == 0 {
				if n := len(questions(c)); n > maxDNSDefault {
					t.Errorf("%d DNS packets of the default profile", n)
				}
			}
		})
	}
}

// syns are the first packets of connections: one per source and destination.
func syns(c *captured) []fabric.Record {
	seen := map[[2]netip.AddrPort]bool{}
	var out []fabric.Record
	for _, p := range c.packets {
		k := [2]netip.AddrPort{p.Src, p.Dst}
		if p.Sent && p.Proto == "tcp" && p.Flags == "S" && !seen[k] {
			seen[k] = true
			out = append(out, p)
		}
	}
	return out
}

// questions are the DNS questions that were sent, over UDP and TCP.
func questions(c *captured) []fabric.Record {
	return slices.DeleteFunc(slices.Clone(c.packets), func(p fabric.Record) bool { return !p.Sent || p.Question == "" })
}

func isIMDS(a netip.Addr) bool { return a == world.MetadataAddr || a == world.MetadataAddrV6 }

func imdsBudget(t *testing.T, c *captured, _ *fact.Set) {
	puts, gets, conns := 0, 0, 0
	for _, p := range c.packets {
		switch {
		case !p.Sent || !isIMDS(p.Dst.Addr()):
		case strings.HasPrefix(p.Head, "PUT "):
			puts++
		case strings.HasPrefix(p.Head, "GET "):
			gets++
		case p.Head != "":
			t.Errorf("IMDS was sent %q", p.Head)
		}
	}
	for _, p := range syns(c) {
		if isIMDS(p.Dst.Addr()) {
			conns++
		}
	}
	if puts > maxPuts || gets > maxGets || conns > maxIMDSConns {
		t.Errorf("%d PUTs, %d GETs over %d connections", puts, gets, conns)
	}
}

// packetRate counts everything sent to the link-local services and VPC+2,
// acknowledgements included: the allowance counts packets, not questions.
func packetRate(t *testing.T, c *captured, _ *fact.Set) {
	var at []time.Time
	for _, p := range c.packets {
		if p.Sent && c.world.LinkLocal(p.Dst.Addr()) {
			at = append(at, p.Time)
		}
	}
	if len(at) == 0 {
		t.Fatal("nothing was sent there: the packet log is not what it should be")
	}
	most := 0
	for i, first := 0, 0; i < len(at); i++ {
		for at[i].Sub(at[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	t.Logf("at most %d packets in one second, %d in all", most, len(at))
	if most > maxPerSecond {
		t.Errorf("%d packets in one second", most)
	}
}

// inFlight counts the connections between their SYN and what ended them. One
// that nobody answered ends when its socket is closed, which sends nothing: it
// counts until its last SYN.
func inFlight(t *testing.T, c *captured, _ *fact.Set) {
	type conn struct{ start, end time.Time }
	conns := map[[2]netip.AddrPort]*conn{}
	for _, p := range c.packets {
		k := [2]netip.AddrPort{p.Src, p.Dst}
		if !p.Sent {
			k[0], k[1] = k[1], k[0]
		}
		switch o := conns[k]; {
		case p.Proto != "tcp":
		case o == nil && p.Sent && p.Flags == "S":
			conns[k] = &conn{p.Time, p.Time}
		case o != nil && p.Flags == "S":
			o.end = p.Time
		case o != nil && p.Sent && strings.ContainsAny(p.Flags, "FR"), o != nil && strings.Contains(p.Flags, "R"):
			if o.end.Equal(o.start) {
				o.end = p.Time
			}
		}
	}
	type edge struct {
		at   time.Time
		step int
	}
	var edges []edge
	for _, o := range conns {
		edges = append(edges, edge{o.start, 1}, edge{o.end, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if d := a.at.Compare(b.at); d != 0 {
			return d
		}
		return b.step - a.step
	})
	open, most := 0, 0
	for _, e := range edges {
		open += e.step
		most = max(most, open)
	}
	t.Logf("at most %d of %d connections at once", most, len(conns))
	if most > maxInFlight {
		t.Errorf("%d connections in flight", most)
	}
}

// onlyKnownPorts: 443, the ports that the user or the agent's proxy named, DNS,
// port 80 of IMDS, and the VPC's own time service.
func onlyKnownPorts(t *testing.T, c *captured, s *fact.Set) {
	known := []uint16{443}
	for _, x := range s.Targets {
		if x.Type == "Custom" || len(x.Profiles) > 0 || slices.Contains(s.Run.Services, x.ID) {
			for _, p := range x.Ports {
				known = append(known, p.Number)
			}
		}
	}
	for _, p := range c.world.Proxies {
		known = append(known, p.Port)
	}
	for _, p := range syns(c) {
		port := p.Dst.Port()
		if port == 25 || !slices.Contains(known, port) && port != 53 && !(port == 80 && isIMDS(p.Dst.Addr())) {
			t.Errorf("dialled %s", p.Dst)
		}
	}
	for _, p := range c.packets {
		asksTime := p.Dst.Port() == 123 && (p.Dst.Addr() == world.TimeAddr || p.Dst.Addr() == world.TimeAddrV6)
		if p.Sent && p.Proto == "udp" && p.Dst.Port() != 53 && !asksTime {
			t.Errorf("UDP to %s", p.Dst)
		}
	}
}

func portsPerAddress(t *testing.T, c *captured, _ *fact.Set) {
	ports := map[netip.Addr]map[uint16]bool{}
	for _, p := range syns(c) {
		a := p.Dst.Addr()
		if ports[a] == nil {
			ports[a] = map[uint16]bool{}
		}
		if ports[a][p.Dst.Port()] = true; len(ports[a]) > maxPortsPerAddress {
			t.Errorf("%d ports of %s", len(ports[a]), a)
		}
	}
}

// onlyKnownServers: the configured ones and the VPC's own.
func onlyKnownServers(t *testing.T, c *captured, _ *fact.Set) {
	known := append(slices.Clone(c.world.VPC.DHCP.Servers), c.world.VPC.ResolverAddr(), world.ResolverAddr, world.ResolverAddrV6)
	for _, p := range questions(c) {
		if !slices.Contains(known, p.Dst.Addr()) || p.Dst.Port() != 53 {
			t.Errorf("asked %s", p.Dst)
		}
	}
}

// label is a random label; names that carry the account's number add it.
var label = regexp.MustCompile(`^vpcdoctor-[0-9a-f]{6}(-[0-9]{12})?\.`)

func randomLabels(t *testing.T, c *captured, s *fact.Set) {
	names := map[string]bool{}
	for _, x := range s.Targets {
		names[x.Host] = true
		account := strings.HasPrefix(x.Host, c.world.Account+".") // a registry's real name
		if x.Wildcard && !account && !label.MatchString(x.Host) {
			t.Errorf("%s stands for a wildcard and does not say who asks", x.Host)
		}
	}
	labels := map[string]bool{}
	for _, p := range questions(c) {
		name, _, _ := strings.Cut(p.Question, " ")
		if l := label.FindString(name); l != "" {
			labels[l] = true
		} else if strings.Contains(name, "vpcdoctor") {
			t.Errorf("asked for %s: another form of random label", name)
		}
		if !names[name] && !c.proxyName(name) {
			t.Errorf("asked for %s, which is no target", name)
		}
	}
	if len(labels) > maxLabels {
		t.Errorf("%d random labels", len(labels))
	}
}

func (c *captured) proxyName(name string) bool {
	return slices.ContainsFunc(c.world.Proxies, func(p world.Proxy) bool { return p.Name == name })
}

var agentHeader = regexp.MustCompile(`\r\nUser-Agent: vpcdoctor/\S+ \(\+diagnostic\)\r\n`)

// userAgent: of everything that goes over the wire as plain HTTP, to IMDS and
// to proxies. TestUserAgentOverTLS sees the rest.
func userAgent(t *testing.T, c *captured, _ *fact.Set) {
	for _, p := range c.packets {
		if p.Head != "" && !agentHeader.MatchString(p.Head) {
			t.Errorf("to %s: %q", p.Dst, p.Head)
		}
	}
}

// noOtherProtocol: no ICMP, no raw sockets. Multicast is the kernel's own talk
// with the router.
func noOtherProtocol(t *testing.T, c *captured, _ *fact.Set) {
	for _, p := range c.packets {
		if p.Sent && p.Proto == "other" && !p.Dst.Addr().IsMulticast() {
			t.Errorf("%d bytes of another protocol to %s", p.Len, p.Dst)
		}
	}
}
