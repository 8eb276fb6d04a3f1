package diagnose

import (
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

// firing is one fault and its near miss: the same facts but for one, where the
// code must be silent (or another one speaks).
type firing struct {
	code Code
	sev  Severity
	make func(w world)
	miss func(w world) // applied after make
	by   Code          // the cause, when the code is an effect
}

const ms = time.Millisecond

func at443(a string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(a), 443) }

func (w world) publicTrio() {
	w.resolves(host("ssm"), "52.82.1.1")
	w.resolves(host("ssmmessages"), "52.82.1.2")
	w.drop("kms")
}

func (w world) hub() {
	w.resolves(host("ssm"), "10.50.1.11")
	w.resolves(host("ssmmessages"), "10.50.1.12")
	w.resolves(host("kms"), "10.50.1.13")
}

// customDNS makes the configured server another one, with its own answers.
func (w world) customDNS(server string, as ...string) {
	s := netip.MustParseAddrPort(server)
	w.Resolver.Servers = []netip.AddrPort{s}
	for _, t := range w.Targets {
		w.lookup(t.Host, fact.ViaConfigured, s, failed(fact.Timeout, 2*time.Second), as...)
		if len(as) > 0 {
			w.answer(t.Host, as...)
		} else {
			w.noAnswer(t.Host, fact.Timeout)
		}
	}
}

// configured makes every question to the configured servers end like this.
func (w world) configured(server string, o fact.Outcome) {
	s := netip.MustParseAddrPort(server)
	w.Resolver.Servers = []netip.AddrPort{s}
	for _, t := range w.Targets {
		w.lookup(t.Host, fact.ViaConfigured, s, o)
		w.noAnswer(t.Host, o.Class)
	}
}

func (w world) custom(as ...string) *fact.Target {
	t := w.target("billing", fact.NeedRequired, as...)
	t.Type, t.Service, t.PrivateDNS = "Custom", "", ""
	w.retarget(t, "billing.example.internal", as...)
	return w.t("billing")
}

func (w world) retarget(t *fact.Target, name string, as ...string) {
	t.Host = name
	w.resolves(name, as...)
}

func (w world) proxied(o fact.Outcome, change func(*fact.Tunnel)) {
	w.Agent.Proxy = fact.ProxySetting{HTTPS: "http://10.192.10.99:3128", No: "169.254.169.254", Source: "process 700"}
	for _, id := range []string{"ssm", "ssmmessages"} {
		t := fact.Tunnel{Outcome: o, Proxy: "10.192.10.99:3128", Scheme: "http", Host: host(id), Port: 443}
		if o.Status == fact.Failed && id == "ssmmessages" || o.Status == fact.OK {
			if change != nil {
				change(&t)
			}
		} else {
			t.Outcome = ok(ms)
		}
		w.Tunnels = append(w.Tunnels, t)
		h := good(netip.AddrPort{}, host(id))
		h.Proxy = t.Proxy
		w.Handshakes = append(w.Handshakes, h)
	}
}

func (w world) onlyProxied(o fact.Outcome, change func(*fact.Tunnel)) {
	w.publicTrio()
	w.silent("52.82.1.1", "52.82.1.2")
	w.proxied(o, change)
}

