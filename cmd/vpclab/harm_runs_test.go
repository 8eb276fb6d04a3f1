//go:build linux

package main

import (
	"net/netip"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
)

// worldIn is the world of a scenario under the first seed that puts it into a
// partition.
func worldIn(t *testing.T, name, partition string) *world.World {
	t.Helper()
	s, err := scenario.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		if w := s.World(seed + 1); w.Partition == partition {
			return w
		}
	}
	t.Fatalf("no seed puts %s into %s", name, partition)
	return nil
}

// publicDials are the connections to addresses outside every private range.
func publicDials(c *captured) []netip.AddrPort {
	var out []netip.AddrPort
	for _, p := range syns(c) {
		if a := p.Dst.Addr(); !a.IsPrivate() && !a.IsLinkLocalUnicast() {
			out = append(out, p.Dst)
		}
	}
	return out
}

// TestAllAsksOnlyA: a healthy name that only --all brings in costs one packet,
// to the configured resolver.
func TestAllAsksOnlyA(t *testing.T) {
	t.Parallel()
	c := capture(t, scenario.Region(privateHosts(240)), "--all", "--facts", factsFile)
	s := c.facts(t)
	asked := map[string][]fabric.Record{}
	for _, p := range questions(c) {
		name, _, _ := strings.Cut(p.Question, " ")
		asked[name] = append(asked[name], p)
	}
	healthy := map[string]bool{}
	for _, a := range s.Answers {
		healthy[a.Name] = a.Status == fact.OK
	}
	checked := 0
	for _, x := range s.Targets {
		if len(x.Profiles) > 0 || !healthy[x.Host] {
			continue
		}
		checked++
		ps := asked[x.Host]
		if len(ps) != 1 || ps[0].Question != x.Host+" A" || ps[0].Dst.Addr() != c.world.VPC.ResolverAddr() {
			t.Errorf("%s cost %d packets, the first %+v", x.Host, len(ps), ps[0])
		}
	}
	if checked < 350 {
		t.Errorf("only %d names were looked at", checked)
	}
}

// TestPublicAddresses: who dials public answers and who does not. The world
// has a NAT, so that a dial would show.
func TestPublicAddresses(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want bool
	}{
		"profile":                  {nil, true},
		"all":                      {[]string{"--all", "--profile", "session-manager"}, false},
		"all, dial public":         {[]string{"--all", "--dial-public"}, true},
		"require private":          {[]string{"--require-private"}, false},
		"require private, all":     {[]string{"--require-private", "--all", "--dial-public"}, false},
		"require private, service": {[]string{"--require-private", "--service", "sqs,s3"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldIn(t, "nat-only", "aws")
			c := capture(t, w, append(tt.args, "--facts", factsFile)...)
			s := c.facts(t)
			if len(questions(c)) == 0 {
				t.Fatal("nothing was asked")
			}
			named := map[netip.Addr]bool{} // of names that a profile asked for: --all changes nothing about them
			for _, x := range s.Targets {
				for _, a := range s.Answers {
					if a.Name == x.Host && len(x.Profiles) > 0 && !s.Run.Private {
						for _, addr := range a.Addrs {
							named[addr] = true
						}
					}
				}
			}
			var broad []netip.AddrPort
			for _, d := range publicDials(c) {
				if s.Run.All && named[d.Addr()] {
					continue
				}
				broad = append(broad, d)
			}
			if got := len(broad) > 0; got != tt.want {
				t.Errorf("dialled %d public addresses: %v", len(broad), broad[:min(3, len(broad))])
			}
		})
	}
}

// TestNamedPorts: ports other than 443 are dialled for a service that was
// named, four at most, and 25 never.
func TestNamedPorts(t *testing.T) {
	t.Parallel()
	w := worldIn(t, "nat-only", "aws")
	c := capture(t, w, "--service", "storagegateway,cassandra,transfer.server,email-smtp", "--facts", factsFile)
	onlyKnownPorts(t, c, c.facts(t))
	portsPerAddress(t, c, nil)
	ports := map[uint16]bool{}
	for _, d := range publicDials(c) {
		ports[d.Port()] = true
	}
	if !ports[9142] || !ports[443] || !ports[1026] || !ports[465] || ports[25] {
		t.Errorf("dialled ports %v", ports)
	}
}

// TestResolverFlag: --resolver replaces the configured servers; the VPC's own
// are still asked, to compare.
func TestResolverFlag(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "custom-dns-public") // its DHCP options name another server
	configured := w.VPC.DHCP.Servers[0]
	c := capture(t, w, "--resolver", world.ResolverAddr.String())
	for _, p := range questions(c) {
		if a := p.Dst.Addr(); a == configured || !w.LinkLocal(a) {
			t.Errorf("asked %s", p.Dst)
		}
	}
	if len(questions(c)) == 0 {
		t.Error("nothing was asked")
	}
}

// TestMetadataDisabled: AWS_EC2_METADATA_DISABLED is obeyed, and the run goes on
// with the Region that resolv.conf tells.
func TestMetadataDisabled(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "healthy")
	w.Host.Env = map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}
	c := capture(t, w, "--facts", factsFile)
	for _, p := range c.packets {
		if p.Sent && isIMDS(p.Dst.Addr()) {
			t.Fatalf("sent %+v", p)
		}
	}
	if s := c.facts(t); s.IMDS.Disabled == "" || s.Place.Region == "" || len(s.Dials) == 0 {
		t.Errorf("exit %d, IMDS %+v, place %+v, %d dials", c.exit, s.IMDS, s.Place, len(s.Dials))
	}
}

// TestOfflineVerbsSendNothing: not one packet, whatever the network is like.
func TestOfflineVerbsSendNothing(t *testing.T) {
	w := worldOf(t, "healthy")
	facts := capture(t, w, "--facts", factsFile).read(factsFile)
	for name, args := range map[string][]string{
		"plan":                {"check", "--plan"},
		"plan, all":           {"check", "--plan", "--all", "--endpoint", "x=db.internal.example:5432"},
		"plan, region":        {"--plan", "--region", "us-east-1", "--resolver", "8.8.8.8"},
		"explain":             {"explain", "SG-02"},
		"services":            {"services", "--region", "us-east-1"},
		"services, no region": {"services"},
		"diagnose":            {"diagnose", "given.json"},
		"version":             {"version"},
		"help":                {"--help"},
		"usage error":         {"check", "--profile", "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := captureWith(t, worldOf(t, "healthy"), "", map[string]string{"given.json": facts}, args...)
			if want := map[bool]int{true: 2}[name == "usage error"]; c.exit != want {
				t.Errorf("exit %d: %s", c.exit, c.stderr)
			}
			for _, p := range c.packets {
				if p.Sent {
					t.Errorf("sent %+v", p)
				}
			}
		})
	}
}
