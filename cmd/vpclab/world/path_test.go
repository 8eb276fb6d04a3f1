package world_test

import (
	"net/netip"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
)

// base is the healthy world under one seed, with a change.
func base(t *testing.T, change func(*world.World)) *world.World {
	t.Helper()
	s, err := scenario.Find("healthy")
	if err != nil {
		t.Fatal(err)
	}
	w := s.World(1)
	if change != nil {
		change(w)
	}
	return w
}

func flow(w *world.World, proto, dst string) world.Flow {
	return world.Flow{Proto: proto, Src: netip.AddrPortFrom(w.Instance.Addr, 40000), Dst: netip.MustParseAddrPort(dst)}
}

func TestPath(t *testing.T) {
	any4 := netip.MustParsePrefix("0.0.0.0/0")
	near := func(w *world.World) string { return w.VPC.Endpoint("ssm").Interfaces[0].Addr.String() + ":443" }
	far := func(w *world.World) string { return w.VPC.Endpoint("ssm").Interfaces[1].Addr.String() + ":443" }
	public := func(w *world.World) string {
		return w.PublicAddrs("sts." + w.Region + "." + w.Suffix)[0].String() + ":443"
	}
	store := func(w *world.World) string {
		return w.PublicAddrs("s3." + w.Region + "." + w.Suffix)[0].String() + ":443"
	}
	at := func(a string) func(*world.World) string { return func(*world.World) string { return a } }
	denyAll := func(subnet int) func(w *world.World) {
		return func(w *world.World) {
			w.VPC.NACLs = append(w.VPC.NACLs, world.NACL{ID: "acl-empty"})
			w.VPC.Subnets[subnet].NACL = "acl-empty"
		}
	}
	tests := []struct {
		name             string
		change           func(*world.World)
		dst              func(*world.World) string
		arrives, returns bool
		refuses          bool
		step             string // part of one step
	}{
		{name: "endpoint in our subnet", dst: near, arrives: true, returns: true},
		{name: "endpoint in the other subnet", dst: far, arrives: true, returns: true},
		{name: "metadata", dst: at("169.254.169.254:80"), arrives: true, returns: true},
		{name: "metadata, other port", dst: at("169.254.169.254:81"), arrives: true, returns: true, refuses: true},
		{name: "public without a route", dst: public, step: "no route"},
		{name: "S3 by its gateway endpoint", dst: store, arrives: true, returns: true},
		{name: "egress closed", dst: near, step: "no egress rule",
			change: func(w *world.World) { w.VPC.SecurityGroups[0].Egress = nil }},
		{name: "egress closed, metadata all the same", dst: at("169.254.169.254:80"), arrives: true, returns: true,
			change: func(w *world.World) { w.VPC.SecurityGroups[0].Egress = nil }},
		{name: "egress by group reference", dst: near, arrives: true, returns: true,
			change: func(w *world.World) {
				w.VPC.SecurityGroups[0].Egress = []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: w.VPC.SecurityGroups[1].ID}}
			}},
		{name: "egress by group reference does not cover S3", dst: store, step: "no egress rule",
			change: func(w *world.World) {
				w.VPC.SecurityGroups[0].Egress = []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: w.VPC.SecurityGroups[1].ID}}
			}},
		{name: "endpoint group closed", dst: near, step: "no ingress rule",
			change: func(w *world.World) { w.VPC.SecurityGroups[1].Ingress = nil }},
		{name: "own NACL does not matter inside the subnet", dst: near, arrives: true, returns: true, change: denyAll(0)},
		{name: "own NACL stops what leaves", dst: far, step: "out of subnet", change: denyAll(0)},
		{name: "NACL of the other subnet", dst: far, step: "into subnet", change: denyAll(1)},
		{name: "NACL without the answers' ports", dst: far, arrives: true, step: "into subnet",
			change: func(w *world.World) {
				w.VPC.NACLs = append(w.VPC.NACLs, world.NACL{ID: "acl-x",
					Egress:  []world.Entry{{Number: 1, Allow: true, Proto: "-1", CIDR: any4}},
					Ingress: []world.Entry{{Number: 1, Allow: true, Proto: "tcp", From: 443, To: 443, CIDR: any4}}})
				w.VPC.Subnets[0].NACL = "acl-x"
			}},
		{name: "lower entry number wins", dst: far, step: "entry 5 denies",
			change: func(w *world.World) {
				a := &w.VPC.NACLs[0]
				a.Egress = append(a.Egress[:len(a.Egress):len(a.Egress)], world.Entry{Number: 5, Proto: "tcp", From: 443, To: 443, CIDR: any4})
			}},
		{name: "public by NAT", dst: public, arrives: true, returns: true, change: nat},
		{name: "NAT failed", dst: public, step: "does not work",
			change: func(w *world.World) { nat(w); w.VPC.NATs[0].Failed = true }},
		{name: "NAT in a private subnet", dst: public, step: "no Internet gateway route",
			change: func(w *world.World) { nat(w); w.VPC.NATs[0].Subnet = w.VPC.Subnets[1].ID }},
		{name: "Internet gateway without an address", dst: public, step: "no public IPv4",
			change: func(w *world.World) { w.VPC.Subnets[0].RouteTable = w.VPC.Subnets[2].RouteTable }},
		{name: "blackhole beats nothing more specific", dst: far, step: "blackhole",
			change: func(w *world.World) {
				t := w.VPC.Table(w.VPC.Subnets[0].RouteTable)
				t.Routes = append(t.Routes, world.Route{Dst: w.VPC.Subnets[1].CIDR, Target: "eni-1", Blackhole: true})
			}},
		{name: "endpoint not available", dst: near, step: "not available",
			change: func(w *world.World) { w.VPC.Endpoint("ssm").State = "pendingAcceptance" }},
		{name: "DNS off", dst: at("169.254.169.253:53"), change: func(w *world.World) { w.VPC.DNSSupport = false }},
		{name: "nobody has the address", step: "no interface",
			dst: func(w *world.World) string { return w.VPC.Subnets[1].CIDR.Addr().Next().Next().String() + ":443" }},
		{name: "answers dropped by a middlebox", dst: far, arrives: true,
			change: func(w *world.World) { w.Middleboxes = []world.Middlebox{{DropAnswer: true}} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := base(t, tt.change)
			p := w.Path(flow(w, "tcp", tt.dst(w)))
			if p.Arrives != tt.arrives || p.Returns != tt.returns || p.Refuses != tt.refuses {
				t.Errorf("arrives %v returns %v refuses %v, want %v %v %v\n%s", p.Arrives, p.Returns, p.Refuses,
					tt.arrives, tt.returns, tt.refuses, strings.Join(p.Steps, "\n"))
			}
			if !strings.Contains(strings.Join(p.Steps, "\n"), tt.step) {
				t.Errorf("no step says %q:\n%s", tt.step, strings.Join(p.Steps, "\n"))
			}
		})
	}
}

