// Package agent reads what this host shows of the SSM Agent: installations,
// service units, processes, the running agent's proxy variables, its config
// file, its own record of who it is, and what of the host it stands on: file
// systems, limits, memory, mandatory access control.
//
// In goes a root directory, a way to run three fixed commands and the user id,
// out come a fact.Agent and the agent's proxy with its credentials, which stay
// in memory. It must never write, start, stop or signal anything, never judge,
// and never let a key or a password into a fact. What this user may not see is
// NotRun "needs root", and never "absent".
//
// Source of paths and meanings, unless said otherwise: source of
// amazon-ssm-agent 3.3.987.0 and the Systems Manager User Guide (read 2026-11).
package agent

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// Options says where to look and as whom.
type Options struct {
	Root string // directory that stands for "/"; empty means the real one

	// Command runs systemctl, rpm and amazon-ssm-agent -version; nil means Exec.
	Command func(ctx context.Context, name string, args ...string) ([]byte, error)

	UID int              // effective user id; 0 means that no permission can be missing
	Now func() time.Time // nil means time.Now

	files files // tests: stands for Root
}

// Secrets is the proxy of the agent as it is set, user names and passwords
// included. It is never stored: its text and JSON forms are empty.
type Secrets struct {
	HTTPSProxy *url.URL // for https and wss; nil: direct
	HTTPProxy  *url.URL // for http, IMDS included; nil: direct
	NoProxy    string   // as it is set
}

// String keeps the content out of logs and errors.
func (Secrets) String() string { return "[secrets]" }

// GoString keeps the content out of %#v.
func (Secrets) GoString() string { return "[secrets]" }

// MarshalJSON keeps the content out of JSON.
func (Secrets) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// files is the part of the file system that this package uses.
type files interface {
	Open(name string) (io.ReadCloser, error)
	Read(name string, limit int) ([]byte, error)
	ReadInto(name string, buf []byte) (int, error)
	Readlink(name string) (string, error)
	Stat(name string) (fs.FileInfo, error)
	Names(dir string, limit int) ([]string, error)
	Tail(name string, limit int) (b []byte, cut bool, err error)
	Records(name string, limit int) ([]byte, error)
	Space(name string) (sysfile.Space, error)
}

// needsRoot is the reason of everything that this user may not see.
const needsRoot = "needs root"

// reader holds what the steps of one Read share.
type reader struct {
	files
	command func(ctx context.Context, name string, args ...string) ([]byte, error)
	uid     int
	now     func() time.Time
	denied  atomic.Bool // one of the agent's own files was closed to this user
}

// Read gathers the facts of the agent. It takes some 10 ms, at most 50 more on
// a host with thousands of processes, and with commands that hang no longer
// than their deadline (see Exec).
func Read(ctx context.Context, o Options) (fact.Agent, Secrets) {
	if runtime.GOOS != "linux" && o.files == nil && (o.Root == "" || o.Root == "/") {
		return notLinux(), Secrets{}
	}
	r := newReader(o)
	var a fact.Agent

	var wg, search sync.WaitGroup
	var f found
	var rpm string
	wg.Go(func() { a.Units, a.UnitsRun = r.units(ctx) })
	wg.Go(func() { a.Identity = r.identity() })
	wg.Go(func() { a.Ground.Inotify = r.inotify(ctx) })
	search.Go(func() { f = r.finds() })
	// The process table comes before any "amazon-ssm-agent -version" that we
	// may have to run ourselves, and would then see.
	a.Procs, a.ProcsRun = r.procs(ctx)
	wg.Go(func() { a.Ground.Mounts = r.mounts(ctx, a.Procs) })
	wg.Go(func() { a.Ground.Memory, a.Ground.MAC = r.kernel(a.Procs) })
	search.Wait()
	wg.Go(func() { rpm = r.rpmVersion(ctx, f) })
	a.Config = r.config(a.Procs)
	a.Leftovers = r.leftovers()
	proxy, run := r.proxy(a.Procs, a.ProcsRun, f)
	wg.Wait()

	a.Proxy, a.ProxyRun = proxy.Setting, run
	a.Installs = r.installs(ctx, f, rpm, a.Procs)
	a.Version, a.VersionFrom = version(a.Installs, a.Procs)
	a.Access = fact.Outcome{Status: fact.OK}
	if r.denied.Load() {
		a.Access = fact.Skip(needsRoot)
	}
	return a, Secrets{HTTPSProxy: proxy.HTTPS, HTTPProxy: proxy.HTTP, NoProxy: proxy.NoProxy}
}

func newReader(o Options) *reader {
	r := &reader{files: o.files, command: o.Command, uid: o.UID, now: o.Now}
	if r.files == nil {
		r.files = sysfile.Root(o.Root)
	}
	if r.command == nil {
		r.command = Exec
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// notLinux is what other systems give: this package knows Linux layouts only.
func notLinux() fact.Agent {
	skip := fact.Skip("not Linux")
	return fact.Agent{
		Access: skip, UnitsRun: skip, ProcsRun: skip, ProxyRun: skip,
		Config:   fact.AgentConfig{Outcome: skip},
		Identity: fact.AgentIdentity{Outcome: skip},
		Ground: fact.AgentGround{
			Inotify: fact.Inotify{Outcome: skip}, Memory: fact.Memory{Outcome: skip}, MAC: fact.MAC{Outcome: skip},
		},
	}
}
