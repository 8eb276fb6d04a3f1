package proxyenv

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

const (
	// maxScopes bounds the places: a host has some five.
	maxScopes = 16
	// maxProfile bounds one profile file; the largest that distributions ship
	// (a .bashrc) has 4 kB.
	maxProfile = 64 << 10
	// maxProfiles bounds the entries of /etc/profile.d; some 20 are normal.
	maxProfiles = 128
	// maxPath bounds the path of a scope.
	maxPath = 256
)

// profiles are what a login shell of root reads, in that order, and
// profileDir's scripts after the first (bash(1), "INVOCATION"; Debian's and
// Red Hat's names of the file for all interactive shells).
var (
	profiles = []string{
		"/etc/profile", "/etc/bashrc", "/etc/bash.bashrc", "/root/.bash_profile", "/root/.profile", "/root/.bashrc",
	}
	profileDir = "/etc/profile.d"
	// environmentFile is read by PAM for every login, and by the units of snaps.
	environmentFile = "/etc/environment"
)

// ScopeOptions says where to look.
type ScopeOptions struct {
	Root string // directory that stands for "/"; empty means the real one

	// Command asks systemctl for the manager's environment; nil: it is not asked.
	Command func(ctx context.Context, name string, args ...string) ([]byte, error)
	// Getenv looks up our own environment; nil: it is left out.
	Getenv func(name string) string

	Agent fact.ProxySetting // of the running agent's environment; zero: it does not run, or cannot be seen
	Units []Scope           // what the units' and the manager's files say (probe/agent reads them)
}

// Scope is one place that sets proxy variables. No part of it holds a user name
// or a password.
type Scope struct {
	fact.ProxyScope

	// The no_proxy that programs started from there see: Go programs look at the
	// upper-case spelling first, curl at the lower-case one (dial.Exempt takes
	// both).
	NoGo, NoCurl string
}

// Words of fact.ProxyScope.
const (
	ScopeAgent   = "agent"
	ScopeShell   = "shell"
	ScopeManager = "manager"
	ScopeUnit    = "unit"
	ScopeProfile = "profile"
)

// NewScope evaluates the variables of one place. ok is false when it sets none.
func NewScope(scope, path, source string, get func(string) string) (s Scope, ok bool) {
	p := Read(get, classify.Clean(source, maxPath))
	_, no := first(get, "no_proxy", "NO_PROXY")
	return Scope{
		ProxyScope: fact.ProxyScope{ProxySetting: p.Setting, Scope: scope, Path: classify.Clean(path, maxPath)},
		NoGo:       p.Setting.No, NoCurl: cleanList(no),
	}, p.Setting != fact.ProxySetting{}
}

// Scopes lists the places of this host that set proxy variables: programs that
// are started from different places get different ones. The environment of
// process 1 is not among them: systemd does not pass it on.
func Scopes(ctx context.Context, o ScopeOptions) []Scope {
	var out []Scope
	add := func(scope, path, source string, get func(string) string) {
		if s, ok := NewScope(scope, path, source, get); ok {
			out = append(out, s)
		}
	}
	// Any other source of the agent's setting is a unit's file.
	if strings.HasPrefix(o.Agent.Source, "process ") {
		out = append(out, Scope{
			ProxyScope: fact.ProxyScope{ProxySetting: o.Agent, Scope: ScopeAgent}, NoGo: o.Agent.No, NoCurl: o.Agent.No,
		})
	}
	if o.Getenv != nil {
		add(ScopeShell, "", "environment", o.Getenv)
	}
	root := sysfile.Root(o.Root)
	if vars := manager(ctx, root, o.Command); vars != nil {
		// Its files say the same, unless it has not read them yet or was told
		// something else since (systemctl set-environment).
		s, ok := NewScope(ScopeManager, "", "systemctl show-environment", lookup(vars))
		if ok && !slices.ContainsFunc(o.Units, func(u Scope) bool { return u.Scope == ScopeManager && same(u, s) }) {
			out = append(out, s)
		}
	}
	out = append(out, o.Units...)

	file := func(path string, parse func(string) map[string]string) {
		if text, ok := text(root, path); ok && len(out) < maxScopes {
			add(ScopeProfile, path, "file "+path, lookup(parse(text)))
		}
	}
	file(environmentFile, assignments)
	for i, p := range profiles {
		file(p, exports)
		if i > 0 {
			continue
		}
		names, _ := root.Names(profileDir, maxProfiles)
		for _, n := range names {
			if strings.HasSuffix(n, ".sh") || n == "sh.local" { // Red Hat's name for an administrator's own
				file(profileDir+"/"+n, exports)
			}
		}
	}
	return out[:min(len(out), maxScopes)]
}

// same tells whether two places set the same.
func same(a, b Scope) bool {
	a.Source, b.Source = "", ""
	return a.ProxySetting == b.ProxySetting && a.NoCurl == b.NoCurl
}

// manager is the environment that systemd starts services with; nil when it
// cannot be asked.
func manager(ctx context.Context, root sysfile.Root, command func(context.Context, string, ...string) ([]byte, error)) map[string]string {
	// The directory that sd_booted(3) looks for.
	if _, err := root.Stat("/run/systemd/system"); err != nil || command == nil || ctx.Err() != nil {
		return nil
	}
	out, err := command(ctx, "systemctl", "show-environment", "--no-pager")
	if err != nil {
		return nil
	}
	return assignments(string(out))
}

// text reads a profile file. Of one that is too long the beginning counts, up
// to its last whole line.
func text(root sysfile.Root, path string) (string, bool) {
	b, err := root.Read(path, maxProfile)
	if errors.Is(err, sysfile.ErrTooLarge) {
		return string(b[:bytes.LastIndexByte(b, '\n')+1]), true
	}
	return string(b), err == nil
}

func lookup(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}
