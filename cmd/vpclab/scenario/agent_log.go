package scenario

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// agentLog writes a log as the agent of the 3.3 line does. The messages are
// those of its source; times are counted back from the run.
type agentLog struct {
	w     *world.World
	main  strings.Builder
	sleep strings.Builder // hibernate.log
}

func newAgentLog(w *world.World) *agentLog { return &agentLog{w: w} }

// agentSince is how long the agent is said to run.
func agentSince(w *world.World) time.Duration { return cmp.Or(w.Host.Agent.Since, 3*time.Hour) }

// Tags of the agent's parts.
const (
	core      = "[amazon-ssm-agent] "
	refresher = "[CredentialRefresher] "
	worker    = "[ssm-agent-worker] "
	channel   = worker + "[MessageService] [MGSInteractor] "
	provider  = core + "[LongRunningWorkerContainer] [WorkerProvider] "
)

// at writes a line: "LEVEL message", so long before the run.
func (l *agentLog) at(ago time.Duration, format string, args ...any) *agentLog {
	fmt.Fprintf(&l.main, "{-%s} %s\n", max(ago, 0), fmt.Sprintf(format, args...))
	return l
}

// drowse writes a line of hibernate.log.
func (l *agentLog) drowse(ago time.Duration, format string, args ...any) *agentLog {
	fmt.Fprintf(&l.sleep, "{-%s} %s\n", ago, fmt.Sprintf(format, args...))
	return l
}

// starts are the first lines of a process, until it has an identity.
func (l *agentLog) starts(ago time.Duration) *agentLog {
	l.at(ago, "INFO Proxy environment variables:")
	for _, k := range []string{"https_proxy", "http_proxy", "no_proxy"} {
		l.at(ago, "INFO %s: %s", k, l.w.Host.Agent.Env[k])
	}
	return l
}

// begins is a start with an identity.
func (l *agentLog) begins(ago time.Duration) *agentLog {
	return l.starts(ago).at(ago, "INFO Agent will take identity from EC2").
		at(ago, "INFO "+core+"amazon-ssm-agent - v%s", l.w.Host.Agent.Installs[0].Version).
		at(ago, "INFO "+core+"OS: linux, Arch: amd64").
		at(ago, "INFO "+core+"Starting Core Agent").
		at(ago, "INFO "+refresher+"credentialRefresher has started")
}

// ready: the core has credentials and starts the worker.
func (l *agentLog) ready(ago time.Duration) *agentLog {
	source := "instance profile role"
	if l.w.Host.Agent.Identity.Source == "SSM" {
		source = "Systems Manager role"
	}
	l.at(ago, "INFO EC2RoleProvider Successfully connected with %s credentials", source).
		at(ago, "INFO "+refresher+"Credentials ready").
		at(ago, "INFO "+refresher+"Next credential rotation will be in 29.99999465 minutes").
		at(ago-time.Second, "INFO "+provider+"Worker ssm-agent-worker is not running, starting worker process").
		at(ago-time.Second, "INFO "+provider+"Worker ssm-agent-worker (pid:58) started").
		at(ago-time.Second, "INFO "+worker+"Agent will take identity from EC2")
	return l.at(ago-time.Second, "INFO "+worker+"ssm-agent-worker - v%s", l.w.Host.Agent.Installs[0].Version)
}

// rotates: credentials were fetched anew every half hour since.
func (l *agentLog) rotates(from time.Duration) *agentLog {
	for ago := from - 30*time.Minute; ago > 0; ago -= 30 * time.Minute {
		l.at(ago, "INFO "+refresher+"Credentials ready").at(ago, "INFO "+refresher+"Next credential rotation will be in 29.99998973 minutes")
	}
	return l
}

// opens: the channel stands, where the name has an address.
func (l *agentLog) opens(ago time.Duration) *agentLog {
	peer := l.peer()
	if !peer.IsValid() {
		return l.dials(ago)
	}
	return l.dials(ago).at(ago-time.Second, "INFO "+channel+"Successfully opened websocket connection to: %s", peer).
		at(ago-time.Second, "INFO "+channel+"SSM Connection channel status is set to ssmmessages")
}

// dials: the channel is about to be opened.
func (l *agentLog) dials(ago time.Duration) *agentLog {
	return l.at(ago, "INFO "+channel+"Setting up websocket for controlchannel for instance: %s, requestId: 00000000-0000-4000-8000-000000000001", l.w.Instance.ID).
		at(ago, "INFO "+channel+"Opening websocket connection to: wss://%s/v1/control-channel/%s?role=subscribe&stream=input", l.w.ChannelHost(), l.w.Instance.ID)
}