var hostFirings = []firing{
	{code: "OS-01", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.NotPermitted, 0), "EPERM", "10.192.10.11", "10.192.20.11")
		},
		miss: func(w world) { w.breaks(failed(fact.NotPermitted, 0), "EACCES", "10.192.10.11", "10.192.20.11") }},
	{code: "OS-01", sev: SevError,
		make: func(w world) { w.silent(w.all("10.192.")...); w.Host.After.TCPRetransFail = 18 },
		miss: func(w world) { w.Host.After.TCPRetransFail = 0 }},
	{code: "OS-02", sev: SevError,
		make: func(w world) {
			w.silent("10.192.10.11", "10.192.20.11")
			w.Host.After.ConntrackMax, w.Host.After.ConntrackCount = 65536, 65536
		},
		miss: func(w world) { w.Host.After.ConntrackCount = 100 }},
	{code: "OS-04", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.NoAddress, 0), "EADDRNOTAVAIL", "10.192.10.11", "10.192.20.11")
		},
		miss: func(w world) { w.answer(host("ssm"), "10.192.10.11", "10.192.20.11") }},
	{code: "OS-05", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.NoDescriptors, 0), "EMFILE", "10.192.10.11", "10.192.20.11")
		},
		miss: func(w world) { w.answer(host("ssm"), "10.192.10.11", "10.192.20.11") }},
	{code: "OS-08", sev: SevInfo, make: func(w world) { w.Host.OtherNetNS = true }, miss: func(w world) { w.Host.OtherNetNS = false }},
	{code: "SELF-02", sev: SevInfo, make: func(w world) { w.Run.Interrupted = true }, miss: func(w world) { w.Run.Interrupted = false }},
	{code: "RT-02", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.NetUnreachable, 0), "ENETUNREACH", w.all("10.192.")...)
			w.Host.Routes = nil
		},
		miss: func(w world) { w.Host.Interfaces = w.Host.Interfaces[:1] }}, // no IPv4 at all: V6-02
	{code: "RT-06", sev: SevError,
		make: func(w world) {
			w.Host.Interfaces = append(w.Host.Interfaces, fact.Interface{Name: "docker0", MAC: "02:42:00:00:00:01", Addrs: []netip.Prefix{netip.MustParsePrefix("10.192.20.1/24")}})
			w.breaks(failed(fact.HostUnreachable, 3100*ms), "EHOSTUNREACH", "10.192.20.11", "10.192.20.12", "10.192.20.13")
		},
		miss: func(w world) { w.Host.Interfaces = w.Host.Interfaces[:2] }},
	{code: "V6-01", sev: SevWarning,
		make: func(w world) {
			w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("2600:1f18::5/64"))
			w.resolves(host("ssm"), "10.192.10.11", "2600:1f18::11")
			w.silent("2600:1f18::11")
		},
		miss: func(w world) { w.Host.Interfaces[1].Addrs = w.Host.Interfaces[1].Addrs[:1] }},
	{code: "V6-02", sev: SevError,
		make: func(w world) {
			w.Host.Interfaces[1].Addrs = []netip.Prefix{netip.MustParsePrefix("2600:1f18::5/64")}
			w.breaks(failed(fact.NetUnreachable, 0), "ENETUNREACH", w.all("10.192.")...)
		},
		miss: func(w world) {
			w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("10.192.10.50/24"))
		}},
	{code: "V6-03", sev: SevError,
		make: func(w world) {
			w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("2600:1f18::5/64"))
			w.resolves(host("ssm"), "64:ff9b::3452:101")
			w.silent("64:ff9b::3452:101")
		},
		miss: func(w world) { w.answer(host("ssm"), "64:ff9b::3452:101") }},
	{code: "V6-05", sev: SevWarning,
		make: func(w world) {
			w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("2600:1f18::5/64"))
			w.resolves(host("ssm"), "10.192.10.11", "2600:1f18::11")
			w.silent("2600:1f18::11")
			w.Addresses[len(w.Addresses)-1].Class = fact.OwnVPC
		},
		miss: func(w world) { w.Addresses[len(w.Addresses)-1].Class = fact.PublicAWS }}, // V6-01
	{code: "IA-16", sev: SevError, make: func(w world) { w.skewed(-11 * time.Minute) }, miss: func(w world) { w.skewed(-10 * time.Second) }},
	{code: "IA-16", sev: SevInfo, make: func(w world) { w.skewed(40 * time.Second) }, miss: func(w world) { w.skewed(20 * time.Second) }},
	{code: "TL-03", sev: SevError,
		make: func(w world) {
			w.skewed(-24 * 365 * time.Hour)
			for _, id := range []string{"ssm", "ssmmessages", "kms"} {
				w.badCert(host(id), fact.CertTime, fact.CertTime)
				w.dates(host(id), 330*24*time.Hour, 720*24*time.Hour)
			}
			w.Requests = append(w.Requests, fact.Request{Outcome: ok(ms), Addr: at443("10.192.10.11"), Host: host("ssm"), HTTPStatus: 404, RequestID: "x", HasOffset: true, Offset: fact.Duration(-24 * 365 * time.Hour)})
		},
		miss: func(w world) { w.Requests[len(w.Requests)-1].Offset = 0 }},
}

func (w world) skewed(d time.Duration) {
	for i := range w.Requests {
		w.Requests[i].Offset = fact.Duration(d)
	}
}

func (w world) badCert(name string, sys, ref fact.Class) {
	w.shake(name, func(h *fact.Handshake) {
		h.System = fact.Verified{Status: fact.Failed, Class: sys}
		if ref != "" {
			h.Reference = fact.Verified{Status: fact.Failed, Class: ref}
		}
	})
}

