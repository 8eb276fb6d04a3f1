package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"vpcdoctor/probe"
	"vpcdoctor/report"
)

// settings are the options of check after flags, environment, configuration
// file and defaults were put together, in that order of precedence.
type settings struct {
	profiles, services, endpointArgs []string
	endpoints                        []probe.Endpoint // of the configuration file
	all, auto, plan                  bool
	noSigned, agentChannel, rehearse bool
	session                          probe.Session
	idle                             time.Duration
	wait                             time.Duration
	watch                            bool
	jitter                           string
	output, outputFile, factsFile    string
	summaryJSON                      bool
	region, expect                   string
	requirePrivate, requireAgent     bool
	dialPublic, noControls           bool
	failOn                           string
	ignore                           []string
	catalogFile                      string
	resolvers                        []string
	timeout, budget                  time.Duration
	caBundle                         string
	referenceRoots                   []string
	stateDir                         string
	sinceLast                        bool
	noColor, redact                  bool
	delivery
	logLevel string
	config   string

	origin map[string]string // of values that are not from the command line: flag to where it stands
}

// defaultConfig is read when it exists; a file named by --config must exist.
const defaultConfig = "/etc/vpcdoctor/config.yaml"

func (s *settings) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringSliceVar(&s.profiles, "profile", []string{"session-manager"}, "what the instance is for (listed by vpcdoctor services --profiles)")
	f.StringSliceVar(&s.services, "service", nil, "further services, by any name people use: logs,sqs,cloudwatch")
	f.StringArrayVar(&s.endpointArgs, "endpoint", nil, "custom endpoint `NAME=HOST[:PORT]`, then ,cidr=BLOCK ,azs=N ,tls-name=NAME ,plain; may be repeated")
	f.BoolVar(&s.auto, "auto", false, "take the profiles from what is installed here")
	f.BoolVar(&s.all, "all", false, "every endpoint service known in this Region")
	f.BoolVar(&s.dialPublic, "dial-public", false, "with --all: dial public answers too")
	f.BoolVar(&s.noControls, "no-controls", false, "on trouble: no comparison connects to other hosts or from other ports")
	f.BoolVar(&s.noSigned, "no-signed", false, "no call with the instance's credentials")
	f.BoolVar(&s.rehearse, "rehearse", false, "check what the session preferences make the agent call")
	f.StringVar(&s.session.KMSKey, "session-kms-key", "", "with --rehearse: `KEY` when the preferences cannot be read")
	f.StringVar(&s.session.Bucket, "session-bucket", "", "with --rehearse: `BUCKET` of session logs")
	f.StringVar(&s.session.LogGroup, "session-log-group", "", "with --rehearse: log `GROUP` of sessions")
	f.StringVar(&s.session.OutputBucket, "output-bucket", "", "with --rehearse: `BUCKET` of Run Command output")
	f.StringVar(&s.session.OutputLogGroup, "output-log-group", "", "with --rehearse: log `GROUP` of Run Command output")
	f.BoolVar(&s.agentChannel, "agent-channel", false, "ask for a control channel token; only while the agent is down")
	f.DurationVar(&s.idle, "idle", 0, "keep one connection silent for `DURATION`, at most 6m, to find what forgets it")
	f.DurationVar(&s.wait, "wait", 0, "look again until the exit code is 0, for at most `DURATION`")
	f.BoolVar(&s.watch, "watch", false, "look again and show what turns, until Ctrl-C; on a terminal a live table")
	f.StringVar(&s.jitter, "jitter", "off", "first wait for this instance's place in a window: `off|auto|DURATION`; auto is 1m in a systemd unit")
	f.StringVarP(&s.output, "output", "o", "text", formatUsage)
	f.BoolVar(&s.summaryJSON, "summary-json", false, summaryUsage)
	f.StringVar(&s.outputFile, "output-file", "", "also write the report to `FILE`, mode 0600, metrics 0644")
	f.StringVar(&s.factsFile, "facts", "", "save what was gathered to `FILE`, for vpcdoctor diagnose")
	f.BoolVar(&s.redact, "redact", false, redactUsage)
	s.delivery.register(f)
	f.BoolVar(&s.plan, "plan", false, "print hosts, packets and worst-case time; send nothing")
	f.StringVar(&s.region, "region", "", "AWS Region, when it is not the instance's own")
	f.StringVar(&s.expect, "expect", "auto", "what is expected of AWS names: `auto|private|any`")
	f.BoolVar(&s.requirePrivate, "require-private", false, "a public path of a required name is an error; dial no public address")
	f.BoolVar(&s.requireAgent, "require-agent", false, "without a look at the SSM Agent the result is inconclusive")
	f.StringVar(&s.failOn, "fail-on", "error", "exit 1 from this severity on: `error|warning|never`")
	f.StringSliceVar(&s.ignore, "ignore", nil, "accepted finding `CODE`s: shown, without effect on the exit code")
	f.StringVar(&s.catalogFile, "catalog", "", "`FILE` with the JSON of aws ec2 describe-vpc-endpoint-services")
	f.StringSliceVar(&s.resolvers, "resolver", nil, "DNS `SERVER[:PORT]` to ask instead of the configured ones")
	f.DurationVar(&s.timeout, "timeout", probe.DefaultTCPTimeout, "of one attempt")
	f.DurationVar(&s.budget, "budget", probe.DefaultBudget, "of the whole run")
	f.StringVar(&s.caBundle, "ca-bundle", "", "PEM `FILE` added to the system's roots")
	f.StringSliceVar(&s.referenceRoots, "reference-roots", nil, "PEM `FILE`s added to the public reference roots")
	f.StringVar(&s.stateDir, "state-dir", "", "keep reports, their history and what waits for delivery in this `DIR`")
	f.BoolVar(&s.sinceLast, "since-last", false, "with --state-dir: tell what changed since the run before")
	f.BoolVar(&s.noColor, "no-color", false, "no colour on a terminal (also NO_COLOR)")
	f.StringVar(&s.logLevel, "log-level", "warn", "of the log on stderr: `debug|info|warn|error`")
	f.StringVar(&s.config, "config", defaultConfig, "YAML configuration `FILE`")
}

