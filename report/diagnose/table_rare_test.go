package diagnose

import (
	"net/netip"
	"time"

	"vpcdoctor/probe/fact"
)

// byHand adds a name that the user or a program chose, public and silent.
func (w world) byHand(id, name, a string) *fact.Target {
	t := w.target(id, fact.NeedRequired, a)
	t.Origin = "flag"
	w.retarget(t, name, a)
	w.silent(a)
	return w.t(id)
}

// otherPort gives a target a second port, which ends like this.
func (w world) otherPort(id string, port uint16, o fact.Outcome, as ...string) {
	t := w.t(id)
	t.Ports = append(t.Ports, fact.Port{Number: port})
	for _, a := range as {
		w.dialed(netip.AddrPortFrom(netip.MustParseAddr(a), port), o, "")
	}
}

// ranged puts an address into a range of AWS.
func (w world) ranged(a, region, service string) {
	for i := range w.Addresses {
		if w.Addresses[i].Addr == netip.MustParseAddr(a) {
			w.Addresses[i].Class, w.Addresses[i].Region, w.Addresses[i].Service = fact.PublicAWS, region, service
		}
	}
}

func (w world) ipv6() {
	w.Host.Interfaces[1].Addrs = append(w.Host.Interfaces[1].Addrs, netip.MustParsePrefix("2600:1f18::5/64"))
}

func (w world) absent(id, name string) {
	t := w.t(id)
	t.Host = name
	w.unresolved(name, failed(fact.NXDomain, ms), failed(fact.NXDomain, ms))
	w.Lookups[len(w.Lookups)-1].SOA = suffix
}

var finerFirings = []firing{
	{code: "OS-09", sev: SevError,
		make: func(w world) {
			w.breaks(failed(fact.NotPermitted, 0), "EPERM", "10.192.10.11", "10.192.20.11")
			w.Host.Firewall = &fact.Firewall{Outcome: ok(ms), Tool: "nft"}
		},
		miss: func(w world) { w.Host.Firewall.More = 1 }}, // OS-01: not all rules were read
	{code: "TL-09", sev: SevError,
		make: func(w world) {
			w.badCert(host("ssm"), fact.CertUntrusted, "")
			w.Trust.SystemFrom = []string{"/home/app/ca.pem"}
		},
		miss: func(w world) { w.Trust.SystemFrom = []string{"/etc/pki/tls/certs/ca-bundle.crt"} }}, // TL-02
	{code: "SV-02", sev: SevError,
		make: func(w world) { w.absent("ssm", "ssm."+region+".c2s.ic.gov") },
		miss: func(w world) { w.absent("ssm", "ssm."+region+".amazonaws.com") }}, // CN-01
	{code: "CN-08", sev: SevError,
		make: func(w world) { w.absent("ssm", "ssm."+region+".api.aws") },
		miss: func(w world) { w.Place.DualStackSuffix = "api.aws" }}, // DN-31
	{code: "SV-03", sev: SevError,
		make: func(w world) {
			w.absent("ssm", "ssm-fips."+region+"."+suffix)
			w.Place.Partition = "aws-us-gov"
		},
		miss: func(w world) { w.Place.Partition = "aws" }}, // DN-31
	{code: "GW-08", sev: SevError,
		make: func(w world) {
			w.s3("52.82.1.5")
			w.t("s3-gateway").Host = "s3." + region + "." + suffix
			w.resolves(w.t("s3-gateway").Host, "52.82.1.5")
			w.ranged("52.82.1.5", "us-east-1", "S3")
			w.silent("52.82.1.5")
		},
		miss: func(w world) { w.ranged("52.82.1.5", region, "S3") }}, // GW-01
	{code: "EP-13", sev: SevError,
		make: func(w world) {
			w.s3("52.82.1.5")
			w.t("s3-gateway").Host = "s3." + region + "." + suffix
			w.resolves(w.t("s3-gateway").Host, "52.82.1.5")
			w.silent("52.82.1.5")
			w.target("s3-interface", fact.NeedOptional, "10.192.10.70")
			w.retarget(w.t("s3-interface"), "vpcdoctor.s3."+region+"."+suffix, "10.192.10.70")
		},
		miss: func(w world) { w.resolves(w.t("s3-interface").Host, "52.82.1.6"); w.silent("52.82.1.6") }}, // GW-01
	{code: "GW-15", sev: SevError,
		make: func(w world) {
			w.s3("52.82.1.5")
			w.t("s3-gateway").Host = "dynamodb." + region + "." + suffix
			w.resolves(w.t("s3-gateway").Host, "52.82.1.5")
			w.target("streams", fact.NeedRequired, "52.82.1.30")
			w.retarget(w.t("streams"), "streams.dynamodb."+region+"."+suffix, "52.82.1.30")
			w.ranged("52.82.1.5", region, "DYNAMODB")
			w.silent("52.82.1.30")
		},
		miss: func(w world) { w.silent("52.82.1.5") }}, // GW-01, DN-02
	{code: "DN-24", sev: SevError,
		make: func(w world) { w.byHand("sts", "sts."+suffix, "52.82.1.40") },
		miss: func(w world) { w.t("sts").Origin = "catalogue" }}, // DN-02
	{code: "DN-24", sev: SevError,
		make: func(w world) { w.byHand("sts", "sts."+suffix, "52.82.1.40") },
		miss: func(w world) { // CN-01 says it
			w.retarget(w.t("sts"), "sts.amazonaws.com", "52.82.1.40")
			w.silent("52.82.1.40")
		}},
	{code: "DN-25", sev: SevError,
		make: func(w world) { w.byHand("kms-fips", "kms-fips."+region+"."+suffix, "52.82.1.41") },
		miss: func(w world) { w.t("kms-fips").Origin = "catalogue" }}, // DN-02
	{code: "DN-25", sev: SevError,
		make: func(w world) {
			w.byHand("ssm-dual", "ssm."+region+".api.amazonwebservices.com.cn", "52.82.1.42")
		},
		miss: func(w world) { w.answer(w.t("ssm-dual").Host, "52.82.1.42") }},
	{code: "SG-09", sev: SevError,
		make: func(w world) {
			w.otherPort("ssm", 80, failed(fact.Timeout, 3*time.Second), "10.192.10.11", "10.192.20.11")
		},
		miss: func(w world) { w.otherPort("ssm", 80, ok(ms), "10.192.10.11", "10.192.20.11") }},
}

