package probe

import (
	"context"
	"slices"
	"sync"

	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/agentlog"
	"vpcdoctor/probe/channel"
	"vpcdoctor/probe/dial"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
)

// watchAgent reads what the agent left in its log and which connections it has
// now, while the network is looked at. It waits for the instance id: lines of
// another instance, which an image brought along, are no witness.
func (r *runner) watchAgent(ctx context.Context) (wait func()) {
	pages := agentlog.Options{
		Root: r.env.Root, UID: r.env.UID, Now: r.env.Now, NodeID: r.set.IMDS.InstanceID, Command: r.env.Command,
	}
	sockets := channel.Options{Root: r.env.Root, UID: r.env.UID, Procs: r.set.Agent.Procs, Now: r.env.Now}
	var log fact.AgentLog
	var ch fact.Channel
	var scopes []proxyenv.Scope
	var wg sync.WaitGroup
	wg.Go(func() { log = agentlog.Read(ctx, pages) })
	wg.Go(func() { ch = channel.Sockets(ctx, sockets) })
	wg.Go(func() { scopes = r.proxyScopes(ctx) })
	return func() {
		wg.Wait()
		channel.Match(&ch, r.set.Answers)
		ch.Upgrades = r.set.Agent.Channel.Upgrades
		r.set.Agent.Log, r.set.Agent.Channel, r.set.Agent.Scopes = log, ch, r.exempt(scopes)
	}
}

// proxyScopes lists the places of this host that set proxy variables.
func (r *runner) proxyScopes(ctx context.Context) []proxyenv.Scope {
	return proxyenv.Scopes(ctx, proxyenv.ScopeOptions{
		Root: r.env.Root, Command: r.env.Command, Getenv: r.env.Getenv, Agent: r.set.Agent.Proxy,
		Units: agent.ProxyScopes(agent.Options{Root: r.env.Root, UID: r.env.UID}),
	})
}

// exempt says for each place which of the agent's hosts, and whether the
// metadata service, its no_proxy leaves out.
func (r *runner) exempt(scopes []proxyenv.Scope) []fact.ProxyScope {
	hosts := []string{"169.254.169.254"}
	for _, t := range r.set.Targets {
		if t.Agent && !slices.Contains(hosts, t.Host) {
			hosts = append(hosts, t.Host)
		}
	}
	out := make([]fact.ProxyScope, 0, len(scopes))
	for _, s := range scopes {
		s.Exempt = dial.Exempt(hosts, s.NoGo, s.NoCurl)
		out = append(out, s.ProxyScope)
	}
	return out
}
