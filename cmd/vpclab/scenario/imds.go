package scenario

import (
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
)

func imdsFaults() []Scenario {
	mode := func(m world.IMDSMode) func(*world.World, *Seed) {
		return func(w *world.World, _ *Seed) { w.IMDS.Mode = m }
	}
	metadata := netip.PrefixFrom(world.MetadataAddr, 32)
	return []Scenario{{
		Name: "imds-disabled", Kind: Fault, Want: broken("IM-01"),
		Story: "the metadata service is disabled for this instance", Change: mode(world.IMDSDisabled),
	}, {
		Name: "imds-hop-limit", Kind: Fault, Want: broken("IM-03"), NearOf: "imds-silent",
		Story: "the answer to the token request dies on the way, v1 answers with 401", Change: mode(world.IMDSHopLimit),
	}, {
		Name: "imds-silent", Kind: Fault, Want: broken("IM-13"),
		Story: "nothing comes back from the metadata address", Change: mode(world.IMDSSilent),
	}, {
		Name: "imds-v1-only", Kind: Fault, Want: Want{Codes: []string{"IM-14"}, Status: "healthy"}, NearOf: "imds-optional",
		Story: "an old emulation of the metadata service knows no tokens", Change: mode(world.IMDSV1Only),
	}, {
		Name: "imds-proxy-page", Kind: Fault, Want: broken("IM-06"),
		Story: "a proxy's error page answers in place of the metadata service", Change: mode(world.IMDSHTML),
	}, {
		Name: "imds-local-reject", Kind: Fault, Want: broken("IM-04"),
		Story: "the host's own firewall rejects the metadata address",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "tcp", Dst: metadata, Action: "reject-port"}}
		},
	}, {
		Name: "imds-local-drop", Kind: Fault, Want: broken("IM-04").never("IM-13"), NearOf: "imds-silent",
		Story: "the host's own firewall drops packets to the metadata address",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Firewall = []world.LocalRule{{Proto: "tcp", Dst: metadata, Action: "drop"}}
		},
	}, {
		Name: "imds-stale-route", Kind: Fault, Want: broken("IM-05"),
		Story: "a baked static route sends the metadata address to another subnet's gateway",
		Change: func(w *world.World, s *Seed) {
			w.Host.Routes = []world.HostRoute{{Dst: metadata, Kind: "unicast", Via: freeAddr(w, s, 1), OnLink: true}}
		},
	}, {
		Name: "not-ec2", Kind: Fault, Region: "us-east-1", Want: Want{Status: "degraded", Codes: []string{"IM-12"}},
		Args:  []string{"--region", "us-east-1"},
		Story: "a virtual machine in the company's own data centre, with the endpoints reachable",
		Change: func(w *world.World, _ *Seed) {
			w.IMDS.Mode = world.IMDSAbsent
			w.Host.Vendor = "QEMU"
		},
	}, {
		Name: "not-ec2-dark", Kind: Fault, Region: "us-east-1", Want: broken("DN-02", "IM-12", "EP-17"), NearOf: "not-ec2",
		Args:  []string{"--region", "us-east-1"},
		Story: "the same machine without any way to AWS",
		Change: func(w *world.World, _ *Seed) {
			w.IMDS.Mode = world.IMDSAbsent
			w.Host.Vendor = "QEMU"
			dropEndpoints(w)
		},
	}}
}

func inputFaults() []Scenario {
	return []Scenario{{
		Name: "imds-huge", Kind: Fault, Want: broken("IM-06", "IM-13"),
		Story:  "the metadata service answers every question with 10 MB",
		Change: func(w *world.World, _ *Seed) { w.IMDS.Mode = world.IMDSHuge },
	}, {
		Name: "black-hole", Kind: Fault, Want: broken("SG-01", "DN-04"), Args: []string{"--all"},
		Story: "names resolve, nothing else answers, and every service is asked for",
		Change: func(w *world.World, _ *Seed) {
			instanceGroup(w).Egress = nil
			addNAT(w)
		},
	}}
}
