package agentlog

import (
	"bytes"
	"strings"

	"vpcdoctor/probe/fact"
)

// stem is one text of the agent's source and what we call it.
type stem struct {
	text   string
	also   string // must follow text, when set
	tag    string // must stand in the tags before the message, when set
	stem   fact.LogStem
	errors bool // the line gives a reason; else it is no failure
}

// said are messages that the agent writes at any level. They open the message,
// so that nothing that it quotes is taken for one.
var said = []stem{
	{text: "Agent will take identity from EC2", stem: fact.LogIdentityEC2},
	{text: "Agent will take identity from OnPrem", stem: fact.LogIdentityOnPrem},
	{text: "Sleeping for ", also: " before retrying retrieve credentials", stem: fact.LogSleep},
	{text: "Credentials ready", stem: fact.LogReady},
	{text: "Next credential rotation will be in ", stem: fact.LogRotation},
	{text: "Entering SSM Agent hibernate", stem: fact.LogHibernate, errors: true},
	{text: "Entering SSM Agent Worker hibernate", stem: fact.LogHibernate, errors: true},
	{text: "Agent is in hibernate mode", stem: fact.LogHibernate},
	{text: "Backing off health check to every ", stem: fact.LogBackoff},
	{text: "Successfully opened websocket connection to: ", stem: fact.LogConnected},
	{text: "SSM Connection channel status is set to ", stem: fact.LogChannel},
	{text: "Worker ssm-agent-worker is not running", stem: fact.LogWorkerExit},
	{text: "Worker ssm-agent-worker (pid:", also: "started", stem: fact.LogWorkerStart},
	{text: "https_proxy: ", stem: fact.LogProxyVariables},
	{text: "http_proxy: ", stem: fact.LogProxyVariables},
	{text: "Server terminated MDS long poll connection", stem: fact.LogPollEnded},
	{text: "Client terminated MDS long poll connection", stem: fact.LogPollEnded},
}

