package scenario

import (
	"slices"

	"vpcdoctor/cmd/vpclab/world"
)

// sessionScenarios are what the preferences of sessions, the output of
// commands and patching make the agent call, rehearsed.
func sessionScenarios() []Scenario {
	all := slices.Concat(sessionPreferences(), sessionKeys(), sessionBuckets(), sessionLogs(), sessionUsers(), commandOutput(), patchBuckets())
	for i := range all {
		all[i].Args = append([]string{"--rehearse"}, all[i].Args...)
	}
	return all
}

// Names of what the preferences name.
const (
	sessionKey    = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	sessionBucket = "example-session-logs"
	sessionGroup  = "/ssm/sessions"
	outputBucket  = "example-command-output"
	outputGroup   = "/ssm/commands"
)

// sessionPolicy is what a role needs beyond AmazonSSMManagedInstanceCore for
// sessions with a key, a bucket and a log group (Systems Manager User Guide,
// "Adding Session Manager permissions to an existing IAM role", read 2026-11),
// and to describe the key.
var sessionPolicy = []string{"kms:Decrypt", "kms:DescribeKey", "s3:PutObject", "s3:GetEncryptionConfiguration", "s3:ListBucket",
	"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"}

// prefer sets the preferences, and a role that may all they ask for but some
// actions.
func prefer(w *world.World, inputs map[string]any, but ...string) {
	w.Resources.Preferences = world.Preferences(inputs)
	may := slices.DeleteFunc(slices.Clone(sessionPolicy), func(a string) bool { return slices.Contains(but, a) })
	w.IAM.Role = []world.Policy{world.ManagedInstanceCore, world.Allow(may...)}
}

// inputs of the preferences.
type inputs = map[string]any

func sessionPreferences() []Scenario {
	return []Scenario{{
		Name: "session-defaults", Kind: Healthy, Want: noFault, NearOf: "session-preferences-denied",
		Story: "nobody ever changed the session preferences: the document does not exist",
	}, {
		Name: "session-preferences-denied", Kind: Healthy, Want: noFault.with("IA-02"), NearOf: "session-defaults",
		Story: "the role may not read the session preferences",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.MinimalInstance)
			w.Resources.Preferences = world.Preferences(inputs{"cloudWatchLogGroupName": sessionGroup})
			dropEndpoints(w, "logs") // which nobody learns
		},
	}, {
		Name: "session-preferences-given", Kind: Fault, Args: []string{"--session-log-group", sessionGroup}, Want: degraded("SM-05", "DN-02").with("SM-05"), NearOf: "session-preferences-denied",
		Story: "the role may not read the session preferences, the operator names the log group, and logs has no endpoint",
		Change: func(w *world.World, _ *Seed) {
			w.IAM.Role = only(world.MinimalInstance)
			dropEndpoints(w, "logs")
		},
	}}
}

