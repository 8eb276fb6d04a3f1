package world

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Host is what is inside the instance: everything here acts in its own
// namespaces, unlike security groups, NACLs and routes, which act outside.
type Host struct {
	UID      int    // user the command runs as
	Hostname string // empty: made from the address
	Vendor   string // DMI sys_vendor; empty: "Amazon EC2"
	MTU      int    // of eth0; 0: 9001

	// PortRange is ip_local_port_range, the source ports that the kernel
	// chooses from, both inclusive; zero: the kernel's own.
	PortRange [2]uint16

	Nameservers []string // of resolv.conf; nil: what DHCP offers
	NoServers   bool     // resolv.conf without a nameserver line
	ResolvOpts  []string // options of resolv.conf
	Stub        Stub     // systemd-resolved
	HostsLines  []string // added to /etc/hosts
	HostsOrder  string   // of nsswitch.conf; empty: "files dns"

	Env   map[string]string // of the command
	Files map[string]string // further files, absolute path to content
	Roots Roots             // system certificate store

	NoDefaultRoute bool        // DHCP route lost; the subnet itself stays on link
	LinkLocalRoute bool        // 169.254.0.0/16 on link, as ec2-net-utils sets it
	Routes         []HostRoute // further routes of the main table
	Links          []HostLink  // further interfaces
	Firewall       []LocalRule // output chain

	Mounts []HostMount       // file systems of their own
	Sysctl map[string]string // what a file below /proc/sys says: "fs/inotify/max_user_instances"

	Agent Agent
}

// HostMount is a small file system in memory, mounted at a directory.
type HostMount struct {
	Dir      string
	Bytes    int64 // its size; 0: 4 MB
	Full     bool  // no byte is free
	NoInodes bool  // no inode is free
	ReadOnly bool  // mounted read-only after the files were written
	NoExec   bool
}

// Stub is the local resolver of systemd-resolved at 127.0.0.53.
type Stub struct {
	Configured bool // resolv.conf points to it
	Running    bool // it answers, by asking the servers that DHCP offered
	ServFail   bool // it rejects every answer it gets, as with DNSSEC=yes

	// Records are names that it answers by itself: what somebody wrote into
	// its configuration or, with Cached, what it still has in its cache and
	// counts down.
	Records []Record
	Cached  bool
}

// Roots is the system certificate store of the instance.
type Roots struct {
	NoAmazon  bool // the Amazon roots (and the lab's stand-in) were removed
	Corporate bool // the administrator added the company's CA
}

// HostRoute is an entry of the instance's main routing table.
type HostRoute struct {
	Dst  netip.Prefix
	Kind string     // blackhole | prohibit | unreachable | unicast
	Via  netip.Addr // of unicast; zero: on link
	// OnLink says that Via is taken to be on the interface's link although no
	// address of ours says so.
	OnLink bool
	Dev    string // of unicast; empty: eth0
}

// HostLink is a bridge of the instance, such as docker0.
type HostLink struct {
	Name string
	Addr netip.Prefix
}

// LocalRule is a rule of the instance's own firewall for outgoing packets.
type LocalRule struct {
	Proto  string       // tcp | udp
	Dst    netip.Prefix // zero: any
	Port   uint16       // zero: any
	Action string       // drop | reject-reset | reject-port | reject-host | reject-admin
	UID    int          // with UIDSet: only packets of this user
	UIDSet bool
}

// Agent is the SSM Agent on the instance.
type Agent struct {
	Installs []Install
	Units    []Unit
	Running  bool              // the core process, of the first installation
	Worker   bool              // the worker process
	Twice    bool              // the second installation's run too
	Since    time.Duration     // since the processes started; 0: 3 h
	Watchers int               // inotify instances that the core holds
	Env      map[string]string // of the core process
	Config   string            // amazon-ssm-agent.json; empty: absent
	Identity Identity          // its own record of who it is
	Hybrid   string            // registration key of a hybrid activation; empty: absent

	// HybridKeys says that root's ~/.aws/credentials has keys of the hybrid
	// activation's role, as the agent writes them.
	HybridKeys bool
	// Registered is the node id of the EC2 registration in the vault; empty: no
	// vault.
	Registered string
	// Log are files of /var/log/amazon/ssm by name, or others by their path.
	// "{-20m}" in a text becomes the time that long before the run, in the form
	// of the agent's log, "{@-20m}" the same in seconds since 1970.
	Log map[string]string
	// Connected says that the worker does what it can to hold a connection to
	// ssmmessages: by the instance's DNS, the agent's proxy and the system's
	// roots, and only where AWS admits its credentials. Peer is an address to
	// dial in place of the name's.
	Connected bool
	Peer      netip.AddrPort
}

// ChannelHost is the host of the agent's channel: what its config says, or
// that of the Region.
func (w *World) ChannelHost() string {
	var config struct{ Mgs struct{ Endpoint string } }
	if json.Unmarshal([]byte(w.Host.Agent.Config), &config) == nil && config.Mgs.Endpoint != "" {
		return config.Mgs.Endpoint
	}
	return "ssmmessages." + w.Region + "." + w.Suffix
}

// Identity is the agent's record of who it is and where its credentials came
// from (runtimeconfig/identity_config.json).
type Identity struct {
	Absent     bool
	InstanceID string        // empty: the instance's own
	Source     string        // EC2 (instance profile), SSM (Default Host Management) or empty
	Age        time.Duration // since the credentials were fetched
	Never      bool          // they never were
}

// Install is one installation of the agent.
type Install struct {
	Kind    string // rpm | deb | snap
	Version string
}

// Unit is what systemctl shows of a service unit.
type Unit struct {
	Name     string
	Load     string // loaded | not-found | masked
	Active   string // active | inactive | failed | activating
	Sub      string
	UnitFile string // enabled | disabled | masked
	Result   string
	Restarts int
	ExitCode int

	Signal       int           // that ended the main process; then ExitCode is 0
	Fragment     string        // path of the unit file; empty: below /usr/lib/systemd/system
	DropIns      []string      // paths; their content is in Host.Files
	Restart      string        // empty: always
	RestartAfter time.Duration // 0: 90 s, as in the package's unit
	NeedReload   bool          // the files changed after the manager read them
	User         string        // of User=; empty: root
	Environment  []string      // of Environment=, "NAME=value"
}

// PackageUnit and SnapUnit are the agent's unit names.
const (
	PackageUnit = "amazon-ssm-agent.service"
	SnapUnit    = "snap.amazon-ssm-agent.amazon-ssm-agent.service"
)

// MTUOrDefault is the MTU of eth0; 9001 is what EC2 offers.
func (h *Host) MTUOrDefault() int {
	if h.MTU == 0 {
		return 9001
	}
	return h.MTU
}
