package resolve

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// osTimeout is for getent as a whole. glibc by itself waits 5 s for each of
	// two attempts at each of three servers; who waits longer than 2 s for a
	// name of AWS has the finding.
	osTimeout = 2 * time.Second
	// osPackets is what a lookup through the system is taken to send: A and AAAA,
	// and both again for one that was lost. What it sends to a cache on this host
	// leaves no trace on the allowance, so this errs to the safe side.
	osPackets = 4
	// maxGetent bounds the output that is read: 32 addresses, three lines each.
	maxGetent = 16 << 10
)

// Exit codes of glibc's getent (getent(1)): 1 is a missing argument or a
// database that it does not know, which is how other implementations refuse
// "ahosts"; 2 is a key without an entry.
const (
	getentUnknown = 1
	getentNoEntry = 2
)

const noGetent = "no getent"

// Command runs a command of the system and returns what it printed: fixed
// PATH, LC_ALL=C, bounded output, ended with ctx.
type Command func(ctx context.Context, name string, args ...string) ([]byte, error)

// OS asks the system's own resolver functions for a name, as a program with
// glibc does: hosts file, nsswitch with all its modules, caches, search list.
// There is one fact for A, and one for AAAA when there were such addresses:
// getent gives none on a host without IPv6, so their absence says nothing. A
// failure is Unresolved, because getent has one exit code for every reason.
// NotRun: this system has no getent that knows ahosts (musl, other systems).
func OS(ctx context.Context, run Command, name string) []fact.Lookup {
	l := osLookup(name)
	switch {
	case run == nil:
		l.Outcome = fact.Skip(noGetent)
		return []fact.Lookup{l}
	case !hostName(l.Name):
		l.Outcome = fact.Skip("not a host name")
		return []fact.Lookup{l}
	case ctx.Err() != nil:
		l.Outcome = classify.NotBegun(ctx.Err())
		return []fact.Lookup{l}
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, osTimeout)
	defer cancel()
	out, err := run(limited, "getent", "ahosts", l.Name)
	took := time.Since(start)
	if err != nil {
		l.Outcome = osFailure(ctx, err, start, took)
		return []fact.Lookup{l}
	}
	l.Outcome = fact.Outcome{Status: fact.OK, Start: start.UTC(), Took: fact.Duration(took)}
	return byFamily(l, parseAhosts(out[:min(len(out), maxGetent)]))
}

func osLookup(name string) fact.Lookup {
	return fact.Lookup{Name: cleanName(name), Type: "A", Via: fact.ViaOS, Transport: fact.TransportGetent, Attempt: 1}
}

// osFailure is how a run of getent without a result ended.
func osFailure(ctx context.Context, err error, start time.Time, took time.Duration) fact.Outcome {
	var exit interface{ ExitCode() int }
	code := -1
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), code == getentUnknown:
		return fact.Skip(noGetent)
	case code == getentNoEntry:
		return fact.Outcome{
			Status: fact.Failed, Class: fact.Unresolved, Detail: "getent has no address",
			Start: start.UTC(), Took: fact.Duration(took),
		}
	}
	o := classify.Outcome(err, start, took)
	if o.Class == fact.Timeout || o.Class == fact.Cancelled {
		o.CutByBudget = ctx.Err() != nil
	}
	return o
}

// ahosts is what getent printed.
type ahosts struct {
	addrs     []netip.Addr
	canonical string // of the first line; programs see it where the name is an alias
	more      int
}

// parseAhosts reads lines of "ADDRESS SOCKTYPE [NAME]", three for each address.
// Other lines are passed over.
func parseAhosts(out []byte) ahosts {
	var h ahosts
	seen := map[netip.Addr]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		a, ok := parseAddr(f[0])
		if !ok || seen[a] {
			continue
		}
		seen[a] = true
		if len(f) > 2 && len(seen) == 1 {
			h.canonical = cleanName(f[2])
		}
		if len(h.addrs) == maxAddrs {
			h.more++
			continue
		}
		h.addrs = append(h.addrs, a)
	}
	slices.SortFunc(h.addrs, netip.Addr.Compare)
	return h
}

// byFamily splits the addresses as DNS does.
func byFamily(l fact.Lookup, h ahosts) []fact.Lookup {
	if h.canonical != "" && h.canonical != l.Name {
		l.CNAMEs = []string{h.canonical}
	}
	six := l
	six.Type = "AAAA"
	for _, a := range h.addrs {
		if a.Is4() {
			l.Addrs = append(l.Addrs, a)
		} else {
			six.Addrs = append(six.Addrs, a)
		}
	}
	switch {
	case len(h.addrs) == 0:
		fail(&l, fact.Malformed, "getent printed no address")
		return []fact.Lookup{l}
	case len(l.Addrs) == 0:
		fail(&l, fact.NoData, "")
	}
	l.More = h.more
	if len(six.Addrs) == 0 {
		return []fact.Lookup{l}
	}
	return []fact.Lookup{l, six}
}

// hostName tells whether name is made of letters, digits, dots, hyphens and
// underscores and does not begin like an option: it becomes an argument of a
// command.
func hostName(name string) bool {
	ok := func(r rune) bool {
		return r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z'
	}
	// Two dots in a row are an empty label, or the mark of a name that was cut.
	return name != "" && len(name) <= maxText && name[0] != '-' && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, func(r rune) bool { return !ok(r) })
}
