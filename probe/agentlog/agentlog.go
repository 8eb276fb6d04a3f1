// Package agentlog reads the SSM Agent's own log and reduces it to facts.
//
// In goes a root directory, out comes a fact.AgentLog: which known messages
// stand in the log, since when, how often, and what they name: an address, a
// DNS server, a code of AWS, the time until the agent tries again. It must
// never keep a line, nor anything that it did not recognise: logs hold proxy
// passwords and whatever a server answered. It must never judge.
//
// What is read is the end of three files, or the journal when there is no
// file, in one pass and bounded memory. Everything in them is hostile.
//
// Source of the messages, unless said otherwise: source of amazon-ssm-agent
// 3.3.987.0 (read 2026-11) and logs that it wrote under faults.
package agentlog

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// Options says where to look and as whom.
type Options struct {
	Root string // directory that stands for "/"; empty means the real one
	UID  int    // effective user id; 0 means that no permission can be missing

	Now    func() time.Time // nil means time.Now
	Zone   *time.Location   // the agent's; nil: from /etc/localtime below Root, else time.Local
	NodeID string           // of this instance, as the metadata service says; may be empty

	// Command runs journalctl when there is no log file; nil: the journal is
	// not read.
	Command func(ctx context.Context, name string, args ...string) ([]byte, error)
	Budget  time.Duration // 0 means defaultBudget
}

const (
	// defaultBudget ends the reading: the files are on a local disk and take
	// some 50 ms; a hanging disk must not eat the run's 10 s.
	defaultBudget = 2 * time.Second
	// window is how much of the end of a log is read (issue 4).
	window = 4 << 20
	// fresh is the size below which a log counts as just rotated, so that the
	// one before it has to tell what the agent did until now: a healthy agent
	// fills it in about a day.
	fresh = 256 << 10

	logDir   = "/var/log/amazon/ssm/"
	mainLog  = "amazon-ssm-agent.log"
	errorLog = "errors.log"
	sleepLog = "hibernate.log"

	journal   = "journal"
	needsRoot = "needs root"
)

// reader holds what the steps of one Read share.
type reader struct {
	Options
	ctx  context.Context //nolint:containedctx // of one Read
	root sysfile.Root
	zone *clockZone
	all  *collection
	out  fact.AgentLog
}

// Read gathers the facts of the log.
func Read(ctx context.Context, o Options) fact.AgentLog {
	if runtime.GOOS != "linux" && (o.Root == "" || o.Root == "/") {
		return fact.AgentLog{Outcome: fact.Outcome{Status: fact.Failed, Class: fact.Unsupported, Detail: "only Linux"}}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Budget, defaultBudget))
	defer cancel()
	r := &reader{Options: o, ctx: ctx, root: sysfile.Root(o.Root), all: newCollection()}
	start := o.Now().UTC()
	r.zone = newZone(r.location(), start)
	r.read()
	r.out.Start, r.out.Starts, r.out.Version = r.all.start, r.all.starts, r.all.version
	r.out.NodeID, r.out.Last, r.out.Lines = r.all.node, r.all.last, r.all.lines
	r.out.Events = r.all.events(o.NodeID)
	_, offset := start.In(r.zone.loc).Zone()
	r.out.Zone = fact.Duration(time.Duration(offset) * time.Second)
	r.out.Outcome.Start, r.out.Took = start, fact.Duration(o.Now().Sub(start))
	return r.out
}

// read goes through the sources. The main log comes first: where it begins
// decides what the others can add.
func (r *reader) read() {
	paths := append(r.rotated(), logDir+mainLog)
	var from time.Time
	left := int64(window)
	for _, p := range paths {
		r.all.enter(mainLog, time.Time{})
		f := r.file(p, left)
		left = max(left-f.Read, fresh)
		r.out.Files = append(r.out.Files, f)
		r.out.Outcome = plain(f.Outcome)
		if from.IsZero() {
			from = f.From
		}
	}
	switch {
	case r.out.Class == fact.NotFound && r.Command != nil: // an image that logs to the console only
		f := r.journal()
		r.out.Files = append(r.out.Files, f)
		if f.Status == fact.OK {
			r.out.Outcome = plain(f.Outcome)
		}
		return
	case r.out.Status != fact.OK:
		return
	}
	// errors.log repeats the main log's errors and reaches back further: only
	// what is older than the part that was read adds something.
	r.all.enter(errorLog, from)
	r.out.Files = r.add(r.file(logDir+errorLog, window))
	r.all.enter(sleepLog, time.Time{})
	r.out.Files = r.add(r.file(logDir+sleepLog, window))
}

// add lists a file that need not exist only when it does.
func (r *reader) add(f fact.LogFile) []fact.LogFile {
	if f.Class == fact.NotFound {
		return r.out.Files
	}
	return append(r.out.Files, f)
}

// plain is how reading ended, without the time it took.
func plain(o fact.Outcome) fact.Outcome {
	return fact.Outcome{Status: o.Status, Class: o.Class, Detail: o.Detail, Skipped: o.Skipped, CutByBudget: o.CutByBudget}
}

// rotated is the log before the current one, when that one was just begun. A
// rolled log gets the next higher number, so the highest is the youngest.
func (r *reader) rotated() []string {
	info, err := r.root.Stat(logDir + mainLog)
	if err != nil || info.Size() >= fresh {
		return nil
	}
	names, err := r.root.Names(logDir, 256)
	if err != nil {
		return nil
	}
	best, name := 0, ""
	for _, n := range names {
		if number, ok := suffixNumber(n, mainLog+"."); ok && number > best {
			best, name = number, n
		}
	}
	if name == "" {
		return nil
	}
	return []string{path.Join(logDir, name)}
}

// ended is how reading a file ended.
func (r *reader) ended(err error) fact.Outcome {
	o := fact.Outcome{Status: fact.Failed}
	switch {
	case err == nil:
		return fact.Outcome{Status: fact.OK}
	case errors.Is(err, fs.ErrPermission) && r.UID != 0:
		return fact.Skip(needsRoot)
	case errors.Is(err, fs.ErrNotExist):
		o.Class = fact.NotFound
	case errors.Is(err, fs.ErrPermission):
		o.Class = fact.PermissionDenied
	case errors.Is(err, sysfile.ErrNotRegular):
		o.Class = fact.Malformed
	case errors.Is(err, context.DeadlineExceeded):
		o.Class, o.CutByBudget = fact.Timeout, true
	case errors.Is(err, context.Canceled):
		o.Class, o.CutByBudget = fact.Cancelled, true
	default:
		o.Class = fact.OtherFailure
	}
	o.Detail = detail(err)
	return o
}

// sortByTime puts events in the order in which they began.
func sortByTime(e []fact.LogEvent) {
	slices.SortStableFunc(e, func(a, b fact.LogEvent) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Stem, b.Stem), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Source, b.Source))
	})
}
