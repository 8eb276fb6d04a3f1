package fact

import "time"

// Agent is what can be seen of the SSM Agent on this host. Access tells
// whether this user may see it at all.
type Agent struct {
	Access   Outcome        `json:"access"` // NotRun with Skipped "needs root" when internals are closed to us
	Installs []AgentInstall `json:"installs,omitempty"`
	Units    []AgentUnit    `json:"units,omitempty"`
	UnitsRun Outcome        `json:"units_run"` // asking the service manager
	Procs    []AgentProc    `json:"procs,omitempty"`
	ProcsRun Outcome        `json:"procs_run"` // reading the process table

	Version     string `json:"version,omitempty"`      // of the running or installed agent, "3.3.987.0"
	VersionFrom string `json:"version_from,omitempty"` // binary | package | snap

	Config   AgentConfig   `json:"config"`
	Proxy    ProxySetting  `json:"proxy"`     // of the running agent's environment
	ProxyRun Outcome       `json:"proxy_run"` // reading that environment
	Identity AgentIdentity `json:"identity"`

	Scopes    []ProxyScope `json:"proxy_scopes,omitempty"` // every place on this host that sets proxy variables
	Leftovers []string     `json:"leftovers,omitempty"`    // paths of upstart jobs and SysV scripts that start an agent
	Ground    AgentGround  `json:"ground,omitzero"`        // what the agent needs of the host
	Log       AgentLog     `json:"log,omitzero"`
	Channel   Channel      `json:"channel,omitzero"`
}

// AgentInstall is one installation of the agent.
type AgentInstall struct {
	Kind    string `json:"kind"` // rpm | deb | snap | binary
	Path    string `json:"path"` // of the core binary
	Version string `json:"version,omitempty"`
}

// AgentUnit is a service unit's state by systemctl show.
type AgentUnit struct {
	Name      string    `json:"name"`
	Load      string    `json:"load"`   // loaded | not-found | masked
	Active    string    `json:"active"` // active | inactive | failed | activating
	Sub       string    `json:"sub,omitempty"`
	UnitFile  string    `json:"unit_file,omitempty"` // enabled | disabled | masked
	Result    string    `json:"result,omitempty"`    // success | exit-code | oom-kill …
	Restarts  int       `json:"restarts,omitempty"`
	MainPID   int       `json:"main_pid,omitempty"`
	ExitCode  int       `json:"exit_code,omitempty"`
	ActiveFor Duration  `json:"active_for_ms,omitzero"`
	Since     time.Time `json:"since,omitzero"`

	DropIns      []string `json:"drop_ins,omitempty"`        // paths, at most 16
	Fragment     string   `json:"fragment,omitempty"`        // path of the unit file
	Restart      string   `json:"restart,omitempty"`         // always | on-failure | no …
	RestartAfter Duration `json:"restart_after_ms,omitzero"` // RestartUSec: 90 s in the package's unit
	ExitSignal   int      `json:"exit_signal,omitempty"`     // that ended the main process; ExitCode is then 0
	Reload       bool     `json:"need_reload,omitempty"`     // the files changed after the manager read them
	User         string   `json:"user,omitempty"`            // of User=; empty: root
}

// AgentProc is a process of the agent. Core and worker are told apart by their
// executable; a core without a worker has no credentials yet (ssm-agent.md 4.1).
type AgentProc struct {
	PID   int       `json:"pid"`
	Role  string    `json:"role"` // core | worker
	Exe   string    `json:"exe,omitempty"`
	UID   int       `json:"uid"`
	Start time.Time `json:"start,omitzero"`

	Deleted    bool   `json:"deleted,omitempty"`     // its executable was replaced or removed after the start
	OtherNetNS bool   `json:"other_netns,omitempty"` // it runs in another network namespace than we do
	State      string `json:"state,omitempty"`       // of /proc/PID/stat: R, S, D, T, Z
	Files      int    `json:"files,omitempty"`       // open file descriptors
	FileLimit  int    `json:"file_limit,omitempty"`  // its soft limit
}

// AgentConfig is amazon-ssm-agent.json as far as it decides what is dialled.
type AgentConfig struct {
	Outcome
	Path      string     `json:"path,omitempty"`
	Present   bool       `json:"present,omitempty"`
	ErrorAt   string     `json:"error_at,omitempty"` // "line 4, column 7" of a syntax error
	Overrides []Override `json:"overrides,omitempty"`
	Region    string     `json:"region,omitempty"`         // Agent.Region
	MGSRegion string     `json:"mgs_region,omitempty"`     // Mgs.Region: names and signs ssmmessages
	Domain    string     `json:"service_domain,omitempty"` // Agent.ServiceDomain
	DualStack bool       `json:"dual_stack,omitempty"`     // UseDualStackEndpoint

	Order      []string `json:"consumption_order,omitempty"` // Identity.ConsumptionOrder; empty: OnPrem, EC2, CustomIdentity
	Custom     int      `json:"custom_identities,omitempty"` // entries of Identity.CustomIdentities
	Container  bool     `json:"container_mode,omitempty"`    // Agent.ContainerMode
	ShareCreds *bool    `json:"share_creds,omitempty"`       // Profile.ShareCreds; nil: not set, which means true
	Profile    string   `json:"profile,omitempty"`           // Profile.ShareProfile of the shared file; empty: default
}