var rareFirings = []firing{
	{code: "IM-07", sev: SevInfo,
		make: func(w world) { w.IMDS.Server = "kube2iam" },
		miss: func(w world) { w.IMDS.Endpoint = "http://127.0.0.1:1338" }}, // a variable names it
	{code: "OS-11", sev: SevInfo,
		make: func(w world) {
			w.IMDS.ENIs = append(w.IMDS.ENIs, fact.ENI{MAC: "02:00:00:00:00:02", InterfaceID: "eni-02"})
		},
		miss: func(w world) { w.Host.Container = "docker" }},
	{code: "V6-04", sev: SevWarning,
		make: func(w world) { w.ipv6(); w.resolves(host("ssm"), "10.192.10.11", "2600:1f18::11") },
		miss: func(w world) { w.Host.Interfaces[1].Addrs = w.Host.Interfaces[1].Addrs[:1] }},
	{code: "TL-10", sev: SevWarning,
		make: func(w world) {
			for i := range w.Handshakes {
				w.Handshakes[i].Took = fact.Duration(3 * time.Second)
			}
		},
		miss: func(w world) { w.Handshakes[0].Took = fact.Duration(50 * ms) }},
	{code: "GW-06", sev: SevInfo,
		make: func(w world) { w.objects(200); w.Set.Objects[0].Region = "cn-north-1" },
		miss: func(w world) { w.Set.Objects[0].Region = region }},
	{code: "PX-10", sev: SevInfo,
		make: func(w world) {
			w.Agent.Proxy = fact.ProxySetting{HTTPS: "http://p.example/?a=b", No: "169.254.169.254"}
		},
		miss: func(w world) { w.Agent.Proxy.HTTPS = "http://p.example" }},
	{code: "SG-10", sev: SevError, by: "SG-02",
		make: func(w world) {
			w.silent("10.192.10.12", "10.192.20.12")
			w.sockets(established("10.192.10.12", host("ssmmessages")))
		},
		miss: func(w world) { w.answer(host("ssmmessages"), "10.192.10.12", "10.192.20.12") }},
	{code: "SM-01", sev: SevError, by: "SG-02",
		make: func(w world) { w.silent("10.192.10.12", "10.192.20.12") },
		miss: func(w world) { w.sockets(established("10.192.10.12", host("ssmmessages"))) }}, // SG-10
}
