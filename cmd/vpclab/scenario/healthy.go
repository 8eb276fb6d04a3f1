package scenario

import (
	"fmt"
	"net/netip"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// noFault is what a healthy world must give: no error, no warning.
var noFault = Want{Status: "healthy"}

func healthy() []Scenario {
	return append(healthyPaths(), healthyHosts()...)
}

func healthyPaths() []Scenario {
	return []Scenario{{
		Name: "healthy", Kind: Healthy, Want: noFault,
		Story: "endpoints with private DNS in both AZs, S3 gateway, no NAT",
	}, {
		Name: "nat-only", Kind: Healthy, Want: noFault, NearOf: "no-endpoints",
		Story:  "no endpoints; a NAT gateway carries everything",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w); dropGatewayRoute(w); addNAT(w) },
	}, {
		Name: "public-subnet", Kind: Healthy, Want: noFault, NearOf: "igw-no-public-ip",
		Story:  "no endpoints; the instance has a public address behind an Internet gateway",
		Change: func(w *world.World, s *Seed) { publicSubnet(w, s, true) },
	}, {
		Name: "hub-endpoints", Kind: Healthy, Want: noFault,
		Story:  "central endpoints in another VPC, outside our CIDRs, by transit gateway and private zones",
		Change: func(w *world.World, s *Seed) { moveToHub(w, s) },
	}, {
		Name: "dual-stack", Kind: Healthy, Want: noFault,
		Story:  "IPv4 and IPv6 in VPC, subnets and endpoints",
		Change: func(w *world.World, _ *Seed) { dualStack(w) },
	}, {
		Name: "custom-dns-forwards", Kind: Healthy, Want: noFault, NearOf: "custom-dns-public",
		Story:  "the company's DNS servers forward AWS names to the VPC resolver",
		Change: func(w *world.World, s *Seed) { addDNS(w, s, world.DNSForward); addDNS(w, s, world.DNSForward) },
	}, {
		Name: "s3-gateway-strict", Kind: Healthy, Want: noFault, Args: []string{"--profile", "ssm"}, NearOf: "s3-egress-missing",
		Story:  "egress only to the endpoints' group and the S3 prefix list, with a NAT present",
		Change: func(w *world.World, _ *Seed) { strictEgress(w, true); addNAT(w) },
	}, {
		Name: "cgnat-vpc", Kind: Healthy, Want: noFault,
		Story:  "the VPC lies in 100.64.0.0/10",
		Change: func(w *world.World, s *Seed) { rebuild(w, s, "100.70.0.0/16") },
	}, {
		Name: "public-space-vpc", Kind: Healthy, Want: noFault,
		Story:  "the VPC's CIDR is public address space",
		Change: func(w *world.World, s *Seed) { rebuild(w, s, "25.31.0.0/16") },
	}, {
		Name: "secondary-cidr", Kind: Healthy, Want: noFault,
		Story:  "the endpoints lie in the VPC's second CIDR",
		Change: func(w *world.World, s *Seed) { secondCIDR(w, s, true) },
	}, {
		Name: "optional-missing", Kind: Healthy, Want: noFault, NearOf: "ssmmessages-missing",
		Story:  "endpoints for ssm and ssmmessages only",
		Change: func(w *world.World, _ *Seed) { dropEndpoints(w, "ec2messages", "logs", "kms") },
	}, {
		Name: "one-az", Kind: Healthy, Want: noFault,
		Story: "all endpoints have an interface in the other AZ only",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Interfaces = e.Interfaces[1:] })
		},
	}, {
		Name: "far-away", Kind: Healthy, Want: noFault,
		Story: "every path takes 60 ms each way",
		Change: func(w *world.World, _ *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "distance", Latency: 60 * time.Millisecond}}
		},
	}, {
		Name: "china-beijing", Kind: Healthy, Region: "cn-north-1", Want: noFault,
		Story: "the healthy VPC in Beijing",
	}, {
		Name: "china-ningxia", Kind: Healthy, Region: "cn-northwest-1", Want: noFault,
		Story:  "the article's VPC in Ningxia, 10.192.0.0/16, with its two security groups",
		Change: func(w *world.World, s *Seed) { rebuild(w, s, "10.192.0.0/16"); strictEgress(w, true) },
	}, {
		Name: "all-by-proxy", Kind: Healthy, Want: Want{Status: "healthy", Never: []string{"DN-02", "RT-01"}}, NearOf: "proxy-in-shell",
		Story: "the agent goes through a proxy; the direct path is dropped",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{})
		},
	}, {
		Name: "proxy-with-no-proxy", Kind: Healthy, Want: noFault, NearOf: "proxy-past-endpoints",
		Story: "the agent has a proxy, and no_proxy names the endpoints",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "http_proxy": url, "no_proxy": "169.254.169.254," + w.Suffix}
		},
	}, {
		Name: "agent-overrides", Kind: Healthy, Want: noFault.with("AG-06"), NearOf: "private-dns-off",
		Story: "private DNS is off; the agent's config names the endpoints by their vpce names",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.PrivateDNS = false })
			name := func(s string) string { return w.EndpointName(w.VPC.Endpoint(s)) }
			w.Host.Agent.Config = fmt.Sprintf(`{"Ssm":{"Endpoint":%q},"Mgs":{"Endpoint":%q},"Mds":{"Endpoint":%q}}`,
				name("ssm"), name("ssmmessages"), name("ec2messages"))
		},
	}}
}

