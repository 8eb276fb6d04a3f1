package world

import (
	"encoding/json"
	"strings"
)

// Policy is a policy document in JSON; empty: none, which has the meaning that
// stands at the field. probetest.ParsePolicy says what is understood; anything
// else stops the lab.
type Policy string

// IAM is what the account and its organisation allow. The zero value is
// healthy: the role has AmazonSSMManagedInstanceCore, nothing else restricts it,
// Default Host Management is on only where the agent uses it.
type IAM struct {
	Role     []Policy // of the instance profile's role; nil: ManagedInstanceCore
	Managed  []Policy // of Default Host Management's role; nil: off, unless the agent's record says SSM: ManagedInstanceDefault
	Boundary Policy   // of the instance profile's role; empty: none
	Session  Policy   // of its session; empty: none
	SCPs     []Policy // service control policies; nil: none
	RCPs     []Policy // resource control policies; nil: none

	// Others are policies of another role, whose keys lie in root's credentials
	// file; the agent uses them. nil: there are none.
	Others []Policy

	OptedOut bool     // the account did not enable the Region
	Throttle []string // "ssm:*", "kms:DescribeKey": answered with ThrottlingException
	Terse    []string // denials of such actions do not name the layer
}

// Managed role and hybrid role, as they are called by default, and the one of
// somebody else.
const (
	ManagedRole = "AWSSystemsManagerDefaultEC2InstanceManagementRole"
	HybridRole  = "SSMServiceRole"
	OthersRole  = "deploy"
)

// Policies of healthy roles, by name. The documents are probetest's.
const (
	ManagedInstanceCore    Policy = "AmazonSSMManagedInstanceCore"
	ManagedInstanceDefault Policy = "AmazonSSMManagedEC2InstanceDefaultPolicy"
	MinimalInstance        Policy = "minimal"  // ssm:UpdateInstanceInformation and the four channel actions
	Delivery               Policy = "delivery" // what vpcdoctor needs to deliver reports to CloudWatch Logs
	NoPermissions          Policy = `{"Version":"2012-10-17","Statement":[]}`
)

// Allow is a policy that allows actions on everything, to everybody.
func Allow(actions ...string) Policy { return Statements(Statement{Effect: "Allow", Action: actions}) }

// Deny is a policy that denies actions on everything and allows the rest.
func Deny(actions ...string) Policy {
	return Statements(Statement{Effect: "Allow", Action: []string{"*"}}, Statement{Effect: "Deny", Action: actions})
}

// Statement is one of a policy. Resource and Principal default to "*"; roles'
// policies ignore the latter.
type Statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Principal []string                       // ARNs
	Condition map[string]map[string][]string // operator → key → values
}

// Statements is a policy of statements.
func Statements(ss ...Statement) Policy {
	out := make([]map[string]any, len(ss))
	for i, s := range ss {
		m := map[string]any{"Effect": s.Effect, "Action": s.Action, "Resource": s.Resource, "Principal": "*"}
		if len(s.Resource) == 0 {
			m["Resource"] = "*"
		}
		if len(s.Principal) > 0 {
			m["Principal"] = map[string]any{"AWS": s.Principal}
		}
		if len(s.Condition) > 0 {
			m["Condition"] = s.Condition
		}
		out[i] = m
	}
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": out})
	if err != nil {
		panic(err) // strings always marshal
	}
	return Policy(b)
}

// OnlyFrom is a role's policy that allows everything and denies it again to
// requests whose condition key has another value or none: a perimeter of
// aws:SourceVpc or aws:SourceVpce.
func OnlyFrom(key string, values ...string) Policy {
	return Statements(Statement{Effect: "Allow", Action: []string{"*"}},
		Statement{Effect: "Deny", Action: []string{"*"}, Condition: map[string]map[string][]string{"StringNotEquals": {key: values}}})
}

// Account's resources.
type (
	// Bucket is an S3 bucket.
	Bucket struct {
		Name    string
		Region  string // empty: the world's
		Account string // of the owner; empty: the world's
		SSE     string // AES256 | aws:kms | none (as before 2023); empty: AES256
		KMSKey  string // with aws:kms
		Policy  Policy // empty: none
	}
	// Key is a KMS key.
	Key struct {
		ID      string   // a UUID
		Region  string   // empty: the world's
		Account string   // of the owner; empty: the world's
		Aliases []string // "alias/session"
		State   string   // empty: Enabled
		Policy  Policy   // empty: the role's policies decide
	}
	// LogGroup is a CloudWatch log group.
	LogGroup struct {
		Name    string
		KMSKey  string   // ARN; empty: not encrypted with a key of the account
		Streams []string // that exist already
	}
	// CallFault are calls that fail although they are allowed: see
	// probetest.APIFault.
	CallFault struct {
		Action string // "logs:PutLogEvents"
		Mode   string // "throttle", "5xx", "truncated", "endless", "silent", "reset", "page"
		Times  int    // how many; 0: all
	}
)

// ReportGroup is the log group for reports of vpcdoctor. Every account has it
// unless Resources.NoReportGroup says otherwise.
const ReportGroup = "/vpcdoctor"

// Resources are what sessions and commands use in the account.
type Resources struct {
	// Preferences is the content of the document SSM-SessionManagerRunShell, as
	// JSON; empty: the document does not exist.
	Preferences string
	Documents   map[string]string // further ones, content by name
	Buckets     []Bucket
	Keys        []Key
	LogGroups   []LogGroup

	NoReportGroup bool // nobody has made ReportGroup
	Faults        []CallFault
}

// Preferences is the content of a session preferences document with inputs,
// such as "s3BucketName". Every input that is not given has its default, as the
// console writes them (Systems Manager User Guide, "Session document schema",
// read 2026-11).
func Preferences(inputs map[string]any) string {
	all := map[string]any{
		"s3BucketName": "", "s3KeyPrefix": "", "s3EncryptionEnabled": true, "cloudWatchLogGroupName": "",
		"cloudWatchEncryptionEnabled": true, "cloudWatchStreamingEnabled": true, "idleSessionTimeout": "20",
		"maxSessionDuration": "", "kmsKeyId": "", "runAsEnabled": false, "runAsDefaultUser": "",
		"shellProfile": map[string]string{"windows": "", "linux": ""},
	}
	for k, v := range inputs {
		all[k] = v
	}
	b, err := json.Marshal(map[string]any{
		"schemaVersion": "1.0", "description": "Document to hold regional settings for Session Manager", "sessionType": "Standard_Stream", "inputs": all,
	})
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	return string(b)
}

// KeyARN is the ARN of a key.
func (w *World) KeyARN(k Key) string {
	region, account := k.Region, k.Account
	if region == "" {
		region = w.Region
	}
	if account == "" {
		account = w.Account
	}
	return strings.Join([]string{"arn", w.Partition, "kms", region, account, "key/" + k.ID}, ":")
}

// RoleARN is the ARN of a role of the account.
func (w *World) RoleARN(name string) string {
	return "arn:" + w.Partition + ":iam::" + w.Account + ":role/" + name
}
