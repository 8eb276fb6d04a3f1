package scenario

import (
	"fmt"
	"strings"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// agentChannels: the network is well, or partly, and the channel is not.
func agentChannels() []Scenario {
	return []Scenario{{
		Name: "agent-trapped", Kind: Fault, Want: broken("SG-02").with("AG-21"),
		Story: "ssmmessages worked once and is cut off; the agent does not go back to ec2messages",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint("ssmmessages").Groups = []string{defaultGroup(w, s)}
			loses(w, 50*time.Minute)
		},
	}, {
		Name: "agent-redials", Kind: Fault, Want: broken("AG-04").never("SG-02"), NearOf: "agent-trapped",
		Story:  "ssmmessages was cut off for 50 minutes and is open again; the agent waits before it dials",
		Change: func(w *world.World, _ *Seed) { loses(w, 50*time.Minute) },
	}, {
		Name: "agent-redialled", Kind: Healthy, Want: noFault.never("AG-21", "AG-04"), NearOf: "agent-redials",
		Story: "ssmmessages was cut off for 50 minutes, and the agent is connected again",
		Change: func(w *world.World, _ *Seed) {
			l := loses(w, 50*time.Minute)
			w.Host.Agent.Connected = true
			w.Host.Agent.Log = l.opens(3 * time.Minute).files()
		},
	}, {
		Name: "channel-forgotten", Kind: Fault, Want: degraded("FW-06"),
		Story: "a firewall forgets the agent's connection after 350 seconds, each time",
		Change: func(w *world.World, _ *Seed) {
			closes(w, 350*time.Second, 350*time.Second, 351*time.Second, 350*time.Second, 352*time.Second, 350*time.Second)
		},
	}, {
		Name: "channel-forgotten-old", Kind: Fault, Want: degraded("FW-06"), NearOf: "channel-forgotten",
		Story: "the same with an agent that sends no pings",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Installs[0].Version = "3.3.551.0"
			closes(w, 350*time.Second, 350*time.Second, 351*time.Second, 350*time.Second, 352*time.Second, 350*time.Second)
		},
	}, {
		Name: "channel-cut-anytime", Kind: Fault, Want: degraded("SM-07").never("FW-06"), NearOf: "channel-forgotten",
		Story: "the agent's connection is cut now and then, at no time in particular",
		Change: func(w *world.World, _ *Seed) {
			closes(w, 41*time.Minute, 3*time.Minute, 22*time.Minute, 95*time.Second, 28*time.Minute, 12*time.Minute)
		},
	}, {
		Name: "websocket-blocked", Kind: Fault, Want: broken("FW-08"),
		Story: "an inspection device answers websocket upgrades itself and lets everything else pass",
		Change: func(w *world.World, _ *Seed) {
			w.VPC.Endpoint("ssmmessages").Server.NoUpgrade = true
			w.Host.Agent.Connected = false
			w.Host.Agent.Log = noWebsocket(w).files()
		},
	}, {
		Name: "websocket-was-blocked", Kind: Fault, Want: broken("AG-04").never("FW-08"), NearOf: "websocket-blocked",
		Story: "the device lets websockets pass now, and the agent waits before it dials",
		Change: func(w *world.World, _ *Seed) {
			w.Host.Agent.Connected = false
			w.Host.Agent.Log = noWebsocket(w).files()
		},
	}}
}

// loses is an agent whose channel was lost so long ago. It dials again after
// waits that double up to 40 minutes.
func loses(w *world.World, since time.Duration) *agentLog {
	w.Host.Agent.Connected = false
	l := newAgentLog(w).healthy().at(since, "WARN "+channel+"Reach the retry limit 5 for receive messages. Error: websocket: close 1006 (abnormal closure): unexpected EOF")
	ago := since
	for wait := 10 * time.Second; ago > time.Minute; wait *= 2 {
		l.at(ago, "INFO "+channel+"Setting up websocket for controlchannel for instance: %s, requestId: 00000000-0000-4000-8000-000000000001", w.Instance.ID).
			at(ago-15*time.Second, "ERROR "+channel+"Failed to get controlchannel token, error: CreateControlChannel failed with error: createControlChannel request failed: failed to make http client call: Post %q: %s",
				"https://"+Host(w, "ssmmessages")+"/v1/control-channel/"+w.Instance.ID, l.timedOut("ssmmessages"))
		ago -= 15*time.Second + wait
	}
	w.Host.Agent.Log = l.files()
	return l
}

