package probe

import (
	"context"
	"net"
	"net/netip"
	"time"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/trust"
)

// Limits that hold for every run (decisions.md, "Do no harm").
const (
	// MaxConnections is how many TCP connections may be in flight at once.
	MaxConnections = 32
	// MaxPacketsPerSecond bounds what we send to the link-local services and
	// the VPC resolver together. They share an allowance of 1,024 packets a
	// second per ENI with the programs that run here (VPC User Guide, "DNS
	// attributes for your VPC", read 2026-11).
	MaxPacketsPerSecond = 300
	// MaxIdle is how long a connection is kept silent on request. Gateway Load
	// Balancers and NAT gateways forget a silent connection after 350 s (VPC
	// and Elastic Load Balancing user guides, read 2026-11).
	MaxIdle = 360 * time.Second
	// MaxAddresses of one name that are dialled. An endpoint has one address
	// per AZ, public names answer with up to eight.
	MaxAddresses = 16
)

// Defaults of the timeouts. Each is the time of one attempt.
const (
	// DefaultBudget is the time of the whole run.
	DefaultBudget = 10 * time.Second
	// RehearsalBudget is that of a run with a rehearsal, which looks at further
	// hosts once it has read their names.
	RehearsalBudget = 20 * time.Second
	// DefaultTCPTimeout lets the SYN be sent three times (at 0, 1 and 3 s on
	// Linux), so that one lost packet is not a finding.
	DefaultTCPTimeout = 3500 * time.Millisecond
	// DefaultDNSTimeout is for one packet; a silent server is asked twice.
	DefaultDNSTimeout = 1500 * time.Millisecond
)

// Env stands for the host that is examined, so that tests can stand in for it.
type Env struct {
	Root    string                                                                 // of the file system, "/" by default
	Getenv  func(string) string                                                    // our own environment
	Command func(ctx context.Context, name string, args ...string) ([]byte, error) // runs a fixed external command
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)      // nil: net.Dialer
	Now     func() time.Time                                                       // nil: time.Now
	UID     int                                                                    // effective user id, -1 where there is none

	// Keys are filled by Run and live on after it, for delivery; whoever hands
	// them over closes them. Nil: the run has its own.
	Keys *RoleKeys
}

// Options is what the user asked for.
type Options struct {
	Version, Commit, Context string // of the build and the call, for the facts

	Catalog   *catalog.Catalog // nil: the embedded one
	Region    string           // --region; empty: found out
	Profiles  []string
	Services  []string
	Endpoints []Endpoint // custom endpoints
	All       bool
	Auto      bool // --auto: further profiles by what is installed

	Expect       string // auto | private | any
	Private      bool   // --require-private
	NeedAgent    bool   // --require-agent
	DialPublic   bool   // --all dials public answers too
	NoControls   bool   // --no-controls: no comparison connects
	NoSigned     bool   // --no-signed: no call with credentials
	AgentChannel bool   // --agent-channel: ask for a control channel token while the agent is down
	Rehearse     bool   // --rehearse
	Session      Session
	FIPS         bool   // AWS_USE_FIPS_ENDPOINT
	DualStack    bool   // AWS_USE_DUALSTACK_ENDPOINT
	IMDSEndpoint string // AWS_EC2_METADATA_SERVICE_ENDPOINT
	IMDSDisabled string // the variable that turned IMDS off; empty: on
	EnvRegion    string // AWS_REGION or AWS_DEFAULT_REGION, the last fallback

	Resolvers []netip.AddrPort // --resolver
	Trust     *trust.Store
	Timeout   time.Duration // of one attempt; 0: the defaults above
	Budget    time.Duration // 0: DefaultBudget
	Idle      time.Duration // --idle: silence on one connection, on top of the budget; 0: not asked for

	StateDir string // where denied calls are remembered; empty: nowhere

	// Changed tells whether a run without signed calls has come to another
	// verdict than the one before it. A timer's run makes signed calls only
	// then (decisions.md, "Do no harm"). Nil: they are made.
	Changed func(*fact.Set) bool
}

// Session is what the user says of the session preferences, for a rehearsal
// that may not read them, and of Run Command, whose output options are part of
// each command.
type Session struct {
	KMSKey, Bucket, LogGroup     string // of sessions
	OutputBucket, OutputLogGroup string // of Run Command
}

// Progress is told where the run is. It is called from one goroutine at a
// time and must return at once.
type Progress func(stage string, done, total int)

func (o *Options) tcpTimeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return DefaultTCPTimeout
}

func (o *Options) dnsTimeout() time.Duration {
	if o.Timeout > 0 {
		return min(o.Timeout, DefaultDNSTimeout)
	}
	return DefaultDNSTimeout
}

func (o *Options) budget() time.Duration {
	if o.Budget > 0 {
		return o.Budget
	}
	return DefaultBudget
}
