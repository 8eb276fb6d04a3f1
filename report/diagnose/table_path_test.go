package diagnose

import (
	"time"

	"vpcdoctor/probe/fact"
)

var pathFirings = []firing{
	{code: "DN-02", sev: SevError,
		make: func(w world) { w.publicTrio(); w.silent("52.82.1.1", "52.82.1.2") },
		miss: func(w world) { w.answer(host("ssm"), "52.82.1.1"); w.answer(host("ssmmessages"), "52.82.1.2") }},
	{code: "EP-01", sev: SevError,
		make: func(w world) { w.resolves(host("ssmmessages"), "52.82.1.2"); w.silent("52.82.1.2") },
		miss: func(w world) { w.answer(host("ssmmessages"), "52.82.1.2") }}, // EP-15
	{code: "EP-02", sev: SevInfo,
		make: func(w world) { w.target("ec2messages", fact.NeedOptional, "52.82.1.3"); w.silent("52.82.1.3") },
		miss: func(w world) { w.answer(host("ec2messages"), "52.82.1.3") }},
	{code: "EP-04", sev: SevInfo,
		make: func(w world) {
			w.resolves(host("ssm"), "10.192.20.11")
			w.resolves(host("ssmmessages"), "10.192.20.12")
		},
		miss: func(w world) { w.resolves(host("ssm"), "10.192.10.11", "10.192.20.11") }},
	{code: "EP-14", sev: SevInfo, make: func(w world) { w.publicTrio() }, miss: func(w world) { w.Run.Expect = "any" }},
	{code: "EP-14", sev: SevWarning, make: func(w world) { w.publicTrio(); w.Run.Expect = "private" }, miss: func(w world) {
		w.resolves(host("ssm"), "10.192.10.11")
		w.resolves(host("ssmmessages"), "10.192.10.12")
	}},
	{code: "EP-14", sev: SevError,
		make: func(w world) {
			w.publicTrio()
			w.Run.Private = true
			for i := range w.Dials {
				w.Dials[i].Outcome = fact.Skip("public address, --require-private")
			}
			w.Handshakes, w.Requests = nil, nil
		},
		miss: func(w world) { w.Run.Private = false }},
	{code: "EP-15", sev: SevWarning, make: func(w world) { w.resolves(host("ssmmessages"), "52.82.1.2") }, miss: func(w world) { w.Run.Expect = "any" }},
	{code: "EP-16", sev: SevError,
		make: func(w world) { w.breaks(failed(fact.OtherFailure, ms), "EWHAT", "10.192.10.11", "10.192.20.11") },
		miss: func(w world) {
			for i := range w.Dials {
				w.Dials[i].CutByBudget = w.Dials[i].Status == fact.Failed
			}
		}},
	{code: "SG-01", sev: SevError,
		make: func(w world) { w.silent(w.all("10.192.")...) },
		miss: func(w world) { w.answer(host("kms"), "10.192.10.13", "10.192.20.13") }}, // SG-02
	{code: "SG-02", sev: SevError,
		make: func(w world) { w.silent("10.192.10.11", "10.192.20.11") },
		miss: func(w world) { w.answer(host("ssm"), "10.192.10.11", "10.192.20.11") }},
	{code: "SG-02", sev: SevInfo,
		make: func(w world) { w.silent("10.192.10.13", "10.192.20.13") },
		miss: func(w world) { w.answer(host("kms"), "10.192.10.13", "10.192.20.13") }},
	{code: "SG-06", sev: SevError,
		make: func(w world) { w.silent("10.192.20.11", "10.192.20.12", "10.192.20.13") },
		miss: func(w world) { w.answer(host("kms"), "10.192.10.13", "10.192.20.13") }}, // RT-08
	{code: "SG-08", sev: SevError,
		make: func(w world) {
			w.threeSubnets()
			w.silent("10.192.20.11", "10.192.20.12", "10.192.20.13")
		},
		miss: func(w world) { w.answer(host("kms"), "10.192.20.13", "10.192.30.13") }},
	{code: "SG-08", sev: SevError, // S3 answers: our own NACL lets 443 out
		make: func(w world) {
			w.s3("52.82.1.5")
			w.silent("10.192.20.11", "10.192.20.12", "10.192.20.13")
		},
		miss: func(w world) { w.silent("52.82.1.5") }}, // SG-06, which explains S3 as well
	{code: "RT-01", sev: SevError,
		make: func(w world) {
			t := w.target("rds", fact.NeedRequired, "52.82.1.20")
			t.PublicOK, t.PrivateDNS = true, "no"
			w.silent("52.82.1.20")
		},
		miss: func(w world) { w.answer(host("rds"), "52.82.1.20") }},
	{code: "RT-04", sev: SevError,
		make: func(w world) { w.hub(); w.silent("10.50.1.11", "10.50.1.12", "10.50.1.13") },
		miss: func(w world) { w.answer(host("kms"), "10.50.1.13") }}, // SG-02 in the hub
	{code: "RT-08", sev: SevError,
		make: func(w world) { w.silent("10.192.20.11") },
		miss: func(w world) { w.silent("10.192.10.11") }}, // both: SG-02
	{code: "RT-08", sev: SevError,
		make: func(w world) { w.breaks(failed(fact.Refused, ms), "ECONNREFUSED", "10.192.20.11") },
		miss: func(w world) { w.breaks(failed(fact.Refused, 0), "ECONNREFUSED", w.all("10.192.")...) }}, // OS-01
	{code: "RT-09", sev: SevError,
		make: func(w world) { w.publicTrio(); w.silent("52.82.1.2") },
		miss: func(w world) { w.silent("52.82.1.1") }}, // DN-02
	{code: "GW-01", sev: SevError,
		make: func(w world) { w.s3("52.82.1.5"); w.silent("52.82.1.5") },
		miss: func(w world) { w.answer(host("s3-gateway"), "52.82.1.5") }},
	{code: "GW-03", sev: SevError,
		make: func(w world) {
			w.publicTrio()
			w.s3("52.82.1.5")
			w.silent("52.82.1.5")
		},
		miss: func(w world) { w.answer(host("s3-gateway"), "52.82.1.5") }},
	{code: "PL-03", sev: SevError,
		make: func(w world) {
			w.custom("10.192.10.60")
			w.unresolved("billing.example.internal", failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
		},
		miss: func(w world) { w.resolves("billing.example.internal", "10.192.10.60") }},
	{code: "PL-03", sev: SevWarning,
		make: func(w world) { w.custom("10.192.10.60").CIDR = "10.192.20.0/24" },
		miss: func(w world) { w.t("billing").CIDR = "10.192.10.0/24" }},
	{code: "PL-04", sev: SevError,
		make: func(w world) {
			w.custom("10.192.10.60")
			w.shake("billing.example.internal", func(h *fact.Handshake) { h.Name = fact.Verified{Status: fact.Failed, Class: fact.CertName} })
		},
		miss: func(w world) { w.t("billing").Type = "Interface" }}, // TL-04
	{code: "PL-05", sev: SevError,
		make: func(w world) {
			w.custom("10.192.10.60", "10.192.20.60")
			w.silent("10.192.20.60")
		},
		miss: func(w world) { w.t("billing").Type = "Interface" }}, // RT-08
	{code: "PL-05", sev: SevWarning,
		make: func(w world) { w.custom("10.192.10.60", "10.192.20.60").AZs = 3 },
		miss: func(w world) { w.t("billing").AZs = 2 }},
	{code: "DN-28", sev: SevError,
		make: func(w world) {
			w.custom("10.192.10.60").Host = "vpce-0a1b-c2d3-" + region + "a.vpce-svc-0e." + region + ".vpce." + suffix
			w.unresolved(w.t("billing").Host, failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
		},
		miss: func(w world) { // PL-03
			w.t("billing").Host = "billing.example.internal"
			w.unresolved("billing.example.internal", failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
		}},
	{code: "PL-06", sev: SevError,
		make: func(w world) {
			w.custom("10.192.10.60", "10.192.20.60")
			w.breaks(failed(fact.Refused, ms), "ECONNREFUSED", "10.192.10.60", "10.192.20.60")
		},
		miss: func(w world) { w.answer("billing.example.internal", "10.192.10.60", "10.192.20.60") }},
}

func (w world) s3(a string) {
	t := w.target("s3-gateway", fact.NeedOneOf, a)
	t.Type, t.PublicOK, t.PrivateDNS, t.Group = "Gateway", true, "no", "s3"
}

// threeSubnets moves the endpoints out of our own subnet.
func (w world) threeSubnets() {
	for i, id := range []string{"ssm", "ssmmessages", "kms"} {
		n := string(rune('1' + i))
		w.resolves(host(id), "10.192.20.1"+n, "10.192.30.1"+n)
	}
}

var aboveFirings = []firing{
	{code: "FW-02", sev: SevError,
		make: func(w world) { w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome = failed(fact.Reset, ms) }) },
		miss: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome = failed(fact.Timeout, 10*time.Second) })
		}},
	{code: "FW-04", sev: SevError,
		make: func(w world) { w.badCert(host("ssm"), fact.CertUntrusted, fact.CertUntrusted) },
		miss: func(w world) {
			w.badCert(host("ssmmessages"), fact.CertUntrusted, fact.CertUntrusted)
			w.badCert(host("kms"), fact.CertUntrusted, fact.CertUntrusted)
		}}, // TL-01
	{code: "FW-05", sev: SevError,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome, h.Alert = failed(fact.TLSAlert, ms), 80 })
		},
		miss: func(w world) { w.shake(host("ssm"), func(h *fact.Handshake) { h.Alert = 40 }) }},
	{code: "TL-01", sev: SevError,
		make: func(w world) {
			for _, id := range []string{"ssm", "ssmmessages", "kms"} {
				w.badCert(host(id), fact.CertUntrusted, fact.CertUntrusted)
			}
		},
		miss: func(w world) {
			w.shake(host("kms"), func(h *fact.Handshake) { *h = good(h.Addr, h.Host) })
		}},
	{code: "TL-02", sev: SevError,
		make: func(w world) { w.badCert(host("ssm"), fact.CertUntrusted, "") },
		miss: func(w world) { w.badCert(host("ssm"), fact.CertUntrusted, fact.CertUntrusted) }},
	{code: "TL-04", sev: SevError,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Name = fact.Verified{Status: fact.Failed, Class: fact.CertName} })
		},
		miss: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Name = fact.Verified{Status: fact.OK} })
		}},
	{code: "TL-05", sev: SevError,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome, h.Alert = failed(fact.TLSAlert, ms), 40 })
		},
		miss: func(w world) { w.shake(host("ssm"), func(h *fact.Handshake) { h.Alert = 80 }) }},
	{code: "TL-07", sev: SevError,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome = failed(fact.Timeout, 10*time.Second) })
		},
		miss: func(w world) { w.shake(host("ssm"), func(h *fact.Handshake) { h.CutByBudget = true }) }},
	{code: "TL-08", sev: SevError,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) { h.Outcome, h.FirstText = failed(fact.NotTLS, ms), "HTTP/1.1 400" })
		},
		miss: func(w world) { w.shake(host("ssm"), func(h *fact.Handshake) { h.Class = fact.TLSProtocol }) }},
	{code: "TL-12", sev: SevInfo,
		make: func(w world) {
			w.shake(host("ssm"), func(h *fact.Handshake) {
				h.System.Root = "CN=Corp CA"
				h.Reference = fact.Verified{Status: fact.Failed, Class: fact.CertUntrusted}
			})
		},
		miss: func(w world) { w.Place.Partition = "aws-iso" }},
	{code: "TL-13", sev: SevError,
		make: func(w world) { w.badCert(host("ssm"), fact.CertTime, fact.CertTime) },
		miss: func(w world) { w.Requests = nil }}, // nothing to tell the clock by: TL-03
	{code: "SV-01", sev: SevWarning,
		make: func(w world) { w.Requests[0].HTTPStatus = 503 },
		miss: func(w world) { w.Requests[0].HTTPStatus = 403 }},
	{code: "PX-01", sev: SevError,
		make: func(w world) {
			w.publicTrio()
			w.silent("52.82.1.1", "52.82.1.2")
			w.Host.Proxy = fact.ProxySetting{HTTPS: "http://proxy:3128"}
		},
		miss: func(w world) { w.Agent.ProxyRun = fact.Skip("needs root") }},
	{code: "PX-02", sev: SevError,
		make: func(w world) { w.Agent.Proxy = fact.ProxySetting{HTTP: "http://proxy:3128", No: "localhost"} },
		miss: func(w world) { w.Agent.Proxy.No = "localhost, 169.254.169.254" }},
	{code: "PX-03", sev: SevWarning,
		make: func(w world) { w.proxied(ok(ms), nil) },
		miss: func(w world) { w.Tunnels = nil }},
	{code: "PX-04", sev: SevError,
		make: func(w world) {
			w.onlyProxied(failed(fact.HTTPStatus, ms), func(t *fact.Tunnel) { t.HTTPStatus = 407; t.Step = "request" })
		},
		miss: func(w world) { w.Tunnels[1].HTTPStatus = 403 }},
	{code: "PX-05", sev: SevError,
		make: func(w world) {
			w.onlyProxied(failed(fact.HTTPStatus, ms), func(t *fact.Tunnel) { t.HTTPStatus = 403; t.Step = "request" })
		},
		miss: func(w world) { w.Tunnels[1].Outcome, w.Tunnels[1].HTTPStatus = ok(ms), 200 }},
	{code: "PX-06", sev: SevError,
		make: func(w world) { w.onlyProxied(failed(fact.NotTLS, ms), func(t *fact.Tunnel) { t.Step = "tls" }) },
		miss: func(w world) { w.Tunnels[1].Step = "connect" }},
	{code: "PX-07", sev: SevError,
		make: func(w world) { w.onlyProxied(failed(fact.Refused, ms), func(t *fact.Tunnel) { t.Step = "connect" }) },
		miss: func(w world) { w.Tunnels[1].CutByBudget = true }},
	{code: "IA-01", sev: SevInfo,
		make: func(w world) { w.IMDS.Role = fact.Role{State: fact.RoleAbsent} },
		miss: func(w world) { w.Agent.Identity.Source = "None" }}, // IA-07
	{code: "IA-04", sev: SevError,
		make: func(w world) { w.IMDS.Role = fact.Role{State: fact.RoleEmpty} },
		miss: func(w world) { w.IMDS.Role.State = fact.RoleUnknown }},
	{code: "IA-05", sev: SevError,
		make: func(w world) {
			w.IMDS.Role = fact.Role{State: fact.RoleError, Name: "r", Code: "AssumeRoleUnauthorizedAccess"}
		},
		miss: func(w world) { w.IMDS.Role.Code = "Failed" }}, // IA-04
	{code: "IA-06", sev: SevError,
		make: func(w world) { w.IMDS.Role.Expires = start.Add(-time.Minute) },
		miss: func(w world) { w.skewed(2 * time.Minute) }}, // by the time of AWS it is still good
	{code: "IA-07", sev: SevError,
		make: func(w world) { w.IMDS.Role = fact.Role{State: fact.RoleAbsent}; w.Agent.Identity.Source = "" },
		miss: func(w world) { w.Agent.Identity.Source = "SSM" }},
	{code: "AG-01", sev: SevError,
		make: func(w world) { w.Agent.Installs, w.Agent.Units, w.Agent.Procs = nil, nil, nil },
		miss: func(w world) { w.Agent.ProcsRun = fact.Skip("needs root") }},
	{code: "AG-02", sev: SevError,
		make: func(w world) { w.Agent.Units[0].Active, w.Agent.Procs = "inactive", nil },
		miss: func(w world) { w.Agent.Units[0].Active = "active" }},
	{code: "AG-02", sev: SevWarning,
		make: func(w world) { w.Agent.Units[0].UnitFile = "disabled" },
		miss: func(w world) { w.Agent.Units[0].UnitFile = "enabled" }},
	{code: "AG-03", sev: SevWarning,
		make: func(w world) {
			w.Agent.Installs = append(w.Agent.Installs, fact.AgentInstall{Kind: "snap", Path: "/snap/x"})
		},
		miss: func(w world) { w.Agent.Installs = w.Agent.Installs[:1] }},
	{code: "AG-05", sev: SevError, make: func(w world) { w.Agent.Version = "3.1.820.0" }, miss: func(w world) { w.Agent.Version = "3.3.40.0" }},
	{code: "AG-05", sev: SevWarning, make: func(w world) { w.Agent.Version = "3.3.39.0" }, miss: func(w world) { w.Agent.Version = "" }},
	{code: "AG-06", sev: SevInfo,
		make: func(w world) {
			w.Agent.Config.Overrides = []fact.Override{{Service: "ssm", Key: "Ssm.Endpoint", Host: "vpce-1.example"}}
		},
		miss: func(w world) { w.Agent.Config.Overrides = nil }},
	{code: "AG-07", sev: SevWarning, make: func(w world) { w.Agent.Identity.InstanceID = "i-0other" }, miss: func(w world) { w.IMDS.InstanceID = "i-0other" }},
	{code: "AG-08", sev: SevError, make: func(w world) { w.Agent.Identity.Hybrid = "mi-01" }, miss: func(w world) { w.IMDS.InstanceID = "" }},
	{code: "AG-17", sev: SevWarning, make: func(w world) { w.Agent.Config.Region = "us-east-1" }, miss: func(w world) { w.Agent.Config.Region = region }},
	{code: "AG-20", sev: SevError,
		make: func(w world) { w.Agent.Procs = w.Agent.Procs[:1] },
		miss: func(w world) { w.Agent.Procs[0].Start = start.Add(-30 * time.Second) }},
	{code: "AG-22", sev: SevError,
		make: func(w world) {
			w.Agent.Config = fact.AgentConfig{Outcome: failed(fact.Malformed, 0), Path: "/etc/a.json", ErrorAt: "line 3, column 1"}
		},
		miss: func(w world) { w.Agent.Config.Outcome = failed(fact.PermissionDenied, 0); w.Agent.Config.ErrorAt = "" }},
}
