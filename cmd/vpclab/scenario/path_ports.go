package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

// windowsPorts are the ephemeral ports of IANA, which Windows uses and NACLs
// written for it admit. Linux uses 32768 to 60999, so that two connects in
// five would pass; lowPorts keeps the kernel below.
const windowsPorts = 49152

// lowPorts makes the kernel choose source ports below windowsPorts, as it does
// most of the time anyway: the first connects fail in every run.
func lowPorts(w *world.World) { w.Host.PortRange = [2]uint16{32768, 48000} }

func answersFrom(from uint16) []world.Entry {
	return []world.Entry{
		{Number: 100, Allow: true, Proto: "tcp", From: from, To: 65535, CIDR: anywhere},
		{Number: 110, Allow: true, Proto: "udp", From: 1024, To: 65535, CIDR: anywhere},
	}
}

// ephemeralPorts are NACLs that let back the answers to some source ports.
func ephemeralPorts() []Scenario {
	return []Scenario{{
		Name: "nacl-ports-in", Kind: Fault, Want: broken("SG-07"), NearOf: "nacl-ephemeral",
		Story: "the NACL of our subnet lets answers in to ports from 49152 only",
		Change: func(w *world.World, s *Seed) {
			lowPorts(w)
			ownNACL(w, s, 0, answersFrom(windowsPorts), allowAll())
		},
	}, {
		Name: "nacl-ports-fine", Kind: Healthy, Want: noFault, NearOf: "nacl-ports-in",
		Story: "the NACL of our subnet lets answers in to ports from 1024",
		Change: func(w *world.World, s *Seed) {
			lowPorts(w)
			ownNACL(w, s, 0, answersFrom(1024), allowAll())
		},
	}, {
		Name: "nacl-ports-far", Kind: Fault, Want: broken("SG-07"), NearOf: "nacl-other-az",
		Story: "the NACL of the endpoints' subnet in the other AZ lets answers out to ports from 49152 only",
		Change: func(w *world.World, s *Seed) {
			lowPorts(w)
			ownNACL(w, s, 1, allowAll(), answersFrom(windowsPorts))
		},
	}, {
		Name: "firewall-ports", Kind: Fault, Want: broken("SG-07"), NearOf: "asymmetric-az",
		Story: "a firewall between the AZs drops connections from source ports below 49152",
		Change: func(w *world.World, _ *Seed) {
			lowPorts(w)
			w.Middleboxes = []world.Middlebox{{Name: "firewall", DropPorts: [2]uint16{1024, windowsPorts - 1},
				On: world.Match{Prefixes: []netip.Prefix{w.VPC.Subnets[1].CIDR}}}}
		},
	}}
}
