package probe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/netip"
	"sync"
	"time"

	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host"
	"vpcdoctor/probe/host/sysfile"
	"vpcdoctor/probe/imds"
	"vpcdoctor/probe/pace"
	"vpcdoctor/probe/resolve"
	"vpcdoctor/probe/software"
)

// runner carries what the stages of one run share.
type runner struct {
	env      Env
	opt      Options
	cat      *catalog.Catalog
	pace     *pace.Limiter
	progress Progress
	set      *fact.Set
	secrets  agent.Secrets // the agent's proxy with its credentials; never leaves memory
	metadata *imds.Session // the way back to the metadata service
	keys     *RoleKeys     // which has it; env's, or the run's own

	vpc        []netip.Prefix              // the VPC's own blocks
	addresses  map[netip.Addr]fact.Address // seen so far; only the goroutine of Run touches it
	proxyAddrs []netip.Addr                // of the agent's proxy, known before the first tunnel starts
}

// Run gathers the facts. It returns when everything is gathered, when the
// budget is used up or when ctx is cancelled, with what is known by then.
func Run(ctx context.Context, env Env, o Options, trustFacts fact.Trust, progress Progress) *fact.Set {
	r := newRunner(env, o, trustFacts, progress)
	whole := ctx // without the budget: what the user asks to wait for is not bounded by it
	ctx, cancel := context.WithDeadline(whole, time.Now().Add(r.opt.budget()))
	defer cancel()

	r.gatherHost(ctx)
	r.keys.open(r.metadata, r.set.IMDS.Role, r.env.Now)
	if env.Keys == nil {
		defer r.keys.Close()
	}
	witness := r.watchAgent(ctx)
	r.set.Place = r.place()
	r.plan()
	r.vpc = r.set.IMDS.VPCCIDRs()
	r.set.Host.Before = host.Counters(r.env.Root)
	ena := host.ENA(host.DefaultInterfaces(r.set.Host.Routes))
	times := r.askTime(ctx)
	p := r.prober()
	c := r.newConnector(ctx, p, r.set.Targets)
	layers := r.lookUp(ctx, c)
	c.collect()
	r.set.Host.After = host.Counters(r.env.Root)
	calls := r.calls(ctx, p)
	upgrades := r.upgrades(ctx, p)
	r.differential(ctx, p, ena)
	r.objects(ctx, p)
	upgrades()
	witness()
	r.set.DNS, r.set.Times = layers(), times()
	r.set.Addresses = r.classified()
	r.set.Host.ENA = host.ENASince(ena, host.ENA(host.DefaultInterfaces(r.set.Host.Routes)))
	r.rehearse(ctx, p, calls())
	r.idle(whole, p)

	if off, ok := r.set.ClockOffset(); ok {
		r.keys.correct(off.By)
	}
	r.set.End = r.env.Now().UTC()
	return r.set
}

func newRunner(env Env, o Options, trustFacts fact.Trust, progress Progress) *runner {
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Root == "" {
		env.Root = "/"
	}
	if env.Getenv == nil {
		env.Getenv = func(string) string { return "" }
	}
	r := &runner{
		env: env, opt: o, cat: o.Catalog, pace: pace.New(MaxPacketsPerSecond),
		progress: oneAtATime(progress), addresses: map[netip.Addr]fact.Address{},
	}
	if r.keys = env.Keys; r.keys == nil {
		r.keys = &RoleKeys{}
	}
	if r.cat == nil {
		r.cat = catalog.Embedded()
	}
	r.set = &fact.Set{
		Schema: fact.SchemaVersion, Start: env.Now().UTC(), Trust: trustFacts,
		Run: fact.Run{
			Version: o.Version, Commit: o.Commit, UID: env.UID, Context: o.Context,
			Profiles: o.Profiles, Services: o.Services, All: o.All, Auto: o.Auto,
			Rehearse: o.Rehearse, NoSigned: o.NoSigned,
			Expect: o.Expect, Private: o.Private, NeedAgent: o.NeedAgent,
			Budget:     fact.Duration(o.budget()),
			RangesDate: catalog.Ranges().Date, CatalogDate: r.cat.Date(),
		},
	}
	r.set.Run.ID = runID(r.set.Start)
	if r.set.Run.Expect == "" {
		r.set.Run.Expect = "auto"
	}
	return r
}

