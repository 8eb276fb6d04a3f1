package fact

import (
	"net/netip"
	"time"
)

// AgentLog is what the agent's own log says, reduced to known stems: a line
// that no stem matches is only counted. Everything is of this instance and
// since the agent's last start, unless Event.Old says otherwise.
//
// No errors in the log is no evidence of health: after three tries the agent
// writes repeated credential errors at DEBUG only (agent source,
// core/app/credentialrefresher, since 3.2.1630.0).
type AgentLog struct {
	Outcome            // of reading amazon-ssm-agent.log, or the journal in its place
	Files   []LogFile  `json:"files,omitempty"`
	Start   time.Time  `json:"agent_start,omitzero"` // last start line; zero: none in what was read
	Starts  int        `json:"starts,omitempty"`     // start lines in what was read
	Version string     `json:"version,omitempty"`    // that the start line names
	NodeID  string     `json:"node_id,omitempty"`    // that the lines name: i-… or mi-…
	Last    time.Time  `json:"last,omitzero"`        // time of the last line of any kind
	Lines   int        `json:"lines,omitempty"`      // since Start
	Events  []LogEvent `json:"events,omitempty"`     // by first time, at most 64
	Zone    Duration   `json:"zone_ms,omitempty"`    // offset of local time from UTC that the times were read with
}

// LogFile is one source that was read.
type LogFile struct {
	Outcome
	Path  string    `json:"path"`           // or "journal"
	Bytes int64     `json:"bytes"`          // of the file
	Read  int64     `json:"read"`           // its end, at most 4 MB
	From  time.Time `json:"from,omitzero"`  // first line read that has a time
	Until time.Time `json:"until,omitzero"` // last one
	Lines int       `json:"lines,omitempty"`
	Odd   int       `json:"odd,omitempty"` // lines that are not the agent's form: too long, binary
}

// LogStem names a message of the agent. The words are ours; the texts behind
// them are in probe/agentlog.
type LogStem string

// Stems (ssm-agent.md part 5, field guide C.9).
const (
	LogIdentityEC2    LogStem = "identity_ec2"    // takes its identity from EC2
	LogIdentityOnPrem LogStem = "identity_onprem" // … from a hybrid activation
	LogNoIdentity     LogStem = "no_identity"     // no identity could be assumed; the process exits
	LogIMDSToken      LogStem = "imds_token"      // no IMDSv2 token
	LogConfig         LogStem = "config"          // the config file could not be loaded
	LogRegister       LogStem = "register"        // RegisterManagedInstance failed
	LogRegistered     LogStem = "registered"      // already registered
	LogProfileRole    LogStem = "profile_role"    // no connection with the instance profile's credentials
	LogManagedRole    LogStem = "managed_role"    // no connection with Default Host Management's credentials
	LogSkipFallback   LogStem = "skip_fallback"   // the fallback to Default Host Management was skipped
	LogNotRegistered  LogStem = "not_registered"  // the fallback is impossible: not registered yet
	LogIdentityRole   LogStem = "identity_role"   // the instance identity role could not be had
	LogSleep          LogStem = "sleep"           // sleeps before it asks for credentials again
	LogReady          LogStem = "ready"           // credentials are ready
	LogRotation       LogStem = "rotation"        // the next rotation of credentials
	LogHibernate      LogStem = "hibernate"       // the worker hibernates
	LogBackoff        LogStem = "backoff"         // the worker's health check backs off
	LogControlToken   LogStem = "control_token"   // CreateControlChannel failed
	LogDialWebsocket  LogStem = "dial_websocket"  // the websocket was not opened
	LogConnected      LogStem = "connected"       // the websocket was opened to an address
	LogChannel        LogStem = "channel"         // the channel's name: ssmmessages or ec2messages
	LogChannelLost    LogStem = "channel_lost"    // an established channel failed
	LogPollStopped    LogStem = "poll_stopped"    // ec2messages polling pauses for 15 minutes
	LogPollEnded      LogStem = "poll_ended"      // a long poll ended: normal
	LogAPICall        LogStem = "api_call"        // any call to AWS failed
	LogFingerprint    LogStem = "fingerprint"     // the machine's fingerprint differs
	LogNotExisting    LogStem = "not_existing"    // the managed node does not exist any more
	LogVault          LogStem = "vault"           // the vault cannot be loaded
	LogNoSpace        LogStem = "no_space"        // no space left on device
	LogReadOnly       LogStem = "read_only"       // read-only file system
	LogNoPermission   LogStem = "no_permission"   // permission denied on a file of the agent
	LogNoPlugin       LogStem = "no_plugin"       // a plugin is not found
	LogProxyTLS       LogStem = "proxy_tls"       // the proxy does not speak TLS
	LogProxyVariables LogStem = "proxy_variables" // the proxy variables at start
	LogDataKey        LogStem = "data_key"        // the session's KMS key
	LogSessionS3      LogStem = "session_s3"      // the session's S3 bucket
	LogSessionLogs    LogStem = "session_logs"    // the session's log group
	LogRunAs          LogStem = "run_as"          // the RunAs user
	LogUpdate         LogStem = "update"          // an update of the agent failed
	LogUpload         LogStem = "upload"          // output was not uploaded to S3
	LogWorkerExit     LogStem = "worker_exit"     // the worker process ended
	LogWorkerStart    LogStem = "worker_start"    // the worker process was started
	LogHealthPing     LogStem = "health_ping"     // the health ping failed
	LogSharedFile     LogStem = "shared_file"     // the shared credentials file could not be used or written
)