// dates sets the validity of the certificates of a name, from start on.
func (w world) dates(name string, from, to time.Duration) {
	w.shakeOnly(name, func(h *fact.Handshake) {
		h.Chain[0].NotBefore, h.Chain[0].NotAfter = start.Add(from), start.Add(to)
	})
}

func (w world) imds(token, v1 fact.Outcome, tokStatus, v1Status int) {
	w.IMDS.Token.Outcome, w.IMDS.Token.HTTPStatus = token, tokStatus
	w.IMDS.V1.Outcome, w.IMDS.V1.HTTPStatus = v1, v1Status
	w.IMDS.Gets = nil
}

var imdsFirings = []firing{
	{code: "IM-01", sev: SevError,
		make: func(w world) { w.imds(failed(fact.HTTPStatus, ms), failed(fact.HTTPStatus, ms), 403, 403) },
		miss: func(w world) { w.imds(ok(ms), failed(fact.HTTPStatus, ms), 200, 401) }},
	{code: "IM-02", sev: SevInfo, make: func(w world) { w.Agent.Version = "3.2.1000.0" }, miss: func(w world) { w.Agent.Version = "3.2.1041.0" }},
	{code: "IM-03", sev: SevError,
		make: func(w world) {
			w.imds(failed(fact.Timeout, time.Second), failed(fact.HTTPStatus, ms), 0, 401)
			w.IMDS.Token.Connected = true
		},
		miss: func(w world) { w.IMDS.Token.Connected = false }}, // a lost SYN
	{code: "IM-04", sev: SevError,
		make: func(w world) { w.imds(failed(fact.Refused, 0), failed(fact.Refused, 0), 0, 0) },
		miss: func(w world) { w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0) }},
	{code: "IM-05", sev: SevError,
		make: func(w world) {
			w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0)
			w.Host.Routes = append(w.Host.Routes, fact.Route{Dst: netip.MustParsePrefix("169.254.169.254/32"), Gateway: netip.MustParseAddr("10.192.10.77")})
		},
		miss: func(w world) { w.Host.Routes = w.Host.Routes[:1] }},
	{code: "IM-06", sev: SevError,
		make: func(w world) {
			w.imds(failed(fact.HTTPStatus, ms), failed(fact.HTTPStatus, ms), 503, 503)
			w.IMDS.Proxied = true
		},
		miss: func(w world) { w.IMDS.Proxied = false; w.imds(ok(ms), failed(fact.HTTPStatus, ms), 200, 401) }},
	{code: "IM-12", sev: SevWarning,
		make: func(w world) {
			w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0)
			w.Host.EC2, w.Host.Vendor = "no", "QEMU"
		},
		miss: func(w world) { w.Host.EC2 = "yes" }},
	{code: "IM-04", sev: SevError, // silence, and a rule of this host that names the address
		make: func(w world) {
			w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0)
			w.Host.Firewall = &fact.Firewall{Outcome: ok(ms), Rules: []fact.FirewallRule{{Tool: "nft", Family: "ip", Table: "filter", Chain: "output",
				Text: "ip daddr 169.254.169.254 drop", Verdict: "drop", Packets: 3, Rose: 1}}}
		},
		miss: func(w world) { w.Host.Firewall.Rules[0].Text = "ip daddr 192.0.2.1 drop" }}, // IM-13
	{code: "IM-09", sev: SevError,
		make: func(w world) {
			w.IMDS.NoIPv4, w.IMDS.Endpoint = true, "http://[fd00:ec2::254]"
			w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0)
		},
		miss: func(w world) { w.IMDS.NoIPv4 = false }}, // IM-13
	{code: "IM-13", sev: SevError,
		make: func(w world) { w.imds(failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second), 0, 0) },
		miss: func(w world) { w.IMDS.Token.CutByBudget, w.IMDS.V1.CutByBudget = true, true }},
	{code: "IM-14", sev: SevInfo,
		make: func(w world) { w.imds(failed(fact.HTTPStatus, ms), ok(ms), 404, 200) },
		miss: func(w world) { w.imds(ok(ms), ok(ms), 200, 200) }},
	{code: "IM-15", sev: SevInfo,
		make: func(w world) {
			w.IMDS.Token.Took = fact.Duration(400 * ms)
			w.IMDS.Gets[0].Took = fact.Duration(400 * ms)
		},
		miss: func(w world) {
			w.IMDS.Token.Took = fact.Duration(40 * ms)
			w.IMDS.Gets[0].Took = fact.Duration(40 * ms)
		}},
}

