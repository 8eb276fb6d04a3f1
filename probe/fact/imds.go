package fact

import (
	"net/netip"
	"time"
)

// IMDS is what the instance metadata service answered: first the exchanges,
// each its own fact, then the values taken from them.
//
// Source of paths and meanings: EC2 User Guide, "Instance metadata
// categories" and "Use the Instance Metadata Service" (read 2026-11).
type IMDS struct {
	Endpoint string `json:"endpoint,omitempty"` // base URL asked
	NoIPv4   bool   `json:"no_ipv4,omitempty"`  // the kernel has no way to 169.254.169.254, so the IPv6 address was asked
	Disabled string `json:"disabled,omitempty"` // name of the environment variable that turned it off; nothing was sent

	Token    IMDSGet   `json:"token"`          // PUT /latest/api/token
	V1       IMDSGet   `json:"v1"`             // one GET without a token: 401 says that tokens are required
	Gets     []IMDSGet `json:"gets,omitempty"` // GETs with the token (or without one, see Version)
	Version  int       `json:"version,omitempty"`
	Server   string    `json:"server,omitempty"`  // Server header of the answers; the real service sends "EC2ws"
	Puts     int       `json:"puts"`              // token PUTs sent
	GetCount int       `json:"get_count"`         // GETs sent, of any kind
	Proxied  bool      `json:"proxied,omitempty"` // an answer carries a proxy's headers (Via, X-Squid-Error …)

	Time TimeSample `json:"time,omitzero"` // our clock against the Date of the real service's first answer

	InstanceID string `json:"instance_id,omitempty"`
	AccountID  string `json:"account_id,omitempty"` // from the identity document
	Region     string `json:"region,omitempty"`
	AZ         string `json:"az,omitempty"`
	AZID       string `json:"az_id,omitempty"`
	Partition  string `json:"partition,omitempty"`  // services/partition
	DNSSuffix  string `json:"dns_suffix,omitempty"` // services/domain
	PublicIPv4 string `json:"public_ipv4,omitempty"`
	// PublicIPv4Absent is set when IMDS answered 404 for public-ipv4.
	PublicIPv4Absent bool `json:"public_ipv4_absent,omitempty"`

	ENIs []ENI `json:"enis,omitempty"` // primary first
	Role Role  `json:"role"`
}

// IMDSGet is one exchange with the metadata service. It is OK after a 2xx
// answer whose value has the right form. Any other status is Failed with class
// HTTPStatus, also where it is the usual answer: 401 without a token, 404 for a
// public address or a profile that does not exist.
type IMDSGet struct {
	Outcome
	Path       string `json:"path"`
	Connected  bool   `json:"connected,omitempty"`   // a connection was there: silence then is not a dropped SYN
	HTTPStatus int    `json:"http_status,omitempty"` // 0: no HTTP answer
	Bytes      int    `json:"bytes,omitempty"`       // of the body
	HTML       bool   `json:"html,omitempty"`        // the body looks like a web page: not the metadata service
}

// ENI is one elastic network interface as IMDS lists it.
type ENI struct {
	MAC              string         `json:"mac"`
	Primary          bool           `json:"primary,omitempty"`
	Device           int            `json:"device"` // device-number; 0 is the primary, -1: not asked
	InterfaceID      string         `json:"interface_id,omitempty"`
	SubnetID         string         `json:"subnet_id,omitempty"`
	SubnetCIDR       netip.Prefix   `json:"subnet_cidr,omitzero"`
	SubnetIPv6CIDRs  []netip.Prefix `json:"subnet_ipv6_cidrs,omitempty"`
	VPCID            string         `json:"vpc_id,omitempty"`
	VPCCIDRs         []netip.Prefix `json:"vpc_cidrs,omitempty"` // the first is the VPC's primary CIDR
	VPCIPv6CIDRs     []netip.Prefix `json:"vpc_ipv6_cidrs,omitempty"`
	LocalIPv4s       []netip.Addr   `json:"local_ipv4s,omitempty"`
	IPv6s            []netip.Addr   `json:"ipv6s,omitempty"`
	SecurityGroupIDs []string       `json:"security_group_ids,omitempty"`
}

// RoleState says whether the instance has credentials of a role.
type RoleState string

// States of the instance role. IMDS 404 on iam/ means no instance profile;
// Default Host Management may still serve the node.
const (
	RoleUnknown RoleState = ""        // not asked, or no answer
	RolePresent RoleState = "present" // credentials are served, Code is Success
	RoleAbsent  RoleState = "absent"  // 404: no instance profile
	RoleEmpty   RoleState = "empty"   // a profile without a role, or an empty list
	RoleError   RoleState = "error"   // credentials are not served; Code says why
)

// Role is the instance profile's role. Credentials never enter it.
type Role struct {
	Outcome
	State      RoleState `json:"state,omitempty"`
	Name       string    `json:"name,omitempty"`
	ProfileARN string    `json:"profile_arn,omitempty"`
	Code       string    `json:"code,omitempty"` // "Success", "AssumeRoleUnauthorizedAccess", …
	Expires    time.Time `json:"expires,omitzero"`
}

// Primary returns the primary interface, or a zero ENI when none is known.
func (m *IMDS) Primary() ENI {
	for _, e := range m.ENIs {
		if e.Primary {
			return e
		}
	}
	if len(m.ENIs) > 0 {
		return m.ENIs[0]
	}
	return ENI{}
}

// VPCCIDRs returns the IPv4 and IPv6 blocks of every VPC the instance has an
// interface in, in the order seen.
func (m *IMDS) VPCCIDRs() []netip.Prefix {
	var out []netip.Prefix
	for _, e := range m.ENIs {
		out = append(out, e.VPCCIDRs...)
		out = append(out, e.VPCIPv6CIDRs...)
	}
	return out
}
