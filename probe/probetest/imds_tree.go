package probetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// IMDSInstance describes an instance as its metadata service tells it.
type IMDSInstance struct {
	InstanceID string // i- and 17 hexadecimal digits
	AccountID  string // 12 digits
	Region     string
	AZ, AZID   string
	Partition  string
	DNSSuffix  string
	PublicIPv4 netip.Addr // zero: none, public-ipv4 is 404
	Type       string     // instance type; empty: t3.micro
	ENIs       []IMDSENI  // the first is the primary
	Role       string     // of the instance profile; empty: no profile, iam/ is 404
	Profile    string     // name of the profile; empty: that of the role
	Expires    time.Time  // of the role's credentials; zero: six hours from NewIMDS
}

// IMDSENI describes one interface. IPv6 fields are empty in an IPv4 VPC; then
// the paths do not exist.
type IMDSENI struct {
	MAC              string // lower case, colons
	InterfaceID      string
	SubnetID         string
	SubnetCIDR       netip.Prefix // zero: an IPv6-only subnet
	SubnetIPv6CIDRs  []netip.Prefix
	VPCID            string
	VPCCIDRs         []netip.Prefix // the first is the primary
	VPCIPv6CIDRs     []netip.Prefix
	LocalIPv4s       []netip.Addr
	IPv6s            []netip.Addr
	SecurityGroupIDs []string
}

// IMDSSecrets are the secret parts of the role's credentials document that an
// IMDS serves; APISecrets has those of every other source, too. They are made up,
// and they must turn up nowhere.
var IMDSSecrets = []string{ProfileKeys.ID, ProfileKeys.Secret, ProfileKeys.Token}

const imdsTime = "2006-01-02T15:04:05Z" // the service's form of a time

// tree is every value by its full path.
func (i IMDSInstance) tree() map[string]string {
	t := map[string]string{}
	meta := func(path, value string) { t["/latest/meta-data/"+path] = value }
	kind := cmp.Or(i.Type, "t3.micro")
	meta("ami-id", "ami-0123456789abcdef0")
	meta("ami-launch-index", "0")
	meta("instance-id", i.InstanceID)
	meta("instance-life-cycle", "on-demand")
	meta("instance-type", kind)
	meta("placement/availability-zone", i.AZ)
	meta("placement/availability-zone-id", i.AZID)
	meta("placement/region", i.Region)
	meta("reservation-id", "r-0123456789abcdef0")
	meta("services/domain", i.DNSSuffix)
	meta("services/partition", i.Partition)
	// Present on every instance, with or without Default Host Management.
	meta("identity-credentials/ec2/info", imdsDocument(map[string]string{"Code": "Success", "AccountId": i.AccountID}))
	meta("identity-credentials/ec2/security-credentials/ec2-instance", i.credentials(IdentityKeys))
	if i.PublicIPv4.IsValid() {
		meta("public-ipv4", i.PublicIPv4.String())
	}
	local := ""
	for n, e := range i.ENIs {
		if n == 0 {
			meta("mac", e.MAC)
			if len(e.LocalIPv4s) > 0 {
				local = e.LocalIPv4s[0].String()
				meta("local-ipv4", local)
			}
		}
		e.fill(n, i.AccountID, func(path, value string) { meta("network/interfaces/macs/"+e.MAC+"/"+path, value) })
	}
	if i.Role != "" {
		meta("iam/info", imdsDocument(map[string]string{
			"Code":               "Success",
			"LastUpdated":        time.Now().UTC().Format(imdsTime),
			"InstanceProfileArn": fmt.Sprintf("arn:%s:iam::%s:instance-profile/%s", i.Partition, i.AccountID, cmp.Or(i.Profile, i.Role)),
			"InstanceProfileId":  "AIPAPROBETESTEXAMPLE",
		}))
		meta("iam/security-credentials/"+i.Role, i.credentials(ProfileKeys))
	}
	t["/latest/dynamic/instance-identity/document"] = imdsDocument(map[string]any{
		"accountId": i.AccountID, "architecture": "x86_64", "availabilityZone": i.AZ,
		"billingProducts": nil, "devpayProductCodes": nil, "marketplaceProductCodes": nil,
		"imageId": "ami-0123456789abcdef0", "instanceId": i.InstanceID, "instanceType": kind,
		"kernelId": nil, "ramdiskId": nil, "pendingTime": time.Now().UTC().Format(imdsTime),
		"privateIp": local, "region": i.Region, "version": "2017-09-30",
	})
	t["/latest/dynamic/instance-identity/signature"] = "bm90IGEgc2lnbmF0dXJl"
	return t
}

// fill adds the values of an interface with that device number.
func (e IMDSENI) fill(device int, owner string, add func(path, value string)) {
	add("device-number", fmt.Sprint(device))
	add("interface-id", e.InterfaceID)
	add("mac", e.MAC)
	add("owner-id", owner)
	add("security-group-ids", imdsLines(e.SecurityGroupIDs))
	add("subnet-id", e.SubnetID)
	add("vpc-id", e.VPCID)
	if e.SubnetCIDR.IsValid() {
		add("subnet-ipv4-cidr-block", e.SubnetCIDR.String())
		add("local-ipv4s", imdsLines(e.LocalIPv4s))
	}
	if len(e.VPCCIDRs) > 0 {
		add("vpc-ipv4-cidr-block", e.VPCCIDRs[0].String())
		add("vpc-ipv4-cidr-blocks", imdsLines(e.VPCCIDRs))
	}
	if len(e.IPv6s) > 0 {
		add("ipv6s", imdsLines(e.IPv6s))
	}
	if len(e.SubnetIPv6CIDRs) > 0 {
		add("subnet-ipv6-cidr-blocks", imdsLines(e.SubnetIPv6CIDRs))
	}
	if len(e.VPCIPv6CIDRs) > 0 {
		add("vpc-ipv6-cidr-blocks", imdsLines(e.VPCIPv6CIDRs))
	}
}

// credentials is the document with the keys.
func (i IMDSInstance) credentials(k APIKeys) string {
	end := i.Expires
	if end.IsZero() {
		end = time.Now().Add(6 * time.Hour)
	}
	return imdsDocument(map[string]string{
		"Code": "Success", "LastUpdated": time.Now().UTC().Format(imdsTime), "Type": "AWS-HMAC",
		"AccessKeyId": k.ID, "SecretAccessKey": k.Secret, "Token": k.Token,
		"Expiration": end.UTC().Format(imdsTime),
	})
}

// imdsRefusedCredentials is the document when the service could not get any.
func imdsRefusedCredentials(code string) string {
	return imdsDocument(map[string]string{
		"Code":        code,
		"Message":     "EC2 cannot assume the role of this instance.",
		"LastUpdated": time.Now().UTC().Format(imdsTime),
	})
}

// imdsDocument is JSON as the service indents it.
func imdsDocument(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return string(b)
}

func imdsLines[T any](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return strings.Join(out, "\n")
}

// imdsListing is the directory at path, with or without its final slash: one entry
// in each line, directories with a slash at the end.
func imdsListing(tree map[string]string, path string) (string, bool) {
	dir := strings.TrimSuffix(path, "/") + "/"
	var entries []string
	for p := range tree {
		rest, ok := strings.CutPrefix(p, dir)
		if !ok {
			continue
		}
		if name, _, deeper := strings.Cut(rest, "/"); deeper {
			rest = name + "/"
		}
		entries = append(entries, rest)
	}
	slices.Sort(entries)
	return strings.Join(slices.Compact(entries), "\n"), len(entries) > 0
}
