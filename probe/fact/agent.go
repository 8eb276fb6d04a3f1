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
}

// AgentProc is a process of the agent. Core and worker are told apart by their
// executable; a core without a worker has no credentials yet (ssm-agent.md 4.1).
type AgentProc struct {
	PID   int       `json:"pid"`
	Role  string    `json:"role"` // core | worker
	Exe   string    `json:"exe,omitempty"`
	UID   int       `json:"uid"`
	Start time.Time `json:"start,omitzero"`
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
}
