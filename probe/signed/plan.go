package signed

import (
	"cmp"
	"slices"
	"strings"

	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
)

// Plan lists the calls that show the agent's permissions, at most four, those
// that are not to be made with their reason. It is a pure function of facts.
func Plan(set *fact.Set, o Options) []*Planned {
	node := nodeID(set)
	config := set.Agent.Config
	return []*Planned{
		about(node, Aim(set, "ssm", cmp.Or(config.Region, set.Place.Region), listInstanceAssociations(node))),
		about(node, Aim(set, "ec2messages", cmp.Or(config.Region, set.Place.Region), unless(oldChannel(set), getEndpoint(node)))),
		Aim(set, "sts", set.Place.Region, getCallerIdentity()),
		about(node, Aim(set, "ssmmessages", cmp.Or(config.MGSRegion, set.Place.Region), unless(channel(set, o), createControlChannel(node)))),
	}
}

// about drops a call that needs the id of this node when that is not known.
func about(node string, p *Planned) *Planned {
	if node == "" && p.Skipped == "" {
		p.Skipped = "the id of this node is not known"
	}
	return p
}

func unless(why string, p *Planned) *Planned {
	p.Skipped = why
	return p
}

// Aim sends a call to the agent's target of a service, signed for a Region, or
// says why it cannot be sent.
func Aim(set *fact.Set, id, region string, p *Planned) *Planned {
	i := slices.IndexFunc(set.Targets, func(t fact.Target) bool { return t.ID == id && (t.Agent || id == "sts") })
	if i < 0 {
		p.Region = region
		return unless(cmp.Or(p.Skipped, "not among what this run was to reach"), p)
	}
	return AimAt(set, set.Targets[i], region, p)
}

// AimAt sends a call to one target, as Aim does.
func AimAt(set *fact.Set, t fact.Target, region string, p *Planned) *Planned {
	p.Target, p.Region = t, region
	switch {
	case p.Skipped != "":
	case region == "":
		p.Skipped = "the Region is not known"
	default:
		p.Skipped = Path(set, t)
	}
	return p
}

// Path tells why nothing can be called over the agent's path to a target, or
// nothing if one of its addresses works: TLS completed there, with a
// certificate that the system's roots verify. The path goes through the agent's
// proxy unless its no_proxy leaves the host out.
func Path(set *fact.Set, t fact.Target) string {
	port := uint16(443)
	if len(t.Ports) > 0 {
		port = t.Ports[0].Number
	}
	proxy := set.Agent.Proxy.HTTPS != "" && !dial.NoProxy(t.Host, port, set.Agent.Proxy.No)
	seen := false
	for _, h := range set.Handshakes {
		if h.Host != t.ServerName() || (h.Proxy != "") != proxy || h.Variant != "" || h.Addr.Port() != port && !proxy {
			continue
		}
		if h.Status == fact.OK {
			if h.Name.Status == fact.OK && h.System.Status == fact.OK {
				return ""
			}
			seen = true
		}
	}
	switch {
	case seen:
		return "the system's roots do not verify the certificate of " + t.Host
	case proxy:
		return "no working path to " + t.Host + " through the agent's proxy"
	}
	return "no working path to " + t.Host
}

// nodeID is the id under which the agent calls: what is in the path of a URL
// and in JSON, so nothing but an id.
func nodeID(set *fact.Set) string {
	a := set.Agent.Identity
	id := set.IMDS.InstanceID
	if onPrem(a) {
		id = cmp.Or(a.Hybrid, a.InstanceID)
	}
	rest, ok := strings.CutPrefix(id, "i-")
	if !ok {
		rest, ok = strings.CutPrefix(id, "mi-")
	}
	if !ok || len(rest) < 8 || len(rest) > 17 || strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return id
}

// oldChannel tells why ec2messages is not asked: agents that have ssmmessages
// do not depend on it, and it is being retired.
func oldChannel(set *fact.Set) string {
	switch v, ok := fact.ParseAgentVersion(set.Agent.Version); {
	case !ok:
		return "the version of the agent is not known"
	case !v.Before(fact.OneChannel):
		return "this agent does not depend on it"
	}
	return ""
}

// channel tells why no token of the control channel is asked for: the call is
// recorded as a write, and a running agent makes it itself.
func channel(set *fact.Set, o Options) string {
	switch {
	case !o.AgentChannel:
		return "only with --agent-channel"
	case set.Agent.ProcsRun.Status != fact.OK:
		return "whether the agent runs is not known"
	case len(set.Agent.Procs) > 0:
		return "the agent is running"
	}
	return ""
}