// runID names a run: its start, so that names sort by time and say something to
// people, and four random bytes, so that no two runs of a fleet share one.
func runID(at time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, since Go 1.24)
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// oneAtATime keeps the promise of Progress: stages overlap, calls do not.
func oneAtATime(p Progress) Progress {
	if p == nil {
		return func(string, int, int) {}
	}
	var mu sync.Mutex
	return func(stage string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		p(stage, done, total)
	}
}

// gatherHost reads the host, the agent, the metadata service and the resolver
// configuration side by side: none needs another.
func (r *runner) gatherHost(ctx context.Context) {
	r.progress("instance", 0, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		r.set.Host = host.Read(ctx, host.Options{Root: r.env.Root, Getenv: r.env.Getenv})
	})
	wg.Go(func() {
		r.set.Agent, r.secrets = agent.Read(ctx, agent.Options{
			Root: r.env.Root, Command: r.env.Command, UID: r.env.UID, Now: r.env.Now,
		})
	})
	disabled := "" // the value that imds.Options wants, as in the environment
	if r.opt.IMDSDisabled != "" {
		disabled = "true"
	}
	wg.Go(func() {
		r.set.IMDS, r.metadata = imds.Open(ctx, imds.Options{
			Endpoint: r.opt.IMDSEndpoint, Disabled: disabled,
			Dial: r.env.Dial, Pace: r.pace, UserAgent: UserAgent(r.opt.Version),
			Life: r.opt.budget() + r.opt.Idle,
		})
	})
	if r.opt.Auto {
		wg.Go(func() { r.set.Software = software.Find(ctx, software.Options{Root: r.env.Root}) })
	}
	wg.Wait()
	r.set.Run.Packets.IMDSPuts = r.set.IMDS.Puts
	r.set.Run.Packets.IMDSGets = r.set.IMDS.GetCount
	for _, g := range r.set.IMDS.Gets {
		if g.Status == fact.NotRun {
			r.cut("IMDS "+g.Path, g.Skipped, "")
		}
	}
	r.progress("instance", 1, 1)
}

// plan decides the targets, and reads the resolver configuration, which wants
// to know the names to look for in the hosts file.
func (r *runner) plan() {
	if r.opt.Auto {
		r.addSoftware()
	}
	targets, notes := r.targets()
	r.set.Targets = targets
	for _, n := range notes {
		r.cut("targets", n, "")
	}
	names := make([]string, 0, len(targets))
	for _, t := range targets {
		names = append(names, t.Host)
	}
	names = append(names, r.proxyName())
	r.set.Resolver = resolve.Config(resolve.ConfigOptions{
		ReadFile: r.readFile, Readlink: r.readlink, Names: names,
	})
	r.set.Resolver.Override = r.opt.Resolvers
	r.set.Resolver.VPC = r.vpcServers()
}

// vpcServers are the VPC's own resolver addresses, or none on a machine that
// is known not to be an EC2 instance: there they are nobody we may ask.
func (r *runner) vpcServers() []netip.AddrPort {
	if r.set.Host.EC2 == "no" && r.set.IMDS.InstanceID == "" {
		r.cut("VPC resolver", "this machine is not an EC2 instance", "")
		return nil
	}
	return resolve.VPCServers(r.set.IMDS.VPCCIDRs())
}

func (r *runner) cut(what, why, key string) {
	r.set.Cut = append(r.set.Cut, fact.Cut{What: what, Why: why, Key: key})
}

// maxSystemFile bounds a file of the resolver configuration. Hosts files that
// block advertisers have a few megabytes.
const maxSystemFile = 16 << 20

// readFile reads a file of the system. Of one beyond the bound the beginning
// has to do; a pipe or a device in its place is an error.
func (r *runner) readFile(name string) ([]byte, error) {
	b, err := sysfile.Root(r.env.Root).Read(name, maxSystemFile)
	if errors.Is(err, sysfile.ErrTooLarge) {
		err = nil
	}
	return b, err
}

func (r *runner) readlink(name string) (string, error) {
	return sysfile.Root(r.env.Root).Readlink(name)
}

// UserAgent is what every HTTP request of ours says about itself, so that the
// owner of a firewall or a log can recognise a diagnostic.
func UserAgent(version string) string {
	if version == "" {
		version = "dev"
	}
	return "vpcdoctor/" + version + " (+diagnostic)"
}