// load puts environment and configuration file under the flags that were not
// given, and checks the result.
func (s *settings) load(a *app, f *pflag.FlagSet) error {
	s.origin = map[string]string{}
	if err := applyEnvironment(a.getenv, f, s.origin); err != nil {
		return err
	}
	file, err := readConfig(s.config, f.Changed("config"))
	if err != nil {
		return err
	}
	if err := file.apply(f, s.origin); err != nil {
		return err
	}
	s.endpoints, err = file.endpoints()
	if err != nil {
		return err
	}
	if s.auto && !f.Changed("profile") {
		s.profiles = nil // what is installed decides
	}
	for _, arg := range s.endpointArgs {
		e, err := probe.ParseEndpoint(arg)
		if err != nil {
			return usageError{err}
		}
		s.endpoints = append(s.endpoints, e)
	}
	return s.check()
}

// envPrefix starts the environment variable of every flag:
// --require-private is VPCDOCTOR_REQUIRE_PRIVATE.
const envPrefix = "VPCDOCTOR_"

// envName is the environment variable of a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func applyEnvironment(getenv func(string) string, f *pflag.FlagSet, origin map[string]string) error {
	var err error
	f.VisitAll(func(fl *pflag.Flag) {
		v := getenv(envName(fl.Name))
		if v == "" || fl.Changed || err != nil || fl.Name == "help" {
			return
		}
		origin[fl.Name] = "environment variable " + envName(fl.Name)
		if e := f.Set(fl.Name, v); e != nil {
			err = usagef("%s: %w", origin[fl.Name], badValue(e))
		}
	})
	return err
}