func sessionKeys() []Scenario {
	// Each has the key in the preferences by its ARN.
	with := func(k world.Key, but ...string) func(*world.World) {
		return func(w *world.World) {
			prefer(w, inputs{"kmsKeyId": w.KeyARN(k)}, but...)
			w.Resources.Keys = []world.Key{k}
		}
	}
	key := world.Key{ID: sessionKey}
	return []Scenario{{
		Name: "session-key", Kind: Healthy, Want: noFault.never("SM-02", "SM-03"), NearOf: "session-key-unreachable",
		Story:  "sessions are encrypted with a key of this account and Region",
		Change: func(w *world.World, _ *Seed) { with(key)(w) },
	}, {
		Name: "session-key-unreachable", Kind: Fault, Want: broken("SM-02", "DN-02").with("SM-02"), NearOf: "session-key",
		Story:  "sessions are encrypted, and kms has no endpoint",
		Change: func(w *world.World, _ *Seed) { with(key)(w); dropEndpoints(w, "kms") },
	}, {
		Name: "session-key-closed", Kind: Fault, Want: broken("SG-02", "SM-02").with("SM-02"), NearOf: "session-key",
		Story: "sessions are encrypted, and the security group of the endpoint for kms does not admit the instance",
		Change: func(w *world.World, s *Seed) {
			with(key)(w)
			w.VPC.Endpoint("kms").Groups = []string{defaultGroup(w, s)}
		},
	}, {
		Name: "session-key-undescribed", Kind: Healthy, Want: noFault.with("SM-03"), NearOf: "session-key",
		Story:  "sessions are encrypted, and the role may use the key without describing it",
		Change: func(w *world.World, _ *Seed) { with(key, "kms:DescribeKey")(w) },
	}, {
		Name: "session-key-endpoint-policy", Kind: Healthy, Want: noFault.with("SM-03"), NearOf: "session-key",
		Story: "sessions are encrypted, and the policy of the endpoint for kms admits kms:Decrypt alone",
		Change: func(w *world.World, _ *Seed) {
			with(key)(w)
			w.VPC.Endpoint("kms").Policy = world.Allow("kms:Decrypt")
		},
	}, {
		Name: "session-key-elsewhere", Kind: Fault, Want: broken("SM-12"), NearOf: "session-key",
		Story:  "sessions are encrypted with a key of another Region",
		Change: func(w *world.World, _ *Seed) { with(world.Key{ID: sessionKey, Region: siblingRegion(w.Region)})(w) },
	}, {
		Name: "session-key-deleted", Kind: Fault, Want: broken("SM-03"), NearOf: "session-key",
		Story:  "sessions are encrypted with a key that does not exist any more",
		Change: func(w *world.World, _ *Seed) { with(key)(w); w.Resources.Keys = nil },
	}, {
		Name: "session-key-disabled", Kind: Fault, Want: broken("SM-03"), NearOf: "session-key",
		Story:  "sessions are encrypted with a key that is disabled",
		Change: func(w *world.World, _ *Seed) { with(world.Key{ID: sessionKey, State: "Disabled"})(w) },
	}}
}

func sessionBuckets() []Scenario {
	prefs := inputs{"s3BucketName": sessionBucket}
	bucket := func(w *world.World, b world.Bucket) {
		b.Name = sessionBucket
		w.Resources.Buckets = []world.Bucket{b}
	}
	return []Scenario{{
		Name: "session-bucket", Kind: Healthy, Want: noFault.never("SM-04"), NearOf: "session-bucket-unreachable",
		Story:  "sessions are logged to an encrypted bucket, by the gateway endpoint",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs); bucket(w, world.Bucket{}) },
	}, {
		Name: "session-bucket-unreachable", Kind: Fault, Want: broken("SM-04", "GW-01").with("SM-04"), NearOf: "session-bucket",
		Story:  "sessions are logged to a bucket, and the subnet's routes do not lead to the gateway endpoint",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs); bucket(w, world.Bucket{}); dropGatewayRoute(w) },
	}, {
		Name: "session-bucket-plain", Kind: Fault, Want: broken("SM-04"), NearOf: "session-bucket-plain-allowed",
		Story:  "sessions are logged to a bucket that must be encrypted and is not",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs); bucket(w, world.Bucket{SSE: "none"}) },
	}, {
		Name: "session-bucket-plain-allowed", Kind: Healthy, Want: noFault.never("SM-04"), NearOf: "session-bucket-plain",
		Story: "sessions are logged to a bucket that is not encrypted, and need not be",
		Change: func(w *world.World, _ *Seed) {
			prefer(w, inputs{"s3BucketName": sessionBucket, "s3EncryptionEnabled": false})
			bucket(w, world.Bucket{SSE: "none"})
		},
	}, {
		Name: "session-bucket-undescribed", Kind: Fault, Want: broken("SM-04"), NearOf: "session-bucket",
		Story: "sessions are logged to an encrypted bucket, and the role may not ask whether it is",
		Change: func(w *world.World, _ *Seed) {
			prefer(w, prefs, "s3:GetEncryptionConfiguration")
			bucket(w, world.Bucket{})
		},
	}, {
		Name: "session-bucket-endpoint-policy", Kind: Fault, Want: broken("SM-04"), NearOf: "session-bucket",
		Story: "sessions are logged to an encrypted bucket, which the policy of the gateway endpoint leaves out",
		Change: func(w *world.World, _ *Seed) {
			prefer(w, prefs)
			bucket(w, world.Bucket{})
			w.VPC.Endpoint("s3").Policy = world.Statements(world.Statement{Effect: "Allow", Action: []string{"s3:*"},
				Resource: []string{"arn:" + w.Partition + ":s3:::other-bucket*"}})
		},
	}, {
		Name: "session-bucket-elsewhere", Kind: Fault, Want: broken("SM-12"), NearOf: "session-bucket",
		Story: "sessions are logged to a bucket of another Region",
		Change: func(w *world.World, _ *Seed) {
			prefer(w, prefs)
			bucket(w, world.Bucket{Region: siblingRegion(w.Region)})
		},
	}, {
		Name: "session-bucket-deleted", Kind: Fault, Want: broken("SM-04"), NearOf: "session-bucket",
		Story:  "sessions are logged to a bucket that does not exist",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs) },
	}}
}

