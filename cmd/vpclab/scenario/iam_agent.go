package scenario

import (
	"fmt"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// Ends of AWS's messages by the layer that denies; ACTION stands for the action
// (IAM User Guide, "Troubleshoot access denied error messages", read 2026-11).
const (
	noIdentityPolicy = " because no identity-based policy allows the ACTION action"
	identityDeny     = " with an explicit deny in an identity-based policy"
	noEndpointPolicy = " because no VPC endpoint policy allows the ACTION action"
	endpointDeny     = " with an explicit deny in a VPC endpoint policy"
	noSCP            = " because no service control policy allows the ACTION action"
	scpDeny          = " with an explicit deny in a service control policy"
	rcpDeny          = " with an explicit deny in a resource control policy"
	noBoundary       = " because no permissions boundary allows the ACTION action"
	noSessionPolicy  = " because no session policy allows the ACTION action"
)

// The actions that the agent's start depends on.
const (
	updateInformation = "ssm:UpdateInstanceInformation"
	controlChannel    = "ssmmessages:CreateControlChannel"
	managedToken      = "ssm:RequestManagedInstanceRoleToken"
)

// refusal is AWS's message to a role of the instance, as the SDK of the agent
// writes it.
func refusal(w *world.World, role, action, tail string) string {
	service, _, _ := strings.Cut(action, ":")
	return fmt.Sprintf("AccessDeniedException: User: arn:%[1]s:sts::%[2]s:assumed-role/%[3]s/%[4]s is not authorized to perform: %[5]s on resource: arn:%[1]s:%[6]s:%[7]s:%[2]s:*%[8]s",
		w.Partition, w.Account, role, w.Instance.ID, action, service, w.Region, strings.ReplaceAll(tail, "ACTION", action)) + failedCall
}

// failedCall is how the SDK ends an error of AWS.
const failedCall = "\n\tstatus code: 400, request id: 00000000-0000-4000-8000-000000000002"

// tried is how long ago the agents of these stories started.
const tried = 12 * time.Minute

// agentSleeps is an agent that has no credentials, with what its log says.
func agentSleeps(w *world.World) *agentLog {
	a := &w.Host.Agent
	a.Running, a.Worker, a.Connected, a.Since = true, false, false, tried
	a.Identity = world.Identity{Never: true}
	return newAgentLog(w).begins(tried)
}

// agentRefused is an agent whose first call is denied to a role. Default Host
// Management is off.
func agentRefused(w *world.World, role, tail string) {
	l := agentSleeps(w)
	l.profileFails(refusal(w, role, updateInformation, tail))
	l.managedFails("AccessDeniedException: Systems Manager's instance management role is not configured for account: " + w.Account + failedCall)
	w.Host.Agent.Log = l.files()
}

// profileFails is what the core says of the instance profile's role.
func (l *agentLog) profileFails(why string) {
	l.at(tried, "WARN EC2RoleProvider Failed to connect to Systems Manager with instance profile role credentials. Err: retrieved credentials failed to report to ssm. Error: %s", why)
}

// managedFails is what it says of Default Host Management after that.
func (l *agentLog) managedFails(why string) {
	why = "error calling RequestManagedInstanceRoleToken: " + why
	l.at(tried, "ERROR EC2RoleProvider Failed to connect to Systems Manager with SSM role credentials. %s", why).
		at(tried, "ERROR "+refresher+"Retrieve credentials produced error: no valid credentials could be retrieved for ec2 identity. Default Host Management Err: %s", why).
		at(tried, "INFO "+refresher+"Sleeping for 28m42s before retrying retrieve credentials")
}

// agentSkips is an agent whose first call failed by something else than a
// denial: it does not try Default Host Management. It is in its second wait,
// of which the log says nothing any more.
func agentSkips(w *world.World, failure string) {
	l := agentSleeps(w)
	for _, ago := range []time.Duration{tried, tried - 5*time.Minute} {
		l.at(ago, "ERROR "+refresher+"Retrieve credentials produced error: unexpected error getting instance profile role credentials or calling UpdateInstanceInformation. "+
			"Skipping default host management fallback: retrieved credentials failed to report to ssm. Error: %s", failure)
		l.at(ago, "INFO "+refresher+"Sleeping for %s before retrying retrieve credentials", map[bool]string{true: "5m0s", false: "9m48s"}[ago == tried])
	}
	w.Host.Agent.Log = l.files()
}

// channelRefused is an agent that has credentials and gets no control channel:
// Run Command may go on by ec2messages, sessions do not.
func channelRefused(w *world.World, role, tail string) *agentLog {
	a := &w.Host.Agent
	a.Connected, a.Since = false, tried
	l := newAgentLog(w).begins(tried).ready(tried - time.Second)
	why := strings.TrimSuffix(strings.TrimPrefix(refusal(w, role, controlChannel, tail), "AccessDeniedException: "), failedCall)
	for _, ago := range []time.Duration{tried - 2*time.Second, 11 * time.Minute, 9 * time.Minute, 4 * time.Minute} {
		l.at(ago, "INFO "+channel+"Setting up websocket for controlchannel for instance: %s, requestId: 00000000-0000-4000-8000-000000000001", w.Instance.ID).
			at(ago, "INFO "+channel+"SSM Connection channel status is set to ec2messages").
			at(ago, "ERROR "+channel+"Failed to get controlchannel token, error: CreateControlChannel failed with error: createControlChannel request failed: unexpected response from the service <AccessDeniedException><Message>%s</Message></AccessDeniedException>", why)
	}
	a.Log = l.files()
	return l
}