// badValue takes out of pflag's complaint the flag that the user never typed.
func badValue(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return fmt.Errorf("%q: %w", invalid.GetValue(), invalid.Unwrap())
	}
	return err
}

// where is how an error calls the value of a flag: by the place where the user
// wrote it.
func (s *settings) where(flag string) string {
	if o := s.origin[flag]; o != "" {
		return o + ":"
	}
	return "--" + flag
}

// check refuses values that no flag parser can refuse.
func (s *settings) check() error {
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"output", s.output, formats},
		{"expect", s.expect, []string{"auto", "private", "any"}},
		{"log-level", s.logLevel, []string{"debug", "info", "warn", "error"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return usagef("%s %q: want one of %s", s.where(c.flag), c.value, strings.Join(c.allowed, ", "))
		}
	}
	switch {
	case s.requirePrivate && s.expect == "any":
		return usagef("--require-private contradicts --expect any")
	case s.sinceLast && s.stateDir == "":
		return usagef("%s needs --state-dir: the run before is remembered there", strings.TrimSuffix(s.where("since-last"), ":"))
	case s.timeout <= 0 || s.timeout > time.Minute:
		return usagef("%s %v: want more than 0 and at most 1m", s.where("timeout"), s.timeout)
	case s.idle < 0 || s.idle > probe.MaxIdle:
		return usagef("%s %v: want at most %v", s.where("idle"), s.idle, probe.MaxIdle)
	case s.budget <= 0 || s.budget > 10*time.Minute:
		return usagef("%s %v: want more than 0 and at most 10m", s.where("budget"), s.budget)
	case !checkJitter(s.jitter):
		return usagef("%s %q: want off, auto, or a duration of at most %v", s.where("jitter"), s.jitter, maxJitter)
	}
	if err := s.checkLooks(); err != nil {
		return err
	}
	if _, err := report.ParseFailOn(s.failOn); err != nil {
		return usagef("%s %q: want one of error, warning, never", s.where("fail-on"), s.failOn)
	}
	if err := s.checkSummary(); err != nil {
		return err
	}
	if err := s.delivery.check(s.where, s.outputFile); err != nil {
		return err
	}
	_, err := s.resolverAddrs()
	return err
}

// maxWait bounds --wait: after a day nobody waits any more.
const maxWait = 24 * time.Hour

// checkLooks refuses what looks that are repeated cannot do.
func (s *settings) checkLooks() error {
	flag := "--wait"
	switch {
	case s.wait < 0 || s.wait > maxWait:
		return usagef("%s %v: want at most %v", s.where("wait"), s.wait, maxWait)
	case s.watch:
		flag = "--watch"
	case s.wait == 0:
		return nil
	}
	switch {
	case s.rehearse:
		return usagef("%s repeats the run, and --rehearse makes up to 14 signed calls in each: wait first, then rehearse", flag)
	case s.idle > 0:
		return usagef("%s repeats the run, and --idle keeps each one silent for %v: use one of them", flag, s.idle)
	case s.watch && s.output != "text":
		return usagef("--watch shows a table and ends with a report as text: --output %s goes with --wait", s.output)
	}
	return nil
}

// allServices are those that the user named and those that deliveries need.
func (s *settings) allServices() []string {
	out := slices.Clone(s.services)
	for _, d := range s.delivery.services() {
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// resolverAddrs are the servers of --resolver; the port is 53 unless given.
func (s *settings) resolverAddrs() ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, r := range s.resolvers {
		if ap, err := netip.ParseAddrPort(r); err == nil {
			out = append(out, ap)
			continue
		}
		addr, err := netip.ParseAddr(strings.Trim(r, "[]"))
		if err != nil {
			return nil, usagef("%s %q: want an address such as 10.0.0.2 or 10.0.0.2:53", s.where("resolver"), r)
		}
		out = append(out, netip.AddrPortFrom(addr, 53))
	}
	return out, nil
}