var dnsFirings = []firing{
	{code: "DN-04", sev: SevError,
		make: func(w world) {
			for _, t := range w.Targets {
				w.unresolved(t.Host, failed(fact.Timeout, time.Second), failed(fact.Timeout, time.Second))
			}
		},
		miss: func(w world) {
			for _, t := range w.Targets {
				w.unresolved(t.Host, failed(fact.ServFail, ms), failed(fact.ServFail, ms)) // DN-09
			}
		}},
	{code: "DN-05", sev: SevError,
		make: func(w world) { w.customDNS("10.1.1.1:53", "52.82.1.1"); w.silent("52.82.1.1") },
		miss: func(w world) {
			for _, t := range w.Targets {
				w.lookup(t.Host, fact.ViaVPC, vpcDNS, fact.Outcome{}, "52.82.1.1") // the VPC resolver says the same
			}
		}},
	{code: "DN-05", sev: SevWarning,
		make: func(w world) { w.customDNS("10.1.1.1:53", "52.82.1.1") },
		miss: func(w world) { w.customDNS("8.8.8.8:53", "52.82.1.1") }}, // DN-08
	{code: "DN-06", sev: SevError,
		make: func(w world) { w.configured("127.0.0.1:53", failed(fact.Refused, 0)); w.Resolver.Defaulted = true },
		miss: func(w world) { w.Resolver.Defaulted = false }}, // DN-16
	{code: "DN-07", sev: SevError,
		make: func(w world) { w.customDNS("10.1.1.1:53") },
		miss: func(w world) { w.configured("10.1.1.1:53", failed(fact.DNSRefused, ms)) }}, // DN-05
	{code: "DN-07", sev: SevWarning,
		make: func(w world) { w.deadFirst("10.1.1.1:53") },
		miss: func(w world) { w.Lookups[len(w.Lookups)-1].Outcome.CutByBudget = true }},
	{code: "DN-08", sev: SevError,
		make: func(w world) { w.customDNS("8.8.8.8:53", "52.82.1.1"); w.silent("52.82.1.1") },
		miss: func(w world) { w.Resolver.Servers[0] = netip.MustParseAddrPort("10.1.1.1:53") }},
	{code: "DN-09", sev: SevError,
		make: func(w world) { w.unresolved(host("ssm"), failed(fact.ServFail, ms), failed(fact.ServFail, ms)) },
		miss: func(w world) { w.lookup(host("ssm"), fact.ViaVPC, vpcDNS, fact.Outcome{}, "10.192.10.11") }},
	{code: "DN-10", sev: SevError,
		make: func(w world) {
			w.resolves(host("ssm"), "10.192.10.200")
			w.breaks(failed(fact.HostUnreachable, 3060*ms), "EHOSTUNREACH", "10.192.10.200")
		},
		miss: func(w world) { w.silent("10.192.10.200") }}, // SG-02
	{code: "DN-11", sev: SevError,
		make: func(w world) {
			for _, id := range []string{"ssmmessages", "kms"} {
				w.unresolved(host(id), failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
				w.Lookups[len(w.Lookups)-1].SOA = region + "." + suffix
			}
		},
		miss: func(w world) { w.resolves(host("kms"), "52.82.1.9") }}, // a public sibling: no shadow
	{code: "DN-13", sev: SevError,
		make: func(w world) { w.hub(); w.resolves(host("ssmmessages"), "52.82.1.2"); w.silent("52.82.1.2") },
		miss: func(w world) { w.answer(host("ssmmessages"), "52.82.1.2") }},
	{code: "DN-14", sev: SevError,
		make: func(w world) {
			t := w.target("dkr", fact.NeedRequired, "52.82.1.7")
			t.Wildcard = true
			w.retarget(t, "1111."+host("dkr"), "52.82.1.7")
			w.silent("52.82.1.7")
			w.target("dkr", fact.NeedOptional, "10.192.10.70")
		},
		miss: func(w world) { w.resolves(host("dkr"), "52.82.1.8") }},
	{code: "DN-15", sev: SevError,
		make: func(w world) {
			w.answer(host("ssm"), "10.192.20.99")
			w.Answers[len(w.Answers)-1].Source, w.Answers[len(w.Answers)-1].Line = "hosts", 3
			w.silent("10.192.20.99")
		},
		miss: func(w world) { w.Answers[len(w.Answers)-1].Source = "dns" }},
	{code: "DN-15", sev: SevWarning,
		make: func(w world) {
			w.answer(host("ssm"), "10.192.20.99")
			w.Answers[len(w.Answers)-1].Source = "hosts"
		},
		miss: func(w world) { w.lookup(host("ssm"), fact.ViaVPC, vpcDNS, fact.Outcome{}, "10.192.20.99") }},
	{code: "DN-16", sev: SevError,
		make: func(w world) { w.configured("127.0.0.53:53", failed(fact.Refused, 0)) },
		miss: func(w world) { w.configured("127.0.0.53:53", failed(fact.ServFail, 0)) }}, // DN-17
	{code: "DN-17", sev: SevError,
		make: func(w world) { w.configured("127.0.0.53:53", failed(fact.ServFail, 0)) },
		miss: func(w world) { w.configured("10.1.1.1:53", failed(fact.ServFail, 0)) }}, // DN-05
	{code: "DN-21", sev: SevError,
		make: func(w world) { w.configured("10.192.0.2:53", failed(fact.Timeout, time.Second)) },
		miss: func(w world) { w.configured("10.1.1.1:53", failed(fact.Timeout, time.Second)) }},
	{code: "DN-22", sev: SevError,
		make: func(w world) { w.unresolved(host("ssm"), failed(fact.NoData, ms), failed(fact.NoData, ms)) },
		miss: func(w world) {
			w.unresolved(host("ssm"), failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
			w.Lookups[len(w.Lookups)-1].SOA = suffix
		}}, // DN-31
	{code: "DN-22", sev: SevError,
		make: func(w world) { w.resolves(host("ssm"), "0.0.0.0") },
		miss: func(w world) {
			w.Answers[len(w.Answers)-1].Source = "hosts"
			w.lookup(host("ssm"), fact.ViaVPC, vpcDNS, fact.Outcome{}, "10.192.10.11")
		}},
	{code: "DN-26", sev: SevError,
		make: func(w world) {
			w.customDNS("10.1.1.1:53")
			for i := range w.Lookups {
				if l := &w.Lookups[i]; l.Via == fact.ViaConfigured {
					l.Outcome, l.Truncated = ok(ms), true
					tcp := *l
					tcp.Outcome, tcp.Transport, tcp.Truncated = failed(fact.Timeout, time.Second), "tcp", false
					w.Lookups = append(w.Lookups, tcp)
				}
			}
		},
		miss: func(w world) {
			for i := range w.Lookups {
				w.Lookups[i].Truncated = false
			}
		}},
	{code: "DN-29", sev: SevWarning,
		make: func(w world) { w.deadFirst("[fd00:ec2::253]:53") },
		miss: func(w world) {
			w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("2600:1f18::5/64"))
		}},
	{code: "DN-31", sev: SevError,
		make: func(w world) {
			w.unresolved(host("ssm"), failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
			w.Lookups[len(w.Lookups)-1].SOA = suffix
		},
		miss: func(w world) { w.t("ssm").Availability = "absent" }},
	{code: "CN-05", sev: SevWarning,
		make: func(w world) {
			w.Set.Absent = []fact.Absent{{Name: "polly", ID: "polly", Known: []string{"cn-northwest-1"}}}
		},
		miss: func(w world) { w.Set.Absent = nil }},
	{code: "CN-05", sev: SevError,
		make: func(w world) {
			w.unresolved(host("ssm"), failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
			w.t("ssm").Availability = "absent"
		},
		miss: func(w world) { w.t("ssm").Availability = "listed" }},
	{code: "CN-01", sev: SevError,
		make: func(w world) {
			w.t("ssm").Host = "ssm." + region + ".amazonaws.com"
			w.unresolved(w.t("ssm").Host, failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
		},
		miss: func(w world) { w.Place.DNSSuffix = "amazonaws.com" }},
}

// deadFirst puts a silent server before the one that answers.
func (w world) deadFirst(server string) {
	s := netip.MustParseAddrPort(server)
	w.Resolver.Servers = append([]netip.AddrPort{s}, w.Resolver.Servers...)
	for i := range w.Answers {
		w.Answers[i].Dead = 1
	}
	w.Lookups = append(w.Lookups, fact.Lookup{Outcome: failed(fact.Timeout, 2*time.Second), Name: host("ssm"), Type: "A", Server: s, Via: fact.ViaConfigured, Transport: "udp", Attempt: 1})
}
