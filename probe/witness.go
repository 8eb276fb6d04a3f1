package probe

import (
	"context"
	"sync"

	"vpcdoctor/probe/agentlog"
	"vpcdoctor/probe/channel"
	"vpcdoctor/probe/fact"
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
	var wg sync.WaitGroup
	wg.Go(func() { log = agentlog.Read(ctx, pages) })
	wg.Go(func() { ch = channel.Sockets(ctx, sockets) })
	return func() {
		wg.Wait()
		channel.Match(&ch, r.set.Answers)
		ch.Upgrades = r.set.Agent.Channel.Upgrades
		r.set.Agent.Log, r.set.Agent.Channel = log, ch
	}
}