func sessionLogs() []Scenario {
	prefs := inputs{"cloudWatchLogGroupName": sessionGroup, "cloudWatchEncryptionEnabled": false}
	demands := inputs{"cloudWatchLogGroupName": sessionGroup}
	group := func(w *world.World, encrypted bool) {
		g := world.LogGroup{Name: sessionGroup}
		if encrypted {
			g.KMSKey = w.KeyARN(world.Key{ID: sessionKey})
		}
		w.Resources.LogGroups = []world.LogGroup{g}
	}
	return []Scenario{{
		Name: "session-logs", Kind: Healthy, Want: noFault.never("SM-05", "SM-06"), NearOf: "session-logs-unreachable",
		Story:  "sessions are logged to an encrypted log group",
		Change: func(w *world.World, _ *Seed) { prefer(w, demands); group(w, true) },
	}, {
		Name: "session-logs-unreachable", Kind: Fault, Want: degraded("SM-05", "DN-02").with("SM-05"), NearOf: "session-logs",
		Story:  "sessions are logged to a log group, and logs has no endpoint: a blank prompt for minutes",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs); group(w, false); dropEndpoints(w, "logs") },
	}, {
		Name: "session-logs-demanded-unreachable", Kind: Fault, Want: broken("SM-05", "DN-02").with("SM-05"), NearOf: "session-logs-unreachable",
		Story:  "sessions are logged to a log group that must be encrypted, and logs has no endpoint",
		Change: func(w *world.World, _ *Seed) { prefer(w, demands); group(w, true); dropEndpoints(w, "logs") },
	}, {
		Name: "session-logs-plain", Kind: Fault, Want: broken("SM-06"), NearOf: "session-logs-plain-allowed",
		Story:  "sessions are logged to a log group that must be encrypted and is not",
		Change: func(w *world.World, _ *Seed) { prefer(w, demands); group(w, false) },
	}, {
		Name: "session-logs-plain-allowed", Kind: Healthy, Want: noFault.never("SM-06"), NearOf: "session-logs-plain",
		Story:  "sessions are logged to a log group that is not encrypted, and need not be",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs); group(w, false) },
	}, {
		Name: "session-logs-deleted", Kind: Fault, Want: degraded("SM-06"), NearOf: "session-logs-plain-allowed",
		Story:  "sessions are logged to a log group that does not exist",
		Change: func(w *world.World, _ *Seed) { prefer(w, prefs) },
	}, {
		Name: "session-logs-undescribed", Kind: Fault, Want: broken("SM-06"), NearOf: "session-logs",
		Story:  "sessions are logged to a log group that must be encrypted, and the role may not look whether it is",
		Change: func(w *world.World, _ *Seed) { prefer(w, demands, "logs:DescribeLogGroups"); group(w, true) },
	}}
}