// closes is an agent that is connected, and whose channel ended before in such
// distances.
func closes(w *world.World, gaps ...time.Duration) {
	ago := 100 * time.Second
	for _, g := range gaps {
		ago += g
	}
	w.Host.Agent.Since = ago + time.Minute
	w.Host.Agent.Identity.Age = min(20*time.Minute, ago)
	l := newAgentLog(w).begins(ago + time.Minute).ready(ago + time.Minute).opens(ago)
	for _, g := range gaps {
		ago -= g
		l.at(ago, "WARN "+channel+"Reach the retry limit 5 for receive messages. Error: websocket: close 1006 (abnormal closure): unexpected EOF").opens(ago - time.Second)
	}
	w.Host.Agent.Log = l.files()
}

// noWebsocket is the log of an agent that gets its token and no websocket.
func noWebsocket(w *world.World) *agentLog {
	w.Host.Agent.Since = 50 * time.Minute
	l := newAgentLog(w).begins(50 * time.Minute).ready(50 * time.Minute)
	for _, ago := range []time.Duration{49 * time.Minute, 48 * time.Minute, 45 * time.Minute, 38 * time.Minute, 24 * time.Minute, 3*time.Minute + 30*time.Second} {
		l.dials(ago).at(ago, "WARN "+channel+"Failed to dial websocket, status: 403 Forbidden, err: websocket: bad handshake").
			at(ago, "INFO "+channel+"SSM Connection channel status is set to ec2messages")
	}
	return l
}

// agentLogs: what the log tells and does not mean.
func agentLogs() []Scenario {
	return []Scenario{{
		Name: "log-of-another-instance", Kind: Healthy, Want: noFault, NearOf: "agent-sleeps",
		Story: "the image's log tells of the refusals that its first instance met",
		Change: func(w *world.World, s *Seed) {
			other := *w
			other.Instance.ID = s.ID("i")
			l := newAgentLog(&other).begins(5*time.Hour).denied(5*time.Hour, 27*time.Minute).denied(4*time.Hour, 26*time.Minute)
			w.Host.Agent.Log = map[string]string{"amazon-ssm-agent.log": l.files()["amazon-ssm-agent.log"] + newAgentLog(w).healthy().files()["amazon-ssm-agent.log"]}
		},
	}, {
		Name: "log-before-the-start", Kind: Healthy, Want: noFault, NearOf: "agent-sleeps",
		Story: "the log tells of every failure there is, all before the agent's last start",
		Change: func(w *world.World, _ *Seed) {
			l := newAgentLog(w).begins(5*time.Hour).denied(5*time.Hour, 27*time.Minute).deregistered(4*time.Hour, "mi-0123456789abcdef0")
			l.main.Reset() // only lines older than the last start
			l.begins(5*time.Hour).denied(5*time.Hour, 27*time.Minute).unreachable(4*time.Hour, 9*time.Minute, l.timedOut("ssm")).
				at(4*time.Hour, "ERROR "+refresher+"Retrieve credentials produced error: MachineFingerprintDoesNotMatch: x").
				at(4*time.Hour, "ERROR x509: certificate signed by unknown authority: CreateControlChannel failed with error").
				at(4*time.Hour, "INFO "+worker+"Entering SSM Agent hibernate - AccessDeniedException: no")
			w.Host.Agent.Log = l.healthy().files()
		},
	}, {
		Name: "agent-fingerprint", Kind: Fault, Want: broken("AG-07"), NearOf: "agent-sleeps",
		Story: "the instance type was changed, and AWS refuses the machine's fingerprint under Default Host Management",
		Change: func(w *world.World, _ *Seed) {
			w.Instance.Profile, w.Instance.Role = "", ""
			w.IAM.Managed = []world.Policy{world.ManagedInstanceDefault}
			noCredentials(w)
			w.Host.Agent.Registered = w.Instance.ID
			w.Host.Agent.Since = 10 * time.Minute
			w.Host.Agent.Log = newAgentLog(w).begins(10*time.Minute).
				at(10*time.Minute, "ERROR "+refresher+"Retrieve credentials produced error: no valid credentials could be retrieved for ec2 identity. Default Host Management Err: error calling RequestManagedInstanceRoleToken: MachineFingerprintDoesNotMatch: x\n\tstatus code: 400, request id: 00000000-0000-4000-8000-000000000003").
				at(10*time.Minute, "INFO "+refresher+"Sleeping for 28m2s before retrying retrieve credentials").files()
		},
	}, {
		Name: "agent-update-fails", Kind: Fault, Want: degraded("AG-19"),
		Story: "updates of the agent fail for want of space in its download directory, which was emptied since",
		Change: func(w *world.World, _ *Seed) {
			l := newAgentLog(w).healthy().at(2*time.Hour, "ERROR [amazon-ssm-agent-updater] Failed to update amazon-ssm-agent to 3.3.3200.0: write /var/lib/amazon/ssm/update/amazon-ssm-agent.tar.gz: no space left on device")
			w.Host.Agent.Log = l.files()
		},
	}, {
		Name: "agent-update-cut-off", Kind: Fault, Want: broken("GW-01").with("AG-19"), Args: []string{"--service", "s3"}, NearOf: "agent-update-failed",
		Story:  "updates of the agent fail because S3 cannot be reached",
		Change: func(w *world.World, _ *Seed) { dropGatewayRoute(w); w.Host.Agent.Log = noUpdate(w).files() },
	}, {
		Name: "agent-update-failed", Kind: Healthy, Want: noFault.never("AG-19"), Args: []string{"--service", "s3"},
		Story:  "an update of the agent failed when S3 could not be reached; it can be now",
		Change: func(w *world.World, _ *Seed) { w.Host.Agent.Log = noUpdate(w).files() },
	}}
}