// failed are messages of the levels WARN and above. One error often quotes
// another, so they may stand anywhere in the message, and the most telling
// one comes first.
var failed = []stem{
	{text: "proxyconnect tcp: tls: first record does not look like a TLS handshake", stem: fact.LogProxyTLS, errors: true},
	{text: "MachineFingerprintDoesNotMatch", stem: fact.LogFingerprint},
	{text: "Not existing InstanceId", stem: fact.LogNotExisting},
	{text: "ppear", also: "already be registered", stem: fact.LogRegistered},
	{text: "Agent failed to assume any identity", stem: fact.LogNoIdentity},
	{text: "Error occurred when starting amazon-ssm-agent: failed to get identity", stem: fact.LogNoIdentity},
	{text: "failed to get IMDSv2 token", stem: fact.LogIMDSToken, errors: true},
	{text: "Failed to get instance info from IMDS", stem: fact.LogIMDSToken, errors: true},
	{text: "app config could not be loaded", stem: fact.LogConfig, errors: true},
	{text: "appconfig could not be loaded", stem: fact.LogConfig, errors: true},
	{text: "failed to register identity", stem: fact.LogRegister, errors: true},
	{text: "Registration failed due to", stem: fact.LogRegister, errors: true},
	{text: "Skipping default host management fallback", stem: fact.LogSkipFallback, errors: true},
	{text: "ec2 instance not yet registered with Systems Manager", stem: fact.LogNotRegistered},
	{text: "failed to retrieve instance identity role", stem: fact.LogIdentityRole, errors: true},
	{text: "failed to decode instance identity role", stem: fact.LogIdentityRole, errors: true},
	{text: "unable to build RSA signature", stem: fact.LogIdentityRole, errors: true},
	{text: "with instance profile role credentials", stem: fact.LogProfileRole, errors: true},
	{text: "failed to retrieve instance profile role credentials", stem: fact.LogProfileRole, errors: true},
	{text: "with SSM role credentials", stem: fact.LogManagedRole, errors: true},
	{text: "no valid credentials could be retrieved for ec2 identity", stem: fact.LogManagedRole, errors: true},
	{text: "error calling RequestManagedInstanceRoleToken", stem: fact.LogManagedRole, errors: true},
	{text: "CreateControlChannel failed with error", stem: fact.LogControlToken, errors: true},
	{text: "Failed to get controlchannel token", stem: fact.LogControlToken, errors: true},
	{text: "Failed to dial websocket", stem: fact.LogDialWebsocket, errors: true},
	{text: "I/O timeout. Error:", stem: fact.LogChannelLost, errors: true},
	{text: "Reach the retry limit", stem: fact.LogChannelLost, errors: true},
	{text: "failed to reconnect to the control channel", stem: fact.LogChannelLost, errors: true},
	{text: "MDSInteractor stopped temporarily", stem: fact.LogPollStopped},
	{text: "MessagingDeliveryService stopped temporarily", stem: fact.LogPollStopped},
	{text: "Health ping failed with error", stem: fact.LogHealthPing, errors: true},
	{text: "Fetching data key failed", stem: fact.LogDataKey, errors: true},
	{text: "Unable to retrieve data key", stem: fact.LogDataKey, errors: true},
	{text: "Error when decrypting data key", stem: fact.LogDataKey, errors: true},
	{text: "validate encryption on Amazon S3 bucket", stem: fact.LogSessionS3, errors: true},
	{text: "encryption is not set up on the selected Amazon S3 bucket", stem: fact.LogSessionS3, errors: true},
	{text: "Encountered an error while calling S3 API GetBucketEncryption", stem: fact.LogSessionS3, errors: true},
	{text: "HTTP HEAD request failed: url=", tag: "[ssm-session-worker]", stem: fact.LogSessionS3, errors: true},
	{text: "S3 bucket ", also: " is not encrypted", stem: fact.LogSessionS3, errors: true},
	{text: "validate encryption on CloudWatch Logs log group", stem: fact.LogSessionLogs, errors: true},
	{text: "encryption is not set up on the selected CloudWatch Logs log group", stem: fact.LogSessionLogs, errors: true},
	{text: "CloudWatch log group specified in session preferences", stem: fact.LogSessionLogs, errors: true},
	{text: "Failed to upload message to CloudWatch", stem: fact.LogSessionLogs, errors: true},
	{text: "failed to start pty since RunAs user", stem: fact.LogRunAs, errors: true},
	{text: "Plugin with name ", also: " not found", stem: fact.LogNoPlugin},
	{text: "Failed to write credentials to disk", stem: fact.LogSharedFile, errors: true},
	{text: "unable to load shared credentials", stem: fact.LogSharedFile, errors: true},
	{text: "path to shared credentials file", stem: fact.LogSharedFile, errors: true},
	{text: "ailed to update amazon-ssm-agent", stem: fact.LogUpdate, errors: true},
	{text: "update failed, no rollback needed", stem: fact.LogUpdate, errors: true},
	{text: "Failed to download manifest", stem: fact.LogUpdate, errors: true},
	{text: "failed to download file reliably", stem: fact.LogUpdate, errors: true},
	{text: "ailed uploading ", stem: fact.LogUpload, errors: true},
	{text: "Failed to upload ", stem: fact.LogUpload, errors: true},
	{text: "HTTP HEAD request failed: url=", stem: fact.LogUpload, errors: true}, // for the bucket's Region
	{text: "SSM Agent Worker crashed", stem: fact.LogWorkerExit, errors: true},
	{text: "failed to start worker ssm-agent-worker", stem: fact.LogWorkerExit, errors: true},
	{text: "ailed to load instance info from vault", stem: fact.LogVault, errors: true},
	{text: "failed to unmarshal vault manifest", stem: fact.LogVault, errors: true},
	{text: "failed to load vault from file system", stem: fact.LogVault, errors: true},
	{text: "Failed to unmarshal instance info", stem: fact.LogVault, errors: true},
	{text: "no space left on device", stem: fact.LogNoSpace, errors: true},
	{text: "read-only file system", stem: fact.LogReadOnly},
	{text: "/amazon/ssm", also: "permission denied", stem: fact.LogNoPermission},
	{text: "error when calling AWS APIs", stem: fact.LogAPICall, errors: true},
	{text: "Retrieve credentials produced error", stem: fact.LogAPICall, errors: true},
}

// byFirst is said by the first byte of the text.
var byFirst = func() (t [256][]*stem) {
	for i := range said {
		c := said[i].text[0]
		t[c] = append(t[c], &said[i])
	}
	return t
}()

// find finds the stem of a message, split into its tags and the rest, and the
// reason where it gives one; nil for a message that means nothing to us.
func find(tags, body []byte, level string) (*stem, fact.LogReason) {
	if len(body) == 0 {
		return nil, ""
	}
	for _, s := range byFirst[body[0]] {
		if len(body) < len(s.text) || string(body[:len(s.text)]) != s.text {
			continue
		}
		m := string(body)
		if strings.Contains(m[len(s.text):], s.also) {
			return s, s.why(m)
		}
	}
	if level != "WARN" && level != "ERROR" && level != "CRITICAL" {
		return nil, ""
	}
	m := string(body)
	for i := range failed {
		s := &failed[i]
		if at := strings.Index(m, s.text); at >= 0 && strings.Contains(m[at+len(s.text):], s.also) && bytes.Contains(tags, []byte(s.tag)) {
			return s, s.why(m)
		}
	}
	return nil, ""
}

// why is the reason that a message gives; empty for one that is no failure.
func (s *stem) why(m string) fact.LogReason {
	if !s.errors {
		return ""
	}
	return reason(m)
}