// Override is one endpoint that the config file sets.
type Override struct {
	Service string `json:"service"` // ssm | ssmmessages | ec2messages | s3 | kms
	Key     string `json:"key"`     // "Mgs.Endpoint"
	Host    string `json:"host"`    // host[:port]
}

// AgentIdentity is the agent's own record of who it is and where its
// credentials came from (runtimeconfig/identity_config.json), and the hybrid
// registration, if there is one. Never keys.
type AgentIdentity struct {
	Outcome
	InstanceID string    `json:"instance_id,omitempty"`
	Type       string    `json:"type,omitempty"`   // EC2 | OnPrem | ECS
	Source     string    `json:"source,omitempty"` // EC2 | SSM | None; EC2 is the instance profile, SSM is DHMC
	Retrieved  time.Time `json:"retrieved,omitzero"`
	Expires    time.Time `json:"expires,omitzero"`
	Hybrid     string    `json:"hybrid,omitempty"`        // mi-… of a hybrid registration on this disk
	HybridIn   string    `json:"hybrid_region,omitempty"` // its Region

	ShareFile    string      `json:"share_file,omitempty"`    // shared credentials file in use; empty: IMDS directly
	ShareProfile string      `json:"share_profile,omitempty"` // its profile
	Registered   string      `json:"registered,omitempty"`    // instance id of the EC2 registration in the vault
	RegisteredIn string      `json:"registered_in,omitempty"` // its Region
	Vault        []StateFile `json:"vault,omitempty"`         // the vault's files that exist
	RuntimeIDs   []string    `json:"runtime_ids,omitempty"`   // node ids that have a directory in the state directory, at most 8
}

// StateFile is one of the agent's state files: whether it can be read and
// understood, never what it holds.
type StateFile struct {
	Outcome        // Failed with class Malformed: it does not parse
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
}

// ProxyScope is one place on this host that sets proxy variables: programs
// started from different places get different proxies.
type ProxyScope struct {
	ProxySetting
	Scope string `json:"scope"` // agent | shell | manager (systemd's own environment) | unit | profile (/etc/environment, /etc/profile.d)
	Path  string `json:"path,omitempty"`

	// Exempt tells of the run's target hosts, at most 16, whether this place's
	// no_proxy leaves them out; nil when it sets none.
	Exempt []ExemptHost `json:"exempt,omitempty"`
}

// ExemptHost is what one no_proxy value means for one host, to Go programs
// (the SSM Agent is one) and to curl and its kin: their rules differ.
type ExemptHost struct {
	Host string `json:"host"`
	Go   bool   `json:"go"`
	Curl bool   `json:"curl"` // as of curl 8.9
}

// AgentGround is the state of the things on this host that stop the agent
// without being part of it: file systems, limits, mandatory access control.
type AgentGround struct {
	Mounts  []Mount `json:"mounts,omitempty"` // of the directories the agent writes to, one per directory
	Inotify Inotify `json:"inotify,omitzero"`
	Memory  Memory  `json:"memory,omitzero"`
	MAC     MAC     `json:"mac,omitzero"`
}

// Mount is the file system under one directory.
type Mount struct {
	Outcome
	Dir        string `json:"dir"`
	Point      string `json:"point,omitempty"` // where it is mounted
	Type       string `json:"type,omitempty"`  // "xfs"
	ReadOnly   bool   `json:"read_only,omitempty"`
	NoExec     bool   `json:"noexec,omitempty"`
	Bytes      uint64 `json:"bytes,omitempty"`
	FreeBytes  uint64 `json:"free_bytes"` // for root
	Inodes     uint64 `json:"inodes,omitempty"`
	FreeInodes uint64 `json:"free_inodes"`
}

// Inotify is the kernel's allowance of file watchers for root and its use.
type Inotify struct {
	Outcome
	MaxInstances  int `json:"max_instances,omitempty"`
	MaxWatches    int `json:"max_watches,omitempty"`
	UsedInstances int `json:"used_instances,omitempty"` // of uid 0; counted in /proc/PID/fdinfo, at most 4,096 processes
	UsedWatches   int `json:"used_watches,omitempty"`
}

// Memory is what the host has left, in bytes, and whether the kernel ended the
// agent to get more.
type Memory struct {
	Outcome             // Detail: KernelLogClosed and why, when kills are not known
	Total     uint64    `json:"total,omitempty"`
	Available uint64    `json:"available,omitempty"`
	OOMKills  int       `json:"oom_kills,omitempty"` // of the agent's processes, in the kernel's log
	OOMLast   time.Time `json:"oom_last,omitzero"`
}

// KernelLogClosed begins the Detail of a Memory without the kernel's log;
// Sandbox is why root was refused it.
const (
	KernelLogClosed = "kernel log not read: "
	Sandbox         = "sandbox"
)

// MAC is mandatory access control: SELinux, AppArmor, fapolicyd.
type MAC struct {
	Outcome
	SELinux  string    `json:"selinux,omitempty"`  // enforcing | permissive | disabled; empty: none
	AppArmor string    `json:"apparmor,omitempty"` // mode of the agent's profile: enforce | complain; empty: none
	Denials  int       `json:"denials,omitempty"`  // of the agent's processes, in the audit or kernel log
	Last     time.Time `json:"last,omitzero"`
	What     string    `json:"what,omitempty"` // of the last: "avc: write to file", typed words only
}