func nat(w *world.World) {
	w.VPC.NATs = []world.NAT{{ID: "nat-1", Subnet: w.VPC.Subnets[2].ID}}
	t := w.VPC.Table(w.VPC.Subnets[0].RouteTable)
	t.Routes = append(t.Routes, world.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Target: "nat-1"})
}

func TestHubNeedsBothRoutes(t *testing.T) {
	s, err := scenario.Find("hub-endpoints")
	if err != nil {
		t.Fatal(err)
	}
	w := s.World(1)
	dst := w.Networks[0].Endpoints[0].Interfaces[0].Addr.String() + ":443"
	if p := w.Path(flow(w, "tcp", dst)); !p.Arrives || !p.Returns {
		t.Errorf("hub: %+v", p)
	}
	w.Networks[0].RouteTables[0].Routes = nil
	if p := w.Path(flow(w, "tcp", dst)); !p.Arrives || p.Returns {
		t.Errorf("without the way back: %+v", p)
	}
	// A group reference means nothing beyond the gateway.
	w = s.World(1)
	w.Networks[0].SecurityGroups[0].Ingress = []world.Rule{{Proto: "tcp", From: 443, To: 443, Group: w.Instance.Groups[0]}}
	if p := w.Path(flow(w, "tcp", dst)); p.Arrives {
		t.Errorf("group reference across the gateway: %+v", p)
	}
}