func healthyHosts() []Scenario {
	return []Scenario{{
		Name: "imds-slow", Kind: Healthy, Want: noFault,
		Story:  "the metadata service takes 0.4 s an answer",
		Change: func(w *world.World, _ *Seed) { w.IMDS.Delay = 400 * time.Millisecond },
	}, {
		Name: "imds-optional", Kind: Healthy, Want: noFault,
		Story:  "IMDSv1 is still allowed beside IMDSv2",
		Change: func(w *world.World, _ *Seed) { w.IMDS.Mode = world.IMDSOptional },
	}, {
		Name: "stub-resolver", Kind: Healthy, Want: noFault, NearOf: "stub-down",
		Story:  "systemd-resolved's stub forwards to the VPC resolver",
		Change: func(w *world.World, _ *Seed) { w.Host.Stub = world.Stub{Configured: true, Running: true} },
	}, {
		Name: "snap-agent", Kind: Healthy, Want: noFault, NearOf: "agent-twice",
		Story: "the agent is the snap of Ubuntu's image",
		Change: func(w *world.World, _ *Seed) {
			a := &w.Host.Agent
			a.Installs = []world.Install{{Kind: "snap", Version: agentVersion}}
			a.Units[0].Name = world.SnapUnit
		},
	}, {
		Name: "deb-agent", Kind: Healthy, Want: noFault,
		Story:  "the agent is Debian's package",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Installs[0].Kind = "deb" },
	}, {
		Name: "host-management", Kind: Healthy, Want: noFault, NearOf: "host-management-off",
		Story: "no instance profile; Default Host Management serves the node",
		Change: func(w *world.World, _ *Seed) {
			w.Instance.Profile, w.Instance.Role = "", ""
			w.Host.Agent.Identity.Source = "SSM"
		},
	}, {
		Name: "docker-elsewhere", Kind: Healthy, Want: noFault, NearOf: "docker-overlap",
		Story: "a docker bridge whose network is not the VPC's",
		Change: func(w *world.World, s *Seed) {
			rebuild(w, s, "10.77.0.0/16")
			w.Host.Links = []world.HostLink{{Name: "docker0", Addr: netip.MustParsePrefix("172.17.0.1/16")}}
		},
	}, {
		Name: "no-root", Kind: Healthy, Want: noFault, NeedsRoot: true,
		Story:  "an ordinary user runs the check",
		Change: func(w *world.World, _ *Seed) { w.Host.UID = 1000 },
	}, {
		Name: "tls-intercept-trusted", Kind: Healthy, Want: Want{Status: "healthy", Codes: []string{"TL-12"}}, NearOf: "tls-intercept",
		Story: "a firewall re-signs TLS, and the administrator installed its CA",
		Change: func(w *world.World, _ *Seed) {
			w.Middleboxes = []world.Middlebox{{Name: "inspection", Intercept: true}}
			w.Host.Roots.Corporate = true
		},
	}, {
		Name: "custom-service", Kind: Healthy, Want: noFault, Args: customArgs, NearOf: "custom-closed",
		Story:  "an endpoint of another team's service on port 8443",
		Change: func(w *world.World, s *Seed) { addCustom(w, s) },
	}, {
		Name: "endless-body", Kind: Healthy, Want: noFault,
		Story: "the services answer with bodies that never end",
		Change: func(w *world.World, _ *Seed) {
			eachEndpoint(w, func(e *world.Endpoint) { e.Server.Endless = true })
		},
	}}
}

