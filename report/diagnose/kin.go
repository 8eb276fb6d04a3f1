package diagnose

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// kin is a cause that the facts of a leading finding allow as well, because it
// shows the same signs. It is no finding of its own: two causes for one failed
// check would be one too many. decide is the one observation that would tell.
type kin struct {
	behind string // the codes of findings, separated by spaces
	code   Code
	decide string
	when   func(*View, *Finding) bool // nil: wherever one of behind leads
}

// Codes that stand for a silent path: inside the VPC, to another VPC, and to
// public addresses.
const (
	silentInside = "SG-01 SG-02 SG-06 SG-08 "
	silentOut    = "DN-02 RT-01 EP-01 GW-01 "
)

// kindred is every such cause (field guide part B: the rows whose column "on
// the instance" refers to another row).
var kindred = []kin{
	{"RT-08 DN-10", "OS-10", "dmesg | grep -i neighbour: table overflow", unreached},
	{"RT-09", "OS-13", "sysctl net.ipv4.tcp_tw_recycle: 1 (kernels before 4.12)", nil},
	{"AG-16", "IM-10", "the first lines of the agent's log after its start name the metadata service", nil},
	{"AG-07", "IM-11", "describe-instance-information lists the node under the id of an earlier instance", nil},
	{"DN-02 EP-01", "CN-02", "describe-vpc-endpoint-services: the name that is listed has another prefix than the one tried", inChina},
	{"IA-02 IA-19", "CN-03", "get-role-policy: ARNs that begin with arn:aws:", inChina},
	{"IA-05", "CN-04", "get-role: the trust policy names EC2 of another partition", inChina},
	{"AG-19", "CN-06", "the updater's log names an S3 host of the partition's other Region", func(v *View, _ *Finding) bool {
		return inChina(v, nil) || v.Set.Place.Partition == "aws-us-gov"
	}},
	{"CN-01 PL-03 RT-01 RT-09 FW-02 TL-07", "CN-07", "the host answers from outside China", func(v *View, f *Finding) bool {
		return inChina(v, f) && v.subject(f, func(p *Path) bool { return !v.ours(p.T.Host) && (p.public() || p.DNS == Fail) })
	}},
	{"DN-02 EP-01 EP-15", "DN-12", "modify-vpc-endpoint --private-dns-enabled answers that a DNS domain is in conflict", nil},
	{"GW-01", "DN-27", "describe-vpc-endpoints: an S3 interface endpoint with PrivateDnsOnlyForInboundResolverEndpoint true", func(v *View, f *Finding) bool {
		return v.subject(f, func(p *Path) bool { return strings.HasPrefix(p.T.ID, "s3") })
	}},
	{silentInside + "RT-04 DN-02", "RT-07", "a connect bound to each interface in turn (curl --interface): one answers", func(v *View, _ *Finding) bool { return v.homes() > 1 }},
	{"RT-09 FW-02 GW-05", "RT-10", "describe-route-tables: 0.0.0.0/0 leads to a virtual private or transit gateway", nil},
	{"DN-02 RT-01", "RT-11", "describe-vpc-block-public-access-options: InternetGatewayBlockMode is not off", nil},
	{"PL-05", "RT-12", "describe-transit-gateway-vpc-attachments: ApplianceModeSupport disable", nil},
	{"RT-08", "RT-12", "describe-transit-gateway-vpc-attachments: ApplianceModeSupport disable", func(v *View, f *Finding) bool {
		return v.subject(f, func(p *Path) bool { return p.Class == string(fact.OtherPrivate) })
	}},
	{silentOut + "RT-04", "RT-13", "describe-route-tables: a route in state blackhole", nil},
	{silentInside + silentOut + "RT-04", "RT-15", "describe-subnets: the endpoints' subnets are in the parent Region, and no route leads there", func(v *View, _ *Finding) bool {
		az := v.Set.IMDS.AZ // us-west-2-lax-1a, us-east-1-wl1-bos-wlz-1: longer than a Region and a letter
		return v.Set.IMDS.Region != "" && strings.HasPrefix(az, v.Set.IMDS.Region) && len(az) > len(v.Set.IMDS.Region)+1
	}},
	{"RT-04", "SG-04", "the hub's rule names our group: SecurityGroupReferencingSupport of the attachment", nil},
	{"GW-05 SM-04 RC-01", "GW-04", "describe-vpc-endpoints: the policy of the S3 endpoint leaves the bucket out", nil},
	{"SM-04 RC-01 IA-20", "GW-07", "get-bucket-policy: aws:SourceVpce, aws:SourceVpc or aws:SourceIp", nil},
	{"GW-01 RT-04", "GW-10", "describe-vpc-endpoints: the gateway endpoint for S3 is in another VPC", func(v *View, f *Finding) bool {
		return v.subject(f, func(p *Path) bool { return store(p.T) })
	}},
	{"GW-01 GW-03", "GW-11", "describe-route-tables: a route as narrow as the prefix list's leads elsewhere", nil},
	{"GW-05 PX-03 PX-05", "GW-12", "curl -v to the S3 host: it connects to the proxy", func(v *View, _ *Finding) bool {
		return v.Set.Agent.Proxy.Set() || v.Set.Host.Proxy.Set()
	}},
	{"V6-01", "GW-13", "describe-vpc-endpoints: IpAddressType of the gateway endpoint is ipv4", func(v *View, f *Finding) bool {
		return v.subject(f, func(p *Path) bool { return store(p.T) })
	}},
	{"EP-04", "EP-05", "describe-vpc-endpoint-services: AvailabilityZones lacks ours", nil},
	{"DN-02 EP-01", "EP-06", "describe-vpc-endpoints without a filter, in the Regions in use: it is in another VPC", nil},
	{"GW-01", "EP-07", "describe-vpc-endpoints: an endpoint of the other type (Interface) exists", nil},
	{"EP-08 GW-05", "EP-09", "describe-vpc-endpoints: the policy has a condition on the organisation or account", nil},
	{"AG-25", "EP-10", "describe-vpc-endpoints: CreationTimestamp is younger than the agent's connection", nil},
	{"RC-08 AG-17 SM-12 RT-01", "EP-11", "describe-vpc-endpoints: no endpoint has that Region as its ServiceRegion", func(v *View, f *Finding) bool {
		return f.Code != "RT-01" || v.subject(f, func(p *Path) bool { return v.otherRegion(p.T.Host) })
	}},
	{"DN-02 EP-01", "EP-12", "describe-vpc-endpoints: State is failed", nil},
	{"PL-03", "PL-01", "describe-vpc-endpoints: State is pendingAcceptance", nil},
	{"SG-02 RT-04", "PL-01", "describe-vpc-endpoints: State is pendingAcceptance", customOnly},
	{"PL-05", "PL-07", "describe-availability-zones in both accounts: the zone ids differ", nil},
	{"FW-06 SM-07", "PL-08", "vpcdoctor check --idle 351s with the custom service: a Network Load Balancer is behind it", func(v *View, _ *Finding) bool {
		return !slices.ContainsFunc(v.Set.Idle, func(i fact.Idle) bool { return i.Status == fact.Failed && i.For.Std() < forgetful })
	}},
	{"PL-06", "PL-09", "the provider's flow logs: the target refuses the load balancer's addresses", nil},
	{"PL-06 TL-08 TL-14 TL-07", "PL-10", "describe-target-group-attributes: proxy_protocol_v2.enabled", customOnly},
	{"V6-01", "V6-04", "the IPv4 addresses are an endpoint's: describe-vpc-endpoints, DnsRecordIpType ipv4", func(v *View, f *Finding) bool {
		return v.subject(f, func(p *Path) bool { return p.Class == string(fact.OwnVPC) && slices.ContainsFunc(p.Addrs, publicIPv6) })
	}},
	{"V6-01", "V6-06", "describe-route-tables: no ::/0 to an egress-only internet gateway", nil},
	{"DN-29", "V6-07", "sysctl net.ipv6.conf.all.disable_ipv6: 1", func(v *View, _ *Finding) bool { return v.Set.Host.IPv6Off }},
	{"SG-08", "FW-10", "describe-network-acls of the subnet of the Gateway Load Balancer endpoint", nil},
	{"TL-05", "TL-06", "update-crypto-policies --show, or /proc/sys/crypto/fips_enabled, beside a host that works", nil},
	{"PX-01 PX-03 PX-07", "PX-11", "netsh winhttp show proxy against the environment of the service", func(v *View, _ *Finding) bool { return v.Set.Host.OS == "windows" }},
	{"PL-03 RT-01 RT-09 FW-02 TL-07 DN-31", "RC-02", "get-document: a step downloads from this host", func(v *View, f *Finding) bool {
		return v.managed() && v.subject(f, func(p *Path) bool {
			return !strings.Contains(p.T.Host, "amazonaws") && !v.ours(p.T.Host) && !v.private(p.Answer.Addrs)
		})
	}},
	{"SM-05", "SM-09", "timeout 10 su - USER -c true: it hangs", nil},
}

