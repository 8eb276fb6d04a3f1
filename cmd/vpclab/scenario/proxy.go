package scenario

import (
	"strings"

	"vpcdoctor/cmd/vpclab/world"
)

func proxyFaults() []Scenario {
	return []Scenario{{
		Name: "proxy-407", Kind: Fault, Want: broken("PX-04"), NearOf: "all-by-proxy",
		Story:  "the agent's proxy wants credentials",
		Change: func(w *world.World, s *Seed) { viaProxy(w, s, world.Proxy{Auth: true}) },
	}, {
		Name: "proxy-denies-one", Kind: Fault, Want: broken("PX-05"), NearOf: "all-by-proxy",
		Story: "the agent's proxy refuses CONNECT to ssmmessages",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{Deny: []string{Host(w, "ssmmessages")}})
		},
	}, {
		Name: "proxy-down", Kind: Fault, Want: broken("PX-07"),
		Story: "nothing listens at the agent's proxy",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{})
			w.Proxies = nil
			w.VPC.Servers[len(w.VPC.Servers)-1].Ports = nil
		},
	}, {
		Name: "proxy-unreachable", Kind: Fault, Want: broken("PX-07"), NearOf: "proxy-down",
		Story: "the proxy's security group does not admit the instance",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{})
			w.VPC.Servers[len(w.VPC.Servers)-1].Groups = []string{defaultGroup(w, s)}
		},
	}, {
		Name: "proxy-https-to-plain", Kind: Fault, Want: broken("PX-06"),
		Story: "the proxy URL says https, the proxy speaks plain HTTP",
		Change: func(w *world.World, s *Seed) {
			url := viaProxy(w, s, world.Proxy{})
			w.Host.Agent.Env["https_proxy"] = strings.Replace(url, "http://", "https://", 1)
		},
	}, {
		Name: "proxy-in-shell", Kind: Fault, Want: broken("PX-01", "DN-02").with("PX-01"),
		Story: "the shell has the proxy, the agent's unit has none",
		Change: func(w *world.World, s *Seed) {
			url := viaProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = nil
			w.Host.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254"}
		},
	}, {
		Name: "proxy-without-metadata", Kind: Fault, Want: broken("PX-02"), NearOf: "all-by-proxy",
		Story: "no_proxy of the agent lacks the metadata address",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{})
			w.Host.Agent.Env["no_proxy"] = "localhost"
		},
	}, {
		Name: "proxy-past-endpoints", Kind: Fault, Want: degraded("PX-03"),
		Story: "the endpoints exist, and the agent's traffic takes the proxy past them",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254"}
		},
	}, {
		Name: "proxy-silent", Kind: Fault, Want: broken("PX-07", "PX-05"), NearOf: "proxy-down",
		Story:  "the proxy accepts connections and never answers",
		Change: func(w *world.World, s *Seed) { viaProxy(w, s, world.Proxy{Silent: true}) },
	}}
}