// noUpdate is the log of an update that did not reach S3.
func noUpdate(w *world.World) *agentLog {
	url := "https://s3." + w.Region + "." + w.Suffix + "/amazon-ssm-" + w.Region + "/ssm-agent-manifest.json"
	return newAgentLog(w).healthy().at(2*time.Hour, "ERROR [amazon-ssm-agent-updater] Failed to download manifest: failed to download file reliably, %s, Get %q: dial tcp %s:443: i/o timeout",
		url, url, w.PublicAddrs("s3." + w.Region + "." + w.Suffix)[0])
}

// agentProxies: which program has which proxy.
func agentProxies() []Scenario {
	return []Scenario{{
		Name: "proxy-in-wrong-unit", Kind: Fault, Want: broken("PX-09", "DN-02").with("PX-09"), NearOf: "proxy-in-shell",
		Story: "the drop-in with the proxy is the package's, and the snap runs",
		Change: func(w *world.World, s *Seed) {
			url := viaProxy(w, s, world.Proxy{})
			a := &w.Host.Agent
			a.Env = nil
			a.Installs = []world.Install{{Kind: "snap", Version: agentVersion}}
			a.Units = []world.Unit{snapUnit()}
			w.Host.Files = map[string]string{"/etc/systemd/system/" + world.PackageUnit + ".d/proxy.conf": dropIn(url)}
		},
	}, {
		Name: "proxy-in-right-unit", Kind: Healthy, Want: noFault.never("PX-09", "PX-01"), NearOf: "proxy-in-wrong-unit",
		Story: "the drop-in with the proxy is the snap's, which runs with it",
		Change: func(w *world.World, s *Seed) {
			url := viaProxy(w, s, world.Proxy{})
			a := &w.Host.Agent
			a.Installs = []world.Install{{Kind: "snap", Version: agentVersion}}
			a.Units = []world.Unit{snapUnit()}
			path := "/etc/systemd/system/" + world.SnapUnit + ".d/proxy.conf"
			a.Units[0].DropIns = []string{path}
			w.Host.Files = map[string]string{path: dropIn(url)}
		},
	}, {
		Name: "proxy-in-shell-only", Kind: Healthy, Want: noFault.never("PX-01"), NearOf: "proxy-in-shell",
		Story: "the shell has a proxy, the agent has none and needs none",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254"}
		},
	}, {
		Name: "proxy-exceptions-parted-by-blanks", Kind: Fault, Want: degraded("PX-08"),
		Story: "no_proxy of the agent is parted by blanks: curl goes direct, the agent takes the proxy",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "no_proxy": "." + w.Suffix + " 169.254.169.254"}
		},
	}, {
		Name: "proxy-exceptions-parted-by-commas", Kind: Healthy, Want: noFault.never("PX-08", "PX-03"), NearOf: "proxy-exceptions-parted-by-blanks",
		Story: "no_proxy of the agent is parted by commas, and everything goes direct",
		Change: func(w *world.World, s *Seed) {
			url := addProxy(w, s, world.Proxy{})
			w.Host.Agent.Env = map[string]string{"https_proxy": url, "no_proxy": "169.254.169.254,." + w.Suffix}
		},
	}, {
		Name: "proxy-without-websockets", Kind: Fault, Want: broken("PX-05").never("FW-08"), NearOf: "all-by-proxy",
		Story: "the proxy lets CONNECT pass to every host, and no websocket",
		Change: func(w *world.World, s *Seed) {
			viaProxy(w, s, world.Proxy{})
			w.Internet.Servers = map[string]world.ServerBehavior{Host(w, "ssmmessages"): {NoUpgrade: true}}
			w.Host.Agent.Connected = false
			w.Host.Agent.Log = noWebsocket(w).files()
		},
	}}
}

// dropIn is the text of a drop-in with a proxy.
func dropIn(url string) string {
	return strings.Join([]string{"[Service]", fmt.Sprintf("Environment=%q", "https_proxy="+url), `Environment="no_proxy=169.254.169.254"`, ""}, "\n")
}
