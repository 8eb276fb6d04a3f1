package fact

// Rehearsal is `check --rehearse`: what the session preferences make the agent
// call when a session starts, and how each of these calls went.
type Rehearsal struct {
	Outcome                 // NotRun: not asked for
	Preferences Preferences `json:"preferences,omitzero"`
	Steps       []Step      `json:"steps,omitempty"`
}

// Preferences are those of the document SSM-SessionManagerRunShell, as far as
// they decide what the agent calls (Systems Manager User Guide, "Session
// document schema", read 2026-11).
type Preferences struct {
	Outcome          // NotRun: not permitted or no path
	Source    string `json:"source,omitempty"` // document | flags | defaults (the document does not exist)
	Document  string `json:"document,omitempty"`
	Bucket    string `json:"s3_bucket,omitempty"`
	Prefix    string `json:"s3_prefix,omitempty"`
	BucketEnc bool   `json:"s3_encryption,omitempty"` // the bucket must be encrypted
	LogGroup  string `json:"log_group,omitempty"`
	LogEnc    bool   `json:"log_encryption,omitempty"`
	Stream    bool   `json:"log_streaming,omitempty"`
	KMSKey    string `json:"kms_key,omitempty"` // id, alias or ARN
	RunAs     bool   `json:"run_as,omitempty"`
	RunAsUser string `json:"run_as_user,omitempty"`
	IdleMin   int    `json:"idle_minutes,omitempty"`
	MaxMin    int    `json:"max_minutes,omitempty"`
	Shell     bool   `json:"shell_profile,omitempty"` // a profile of Linux shells is set; its text is not kept
}

// What a step of the rehearsal stands for.
const (
	StepKMS       = "kms"        // data key of an encrypted session
	StepS3        = "s3"         // session log in a bucket
	StepLogs      = "logs"       // session log in CloudWatch
	StepRunAs     = "run_as"     // the OS user of the session
	StepOutputS3  = "output_s3"  // output of Run Command in a bucket
	StepOutputLog = "output_log" // output of Run Command in CloudWatch
	StepPatch     = "patch"      // buckets of Patch Manager
)

// Step is one thing that the preferences make the agent do. Its network half
// is in the targets, dials and handshakes of Host; its permission half in
// Signed.Calls. Its own Outcome tells what neither shows: Failed with class
// NotFound for a user or log group that does not exist, with class Invalid for
// a key that is not enabled; NotRun where there is nothing more to say.
type Step struct {
	Outcome
	Kind      string `json:"kind"`
	Resource  string `json:"resource,omitempty"`  // bucket, key, log group or user
	Region    string `json:"region,omitempty"`    // of the resource, when its ARN or an answer tells
	Host      string `json:"host,omitempty"`      // that the agent calls for it
	Call      string `json:"call,omitempty"`      // key of the fact.Call
	Encrypted string `json:"encrypted,omitempty"` // yes | no | empty: not known
}
