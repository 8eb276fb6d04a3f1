package world_test

import (
	"net/netip"
	"slices"
	"testing"

	"vpcdoctor/cmd/vpclab/world"
)

// server adds a DNS server that forwards and changes what it says.
func server(d world.DNSServer) func(*world.World) {
	return func(w *world.World) {
		d.Addr = netip.MustParseAddr("10.9.9.9")
		w.DNSServers = []world.DNSServer{d}
	}
}

func TestServersMeddle(t *testing.T) {
	dns64 := func(w *world.World) { w.VPC.Subnets[0].DNS64 = true }
	at := netip.MustParseAddr("10.9.9.9")
	tests := []struct {
		name   string
		change func(*world.World)
		at     netip.Addr
		v6     bool
		rcode  string
		prefix netip.Prefix // of the addresses; zero: none
	}{
		{"AAAA refused a name", server(world.DNSServer{NoAAAA: true}), at, true, "NXDOMAIN", netip.Prefix{}},
		{"and A not", server(world.DNSServer{NoAAAA: true}), at, false, "NOERROR", netip.MustParsePrefix("0.0.0.0/0")},
		{"rebind protection", server(world.DNSServer{Rebind: true}), at, false, "NOERROR", netip.Prefix{}},
		{"DNS64 of a server", server(world.DNSServer{DNS64: netip.MustParsePrefix("2001:db8:64::/96")}), at, true, "NOERROR", netip.MustParsePrefix("2001:db8:64::/96")},
		{"DNS64 of the subnet", dns64, world.ResolverAddr, true, "NOERROR", world.NAT64},
		{"and A as ever", dns64, world.ResolverAddr, false, "NOERROR", netip.MustParsePrefix("0.0.0.0/0")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := base(t, tt.change)
			a := w.Ask(tt.at, "ssm."+w.Region+"."+w.Suffix, tt.v6)
			if a.RCode != tt.rcode || (len(a.Addrs) > 0) != tt.prefix.IsValid() {
				t.Fatalf("got %+v", a)
			}
			for _, x := range a.Addrs {
				if !tt.prefix.Contains(x) {
					t.Errorf("%s is not below %s", x, tt.prefix)
				}
			}
		})
	}
}

func TestStubAnswers(t *testing.T) {
	stale := netip.MustParseAddr("10.1.2.3")
	s := world.Stub{Records: []world.Record{{Name: "ssm.example", Addrs: []netip.Addr{stale}, TTL: 9}}}
	if a, ok := s.Answer("ssm.example", false); !ok || !slices.Equal(a.Addrs, []netip.Addr{stale}) || a.TTL != 9 {
		t.Errorf("got %+v, %v", a, ok)
	}
	if a, ok := s.Answer("other.example", false); ok {
		t.Errorf("got %+v for a name it does not have", a)
	}
}

// nat64 gives the base world IPv6, a NAT gateway and a route to it for the
// NAT64 prefix.
func nat64(w *world.World) {
	w.VPC.Subnets[0].IPv6 = netip.MustParsePrefix("2001:db8:0:1::/64")
	w.VPC.IPv6 = []netip.Prefix{netip.MustParsePrefix("2001:db8::/56")}
	w.Instance.IPv6 = netip.MustParseAddr("2001:db8:0:1::9")
	any6 := netip.MustParsePrefix("::/0")
	w.VPC.SecurityGroups[0].Egress = append(w.VPC.SecurityGroups[0].Egress, world.Rule{Proto: "-1", CIDR: any6})
	entry := world.Entry{Number: 101, Allow: true, Proto: "-1", CIDR: any6}
	w.VPC.NACLs[0].Egress = append(w.VPC.NACLs[0].Egress, entry)
	w.VPC.NACLs[0].Ingress = append(w.VPC.NACLs[0].Ingress, entry)
	w.VPC.NATs = []world.NAT{{ID: "nat-1", Subnet: w.VPC.Subnets[2].ID}}
	table := w.VPC.Table(w.VPC.Subnets[0].RouteTable)
	table.Routes = append(table.Routes, world.Route{Dst: world.NAT64, Target: "nat-1"})
}

func TestNAT64(t *testing.T) {
	w := base(t, nat64)
	sts := w.PublicAddrs("sts." + w.Region + "." + w.Suffix)[0]
	b, v4 := world.NAT64.Addr().As16(), sts.As4()
	copy(b[12:], v4[:])
	dst := netip.AddrPortFrom(netip.AddrFrom16(b), 443)
	f := world.Flow{Proto: "tcp", Src: netip.AddrPortFrom(w.Instance.IPv6, 40000), Dst: dst}
	if p := w.Path(f); !p.Arrives || !p.Returns || p.Refuses {
		t.Errorf("through the NAT gateway: %+v", p)
	}
	if got := w.Serve(dst, "sts."+w.Region+"."+w.Suffix); got.Kind != world.FrontEnd {
		t.Errorf("behind it: %+v", got)
	}
	table := w.VPC.Table(w.VPC.Subnets[0].RouteTable)
	table.Routes = table.Routes[:len(table.Routes)-1]
	if p := w.Path(f); p.Arrives {
		t.Errorf("without the route: %+v", p)
	}
}

func TestGatewayPolicy(t *testing.T) {
	w := base(t, func(w *world.World) {
		for i := range w.VPC.Endpoints {
			if w.VPC.Endpoints[i].Gateway {
				w.VPC.Endpoints[i].Denies = []string{"some-bucket"}
			}
		}
	})
	host := func(service string) netip.AddrPort {
		return netip.AddrPortFrom(w.PublicAddrs(service + "." + w.Region + "." + w.Suffix)[0], 443)
	}
	if got := w.Serve(host("s3"), "").Denies; !slices.Equal(got, []string{"some-bucket"}) {
		t.Errorf("S3: %v", got)
	}
	if got := w.Serve(host("sts"), "").Denies; got != nil {
		t.Errorf("a service beside the endpoint: %v", got)
	}
}

func TestSelectiveInspection(t *testing.T) {
	w := base(t, func(w *world.World) {
		w.Middleboxes = []world.Middlebox{{Intercept: true, Names: []string{"ssm." + w.Region + "." + w.Suffix}}}
	})
	for service, want := range map[string]bool{"ssm": true, "kms": false} {
		dst := netip.AddrPortFrom(w.VPC.Endpoint(service).Interfaces[0].Addr, 443)
		if got := w.Serve(dst, service+"."+w.Region+"."+w.Suffix).Intercept; got != want {
			t.Errorf("%s: intercepted=%v", service, got)
		}
	}
}