// peer is where the channel leads: to the proxy, or to what the name gives;
// zero: nowhere.
func (l *agentLog) peer() netip.AddrPort {
	if len(l.w.Proxies) > 0 && l.w.Host.Agent.Env["https_proxy"] != "" {
		p := l.w.Proxies[0]
		return netip.AddrPortFrom(p.Addr, p.Port)
	}
	for _, a := range l.w.Ask(world.ResolverAddr, l.w.ChannelHost(), l.w.VPC.Subnet(l.w.Instance.Subnet).IPv6Only).Addrs {
		return netip.AddrPortFrom(a, 443)
	}
	return netip.AddrPort{}
}

// healthy is the log of an agent that started, connected, and has had nothing
// to say since.
func (l *agentLog) healthy() *agentLog {
	since := agentSince(l.w)
	return l.begins(since).ready(since - time.Second).opens(since - 3*time.Second).rotates(since)
}

// denied are the core's lines when AWS refuses both of its roles.
func (l *agentLog) denied(ago, sleep time.Duration) *agentLog {
	who := fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", l.w.Partition, l.w.Account, l.w.Instance.Role, l.w.Instance.ID)
	what := fmt.Sprintf("arn:%s:ec2:%s:%s:instance/%s", l.w.Partition, l.w.Region, l.w.Account, l.w.Instance.ID)
	own := fmt.Sprintf("retrieved credentials failed to report to ssm. Error: AccessDeniedException: User: %s is not authorized to perform: ssm:UpdateInstanceInformation on resource: %s because no identity-based policy allows the ssm:UpdateInstanceInformation action\n\tstatus code: 400, request id: 00000000-0000-4000-8000-000000000002", who, what)
	managed := fmt.Sprintf("error calling RequestManagedInstanceRoleToken: AccessDeniedException: Systems Manager's instance management role is not configured for account: %s\n\tstatus code: 400, request id: 00000000-0000-4000-8000-000000000003", l.w.Account)
	return l.at(ago, "WARN EC2RoleProvider Failed to connect to Systems Manager with instance profile role credentials. Err: %s", own).
		at(ago, "ERROR EC2RoleProvider Failed to connect to Systems Manager with SSM role credentials. %s", managed).
		at(ago, "ERROR "+refresher+"Retrieve credentials produced error: no valid credentials could be retrieved for ec2 identity. Default Host Management Err: %s", managed).
		at(ago, "INFO "+refresher+"Sleeping for %s before retrying retrieve credentials", sleep)
}

// unreachable are the core's lines when the way to ssm is a black hole: one
// attempt of some two minutes, then the wait.
func (l *agentLog) unreachable(ago, sleep time.Duration, why string) *agentLog {
	cause := fmt.Sprintf("RequestError: send request failed\ncaused by: Post %q: %s", "https://"+Host(l.w, "ssm")+"/", why)
	return l.at(ago, "ERROR EC2RoleProvider Failed to connect to Systems Manager with instance profile role credentials. Err: retrieved credentials failed to report to ssm. Error: %s", cause).
		at(ago, "ERROR "+refresher+"Retrieve credentials produced error: unexpected error getting instance profile role credentials or calling UpdateInstanceInformation. Skipping default host management fallback: retrieved credentials failed to report to ssm. Error: %s", cause).
		at(ago, "INFO "+refresher+"Sleeping for %s before retrying retrieve credentials", sleep)
}

// timedOut is Go's error for a connect without an answer to a service's
// endpoint.
func (l *agentLog) timedOut(service string) string {
	return fmt.Sprintf("dial tcp %s:443: i/o timeout", l.w.VPC.Endpoint(service).Interfaces[0].Addr)
}

// files is the log as the agent has it on the disk.
func (l *agentLog) files() map[string]string {
	f := map[string]string{"amazon-ssm-agent.log": l.main.String()}
	if l.sleep.Len() > 0 {
		f["hibernate.log"] = l.sleep.String()
	}
	return f
}

// deregistered are the lines of a hybrid node that AWS does not know any more:
// it says so at each of its short waits.
func (l *agentLog) deregistered(since time.Duration, node string) *agentLog {
	l.at(since, "INFO Agent will take identity from OnPrem").
		at(since, "INFO "+core+"amazon-ssm-agent - v%s", l.w.Host.Agent.Installs[0].Version).
		at(since, "INFO "+core+"Starting Core Agent").
		at(since, "INFO "+refresher+"credentialRefresher has started")
	for _, ago := range []time.Duration{since, since - 15*time.Second, since - 32*time.Second, 20 * time.Minute, 10 * time.Minute} {
		l.at(ago, "ERROR "+refresher+"Retrieve credentials produced error: InvalidInstanceId: Not existing InstanceId: %s", node).
			at(ago, "ERROR "+refresher+"Status code 400 returned from AWS API. RequestId: 00000000-0000-4000-8000-000000000001 Message: Not existing InstanceId: %s", node).
			at(ago, "INFO "+refresher+"Sleeping for 15s before retrying retrieve credentials")
	}
	return l
}