func sessionUsers() []Scenario {
	as := func(user string) func(*world.World, *Seed) {
		return func(w *world.World, _ *Seed) { prefer(w, inputs{"runAsEnabled": true, "runAsDefaultUser": user}) }
	}
	return []Scenario{{
		Name: "session-user", Kind: Healthy, Want: noFault.never("SM-08"), NearOf: "session-user-missing",
		Story: "sessions run as a user of this host", Change: as("nobody"),
	}, {
		Name: "session-user-missing", Kind: Fault, Want: broken("SM-08"), NearOf: "session-user",
		Story: "sessions run as a user that this host does not have", Change: as("ops-admin"),
	}}
}

func commandOutput() []Scenario {
	toBucket, toGroup := []string{"--output-bucket", outputBucket}, []string{"--output-log-group", outputGroup}
	made := func(w *world.World) {
		prefer(w, nil)
		w.Resources.Buckets = []world.Bucket{{Name: outputBucket}}
		w.Resources.LogGroups = []world.LogGroup{{Name: outputGroup}}
	}
	return []Scenario{{
		Name: "output-bucket", Kind: Healthy, Want: noFault.never("RC-01"), Args: toBucket, NearOf: "output-bucket-unreachable",
		Story:  "commands put their output into a bucket",
		Change: func(w *world.World, _ *Seed) { made(w) },
	}, {
		Name: "output-bucket-unreachable", Kind: Fault, Want: degraded("RC-01", "GW-01").with("RC-01"), Args: toBucket, NearOf: "output-bucket",
		Story:  "commands put their output into a bucket, and the subnet's routes do not lead to the gateway endpoint",
		Change: func(w *world.World, _ *Seed) { made(w); dropGatewayRoute(w) },
	}, {
		Name: "output-bucket-deleted", Kind: Fault, Want: degraded("RC-01"), Args: toBucket, NearOf: "output-bucket",
		Story:  "commands put their output into a bucket that does not exist",
		Change: func(w *world.World, _ *Seed) { made(w); w.Resources.Buckets = nil },
	}, {
		Name: "output-logs", Kind: Healthy, Want: noFault.never("RC-01"), Args: toGroup, NearOf: "output-logs-unreachable",
		Story:  "commands put their output into a log group",
		Change: func(w *world.World, _ *Seed) { made(w) },
	}, {
		Name: "output-logs-unreachable", Kind: Fault, Want: degraded("RC-01", "DN-02").with("RC-01"), Args: toGroup, NearOf: "output-logs",
		Story:  "commands put their output into a log group, and logs has no endpoint",
		Change: func(w *world.World, _ *Seed) { made(w); dropEndpoints(w, "logs") },
	}}
}

func patchBuckets() []Scenario {
	const region = "eu-west-1" // where public objects of these buckets are known
	args := []string{"--profile", "session-manager,patch-manager"}
	return []Scenario{{
		Name: "patch-buckets", Kind: Healthy, Region: region, Want: noFault.never("RC-03"), Args: args, NearOf: "patch-buckets-denied",
		Story: "the instance is patched, and the gateway endpoint lets all buckets through",
	}, {
		Name: "patch-buckets-unreachable", Kind: Fault, Region: region, Want: broken("GW-01").with("RC-03"), Args: args, NearOf: "patch-buckets",
		Story:  "the instance is patched, and the subnet's routes do not lead to the gateway endpoint",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w) },
	}, {
		// No object of the buckets of patching themselves is known that anybody
		// may ask for; others of AWS stand for them.
		Name: "patch-buckets-denied", Kind: Fault, Region: region, Want: degraded("GW-05").never("RC-03"), Args: args, NearOf: "patch-buckets",
		Story:  "the instance is patched, and the policy of the gateway endpoint leaves out the buckets of AWS",
		Change: func(w *world.World, _ *Seed) { w.VPC.Endpoint("s3").Denies = []string{"*"} },
	}}
}