// publicSubnet moves the instance into the public subnet, without endpoints.
func publicSubnet(w *world.World, s *Seed, withAddress bool) {
	dropEndpoints(w)
	sub := w.VPC.Subnets[2]
	w.Instance.Subnet, w.Instance.Addr = sub.ID, s.Addr(sub.CIDR, taken(w))
	if withAddress {
		w.Instance.PublicIP = w.PublicAddrs("ec2-instance-" + w.Instance.ID + "." + w.Suffix)[0]
	}
}

// rebuild makes the base world anew in another /16.
func rebuild(w *world.World, s *Seed, block string) {
	BuildVPC(w, s, netip.MustParsePrefix(block))
}

// secondCIDR moves the endpoints into a second block of the VPC, which the
// endpoints' group admits or not.
func secondCIDR(w *world.World, s *Seed, admitted bool) {
	v := &w.VPC
	block := netip.MustParsePrefix("100.66.0.0/16")
	v.CIDRs = append(v.CIDRs, block)
	used := map[netip.Addr]bool{}
	first := len(v.Subnets)
	for i := range 2 {
		v.Subnets = append(v.Subnets, world.Subnet{ID: s.ID("subnet"), CIDR: slash24(block, 8+i), AZ: w.AZs[i].Name,
			RouteTable: privateTable, NACL: v.Subnets[0].NACL})
	}
	eachEndpoint(w, func(e *world.Endpoint) {
		for i := range e.Interfaces {
			sub := v.Subnets[first+i]
			e.Interfaces[i] = world.EndpointENI{Subnet: sub.ID, Addr: s.Addr(sub.CIDR, used)}
		}
	})
	if admitted {
		endpointGroup(w).Ingress = []world.Rule{{Proto: "tcp", From: 443, To: 443, CIDR: v.CIDRs[0]}}
	}
}

// dualStack gives everything IPv6 addresses of a /56 as AWS assigns it.
func dualStack(w *world.World) {
	v := &w.VPC
	base := netip.MustParsePrefix("2600:1f18:4a2b:7c00::/56")
	v.IPv6 = []netip.Prefix{base}
	for i := range v.Subnets {
		b := base.Addr().As16()
		b[7] = byte(i)
		v.Subnets[i].IPv6 = netip.PrefixFrom(netip.AddrFrom16(b), 64)
	}
	in := func(subnet string, host byte) netip.Addr {
		b := v.Subnet(subnet).IPv6.Addr().As16()
		b[14], b[15] = 0x5a, host
		return netip.AddrFrom16(b)
	}
	w.Instance.IPv6 = in(w.Instance.Subnet, 9)
	n := byte(16)
	eachEndpoint(w, func(e *world.Endpoint) {
		e.IPv6DNS = true
		for i := range e.Interfaces {
			n++
			e.Interfaces[i].IPv6 = in(e.Interfaces[i].Subnet, n)
		}
	})
	for i := range v.NACLs {
		all := world.Entry{Number: 101, Allow: true, Proto: "-1", CIDR: anywhereV6}
		v.NACLs[i].Ingress, v.NACLs[i].Egress = append(v.NACLs[i].Ingress, all), append(v.NACLs[i].Egress, all)
	}
	g := instanceGroup(w)
	g.Egress = append(g.Egress, world.Rule{Proto: "-1", CIDR: anywhereV6})
}
