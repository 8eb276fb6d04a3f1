package fact

import (
	"net/netip"
	"time"
)

// PolicyLayer is the layer of access control that a denial names.
type PolicyLayer string

// Layers, in the words of AWS's messages (IAM User Guide, "Troubleshoot access
// denied error messages", read 2026-11).
const (
	LayerUnknown  PolicyLayer = "" // the message does not say
	LayerIdentity PolicyLayer = "identity-based policy"
	LayerResource PolicyLayer = "resource-based policy"
	LayerEndpoint PolicyLayer = "VPC endpoint policy"
	LayerSCP      PolicyLayer = "service control policy"
	LayerRCP      PolicyLayer = "resource control policy"
	LayerBoundary PolicyLayer = "permissions boundary"
	LayerSession  PolicyLayer = "session policy"
)

// Denial is what AWS says about a call that it refused. It is the first layer
// that denied; others may follow.
type Denial struct {
	Layer     PolicyLayer `json:"layer,omitempty"`
	Explicit  bool        `json:"explicit,omitempty"`  // "with an explicit deny"; else "because no … allows"
	Action    string      `json:"action,omitempty"`    // "ssm:UpdateInstanceInformation"
	Resource  string      `json:"resource,omitempty"`  // ARN, when the message names one
	Principal string      `json:"principal,omitempty"` // ARN of the caller, when the message names it
}

// CredentialSource is where the credentials of a call came from.
type CredentialSource string

// Sources, in the order in which the agent walks them (ssm-agent.md 4.3).
const (
	FromProfile CredentialSource = "instance profile"
	FromDHMC    CredentialSource = "default host management" // /var/lib/amazon/ssm/credentials
	FromShared  CredentialSource = "shared file"             // the file that identity_config.json names
	FromHybrid  CredentialSource = "hybrid activation"       // root's ~/.aws/credentials
)

// Credential is one source of credentials: that it exists, whose it is and how
// long it lives. Keys and tokens are never in it.
type Credential struct {
	Outcome                   // of reading it; NotRun: not looked at
	Source   CredentialSource `json:"source"`
	Path     string           `json:"path,omitempty"`    // of a file, or of IMDS
	Profile  string           `json:"profile,omitempty"` // of a shared file
	Role     string           `json:"role,omitempty"`    // name
	Code     string           `json:"code,omitempty"`    // of IMDS: "Success", "AssumeRoleUnauthorizedAccess"
	Updated  time.Time        `json:"updated,omitzero"`
	Expires  time.Time        `json:"expires,omitzero"`
	Selected bool             `json:"selected,omitempty"` // the one that the agent would use, and that the calls were signed with
}

// Call is one signed call to AWS.
type Call struct {
	Outcome                     // Failed with class HTTPStatus: AWS answered with an error, see Code; NotRun: see Skipped
	Service    string           `json:"service"`           // signing name: "ssm"
	Operation  string           `json:"operation"`         // "ListInstanceAssociations"
	Purpose    string           `json:"purpose,omitempty"` // in words: "session log bucket"; empty: permissions of the agent
	Host       string           `json:"host"`
	Addr       netip.AddrPort   `json:"addr,omitzero"`    // that answered; of the proxy for a tunnelled one
	Proxy      string           `json:"proxy,omitempty"`  // host:port
	Region     string           `json:"region,omitempty"` // signed for
	Source     CredentialSource `json:"source,omitempty"`
	Resource   string           `json:"resource,omitempty"` // what it was about: a bucket, key ARN, log group, document
	HTTPStatus int              `json:"http_status,omitempty"`
	Code       string           `json:"code,omitempty"` // "AccessDeniedException"; empty: success
	Denial     *Denial          `json:"denial,omitempty"`
	RequestID  string           `json:"request_id,omitempty"`
	Date       time.Time        `json:"date,omitzero"`
	Skew       bool             `json:"skew,omitempty"`      // the signature was refused for its time
	Identity   string           `json:"identity,omitempty"`  // ARN that GetCallerIdentity told
	Remembered time.Time        `json:"remembered,omitzero"` // a denial of that time was remembered, so the call was not repeated
}

// Key names the call: "call:ssm:ListInstanceAssociations", with the resource
// after it when there is one.
func (c Call) Key() string {
	k := "call:" + c.Service + ":" + c.Operation
	if c.Resource != "" {
		k += ":" + c.Resource
	}
	return k
}

// Signed is the part of a run that used credentials.
type Signed struct {
	Outcome                  // NotRun: --no-signed, no credentials, no path of the agent, timer mode
	Credentials []Credential `json:"credentials,omitempty"` // in the agent's order
	Calls       []Call       `json:"calls,omitempty"`
}
