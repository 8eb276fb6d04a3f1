package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"vpcdoctor/probe"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/trust"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// checkCommand is the main job: gather, conclude, say.
func (a *app) checkCommand() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Gather facts on this instance and name the root cause",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.load(a, cmd.Flags()); err != nil {
				return err
			}
			return a.check(cmd.Context(), s)
		},
	}
	s.register(cmd.Flags())
	return cmd
}

func (a *app) check(ctx context.Context, s *settings) error {
	if ctx == nil {
		ctx = context.Background()
	}
	log, err := newLog(a.stderr, s.logLevel)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	c, err := a.newChecker(s, log)
	if err != nil {
		return err
	}
	defer c.env.Keys.Close()
	if s.plan {
		return a.writePlan(probe.Plan(ctx, c.env, c.options), s)
	}
	outputs, err := openOutputs(s)
	if err != nil {
		return err
	}
	// The first signal ends the gathering and the report tells what is known;
	// a second one ends the program the usual way.
	sigCtx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !c.spread(sigCtx) {
		outputs.discard()
		a.code = report.ExitInconclusive
		return nil
	}
	c.remember()
	defer c.forget()
	r, code := c.looks(sigCtx, stop)
	stop()
	a.code = code
	return c.carry(r, outputs)
}

// probeOptions turns settings into what the probes understand.
func (a *app) probeOptions(s *settings) (probe.Options, fact.Trust, []fact.EnvSeen, error) {
	var o probe.Options
	bundle := s.caBundle
	seen, err := awsEnvironment(a.getenv, &o, &bundle)
	if err != nil {
		return o, fact.Trust{}, nil, err
	}
	cat, err := loadCatalog(s.catalogFile)
	if err != nil {
		return o, fact.Trust{}, nil, err
	}
	if err := checkNames(cat, s); err != nil {
		return o, fact.Trust{}, nil, err
	}
	store, trustFacts, err := trust.Load(trust.Options{
		CABundle: bundle, Reference: s.referenceRoots, Getenv: a.getenv,
	})
	if err != nil {
		return o, fact.Trust{}, nil, usageError{err}
	}
	o.Version, o.Commit, o.Context = version, commit, a.runContext()
	o.Catalog, o.Trust = cat, store
	o.Region, o.Profiles, o.Endpoints, o.All = s.region, s.profiles, s.endpoints, s.all
	o.Services = s.allServices()
	o.Expect, o.Private, o.NeedAgent, o.DialPublic = s.expect, s.requirePrivate, s.requireAgent, s.dialPublic
	o.NoControls, o.NoSigned, o.AgentChannel = s.noControls, s.noSigned, s.agentChannel
	o.Auto, o.Rehearse, o.Session, o.Idle = s.auto, s.rehearse, s.session, s.idle
	o.StateDir = s.stateDir
	o.Budget = s.budget
	if s.rehearse && s.budget == probe.DefaultBudget {
		o.Budget = probe.RehearsalBudget
	}
	if s.timeout != probe.DefaultTCPTimeout {
		o.Timeout = s.timeout
	}
	o.Resolvers, err = s.resolverAddrs()
	return o, trustFacts, seen, err
}

// ignoredCodes checks the codes of --ignore: a misspelt one would silently
// accept nothing.
func ignoredCodes(words []string) ([]diagnose.Code, error) {
	var out []diagnose.Code
	for _, w := range words {
		if _, ok := diagnose.Explain(diagnose.Code(w)); !ok {
			return nil, unknownCode(w)
		}
		out = append(out, diagnose.Code(w))
	}
	return out, nil
}

func unknownCode(w string) error {
	var near []string
	for _, c := range diagnose.Near(w) {
		near = append(near, string(c))
	}
	return usagef("unknown code %q%s (vpcdoctor explain --list shows all)", w, didYouMean(near))
}

func (a *app) tool() report.Tool {
	return report.Tool{
		Name: "vpcdoctor", Version: version, Commit: commit,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
	}
}