// LogReason is the innermost reason that a line gives.
type LogReason string

// Reasons.
const (
	ReasonDialTimeout   LogReason = "dial_timeout"   // dial tcp A:443: i/o timeout; Addr is set
	ReasonRefused       LogReason = "refused"        // connection refused; Addr is set
	ReasonReset         LogReason = "reset"          // connection reset by peer
	ReasonUnreachable   LogReason = "unreachable"    // no route, network unreachable
	ReasonNoSuchHost    LogReason = "no_such_host"   // lookup H on S: no such host; Host and Server are set
	ReasonDNSTimeout    LogReason = "dns_timeout"    // lookup H: i/o timeout
	ReasonDNSServer     LogReason = "dns_server"     // lookup H: server misbehaving
	ReasonUnknownCA     LogReason = "unknown_ca"     // x509: unknown authority
	ReasonCertName      LogReason = "cert_name"      // x509: valid for X, not Y
	ReasonCertTime      LogReason = "cert_time"      // x509: expired or not yet valid
	ReasonTLSTimeout    LogReason = "tls_timeout"    // TLS handshake timeout
	ReasonNotTLS        LogReason = "not_tls"        // first record does not look like TLS
	ReasonTimeout       LogReason = "timeout"        // deadline exceeded without an address
	ReasonHTTPStatus    LogReason = "http_status"    // a bad handshake; Status is set
	ReasonDenied        LogReason = "denied"         // AccessDenied…; Denial is set when the text names the layer
	ReasonNoRole        LogReason = "no_role"        // EC2RoleRequestError: no role, or an error of IMDS
	ReasonAssumeRole    LogReason = "assume_role"    // AssumeRoleUnauthorizedAccess
	ReasonSignatureOld  LogReason = "signature_old"  // Signature expired: our clock is behind
	ReasonSignatureNew  LogReason = "signature_new"  // Signature not yet current: our clock is ahead
	ReasonExpiredToken  LogReason = "expired_token"  // ExpiredToken
	ReasonBadToken      LogReason = "bad_token"      // UnrecognizedClient, InvalidClientTokenId
	ReasonNotConfigured LogReason = "not_configured" // Default Host Management is not configured for the account
	ReasonThrottled     LogReason = "throttled"      // Throttling, RequestLimitExceeded
	ReasonProxyStatus   LogReason = "proxy_status"   // the proxy answered CONNECT with Status
	ReasonProxyConnect  LogReason = "proxy_connect"  // proxyconnect tcp: the proxy could not be reached
	ReasonAbnormalClose LogReason = "abnormal_close" // websocket: close 1006
	ReasonForbidden     LogReason = "forbidden"      // IMDS 403
	ReasonNoSpace       LogReason = "no_space"       // no space left on device
	ReasonNotFound      LogReason = "not_found"      // a bucket, key, log group, user or document does not exist
	ReasonUnencrypted   LogReason = "unencrypted"    // the bucket or log group is not encrypted as demanded
	ReasonOther         LogReason = "other"          // none of these
)

// LogEvent is one stem with one reason: all lines of it put together.
type LogEvent struct {
	Stem   LogStem     `json:"stem"`
	Reason LogReason   `json:"reason,omitempty"`
	Source string      `json:"source"`          // base name of the file, or "journal"
	Level  string      `json:"level,omitempty"` // ERROR | WARN | INFO …, of the last line
	Count  int         `json:"count"`
	First  time.Time   `json:"first,omitzero"` // UTC
	Last   time.Time   `json:"last,omitzero"`
	Times  []time.Time `json:"times,omitempty"` // the last 8, for spacing
	Old    bool        `json:"old,omitempty"`   // before the agent's last start, or of another instance: history only

	// What the last line says, each only when it is there and well-formed.
	Host      string         `json:"host,omitempty"`      // that was looked up or called
	Server    netip.AddrPort `json:"server,omitzero"`     // DNS server that the text blames
	Addr      netip.AddrPort `json:"addr,omitzero"`       // dialled or connected
	Operation string         `json:"operation,omitempty"` // "UpdateInstanceInformation"
	Code      string         `json:"code,omitempty"`      // of AWS: "AccessDeniedException"
	Status    int            `json:"status,omitempty"`    // of HTTP
	Denial    *Denial        `json:"denial,omitempty"`
	Channel   string         `json:"channel,omitempty"` // ssmmessages | ec2messages
	Node      string         `json:"node,omitempty"`    // i-… or mi-…
	Wait      Duration       `json:"wait_ms,omitzero"`  // that the line announces: sleep, back-off, rotation
}

// Key names the event: "log:control_token/dial_timeout".
func (e LogEvent) Key() string {
	k := "log:" + string(e.Stem)
	if e.Reason != "" {
		k += "/" + string(e.Reason)
	}
	return k
}