// addKin puts the causes that look the same behind a finding's own alternatives.
func (v *View) addKin(f *Finding) {
	for i := range kindred {
		k := &kindred[i]
		if !strings.Contains(k.behind, string(f.Code)) || k.when != nil && !k.when(v, f) {
			continue
		}
		if !slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Code == k.code }) {
			f.Alternatives = append(f.Alternatives, alt(k.code, k.decide))
		}
	}
}

// subject tells whether one of the targets that a finding is about fits.
func (v *View) subject(f *Finding, is func(*Path) bool) bool {
	for _, k := range f.Subjects {
		if p := v.byKey[k]; p != nil && is(p) {
			return true
		}
	}
	return false
}

func inChina(v *View, _ *Finding) bool { return v.Set.Place.Partition == "aws-cn" }

func customOnly(v *View, f *Finding) bool {
	return v.subject(f, func(p *Path) bool { return p.T.Type == "Custom" })
}

// unreached tells whether a connect ended with EHOSTUNREACH.
func unreached(v *View, f *Finding) bool {
	return slices.ContainsFunc(v.blames[f.Code], func(b blame) bool { return b.port != nil && b.port.Dial.Class == fact.HostUnreachable })
}

// ours tells whether a name belongs to the partition.
func (v *View) ours(host string) bool {
	p := v.Set.Place
	return p.DNSSuffix != "" && hasSuffix(host, p.DNSSuffix) || p.DualStackSuffix != "" && hasSuffix(host, p.DualStackSuffix)
}

// homes counts the interfaces of the VPC that the host has.
func (v *View) homes() int {
	n := 0
	for _, e := range v.Set.IMDS.ENIs {
		n += b2i(v.hasInterface(e.MAC))
	}
	return n
}

func (v *View) hasInterface(mac string) bool {
	for i := range v.Set.Host.Interfaces {
		if mac != "" && strings.EqualFold(v.Set.Host.Interfaces[i].MAC, mac) {
			return true
		}
	}
	return false
}

// otherRegion tells whether a name has a Region in it that is not ours.
func (v *View) otherRegion(host string) bool {
	return v.region() != "" && slices.ContainsFunc(strings.Split(host, "."), func(l string) bool { return l != v.region() && likeRegion(l) })
}

// likeRegion tells whether a label has the form of a Region: two letters,
// words and a number, joined by hyphens.
func likeRegion(l string) bool {
	parts := strings.Split(l, "-")
	last := parts[len(parts)-1]
	return len(parts) >= 3 && len(parts[0]) == 2 && len(last) == 1 && last[0] >= '0' && last[0] <= '9'
}
