// Package firewall reads which rules of this host's own packet filter drop or
// reject outgoing packets, and which of them counted packets meanwhile.
//
// In go a way to run commands and to read files, out comes a fact.Firewall. It
// lists (`nft -j list ruleset`, `iptables-save -c`, `ip6tables-save -c`) and
// never changes a rule or resets a counter. Only root may list. What is read is
// as foreign as a network answer: comments and set elements are other people's
// text, so every size is bounded and every text cleaned. The package never
// judges whether a rule is right.
package firewall

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Command runs a command of the system and returns its standard output, which
// may come with an error too. It has a fixed PATH and a bounded output.
type Command func(ctx context.Context, name string, args ...string) ([]byte, error)

// Options is what Read needs of the host.
type Options struct {
	Command  Command
	ReadFile func(name string) ([]byte, error) // nil: no file is there
	UID      int                               // effective user id
}

const (
	// listTimeout of one listing. nft needs some 10 ms for a hundred rules and
	// about 1 s for ten thousand.
	listTimeout = 2 * time.Second
	// maxListing bounds what is parsed of one listing: some 4,000 rules.
	maxListing = 1 << 20
	// maxRules are kept of a listing, maxShown after a comparison: a finding
	// names one or two.
	maxRules = 512
	maxShown = 32
	// maxText and maxName bound one rule's text and the names of its chain and
	// table. The kernel allows 255 bytes for a name.
	maxText = 160
	maxName = 64
)

// Verdicts, as in fact.FirewallRule.
const (
	drop   = "drop"
	reject = "reject"
)

// Read lists the rules of the output hook that drop or reject, in the order of
// the listings. nft shows what the kernel's nf_tables has, which includes the
// rules of iptables-nft; iptables-save is asked too where nft cannot tell
// everything: it is not installed, a rule uses an extension that it does not
// know, or tables of the legacy iptables exist.
func Read(ctx context.Context, o Options) fact.Firewall {
	switch {
	case runtime.GOOS != "linux":
		return fact.Firewall{Outcome: fact.Skip("only on Linux")}
	case o.UID != 0:
		return fact.Firewall{Outcome: fact.Skip("needs root")}
	case o.Command == nil:
		return fact.Firewall{Outcome: fact.Skip("no commands are run")}
	case ctx.Err() != nil:
		return fact.Firewall{Outcome: classify.NotBegun(ctx.Err())}
	}
	start := time.Now()
	var (
		f     fact.Firewall
		rules []fact.FirewallRule
	)
	n, err := o.nft(ctx)
	if err == nil || len(n.rules) > 0 {
		f.Tool, rules = toolNFT, n.rules
	}
	if err != nil || len(n.opaque) > 0 || o.legacy() {
		more, err2 := o.iptables(ctx)
		if err2 == nil || len(more) > 0 {
			f.Tool = strings.TrimPrefix(f.Tool+"+"+toolIPTables, "+")
			rules = append(withoutTables(rules, n.opaque), more...)
		}
		if errors.Is(err, exec.ErrNotFound) {
			err = err2 // a host without nft is judged by the tool that it has
		}
	}
	f.Outcome = outcome(err, start)
	f.Rules = rules[:min(len(rules), maxRules)]
	f.More = len(rules) - len(f.Rules)
	return f
}

// list runs one listing command; what it printed is cut to maxListing.
func (o Options) list(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	out, err := o.Command(ctx, name, args...)
	if len(out) > maxListing {
		out, err = out[:maxListing], errTooLarge
	}
	return out, err
}

var errTooLarge = errors.New("the listing is larger than the limit")

// outcome classifies what a listing ended with.
func outcome(err error, start time.Time) fact.Outcome {
	f := classify.Outcome(err, start, time.Since(start))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		f.Class = fact.NotFound
	case errors.Is(err, errTooLarge):
		f.Class = fact.TooLarge
	case errors.Is(err, errMalformed):
		f.Class = fact.Malformed
	}
	return f
}

// legacy tells whether the kernel has tables of the legacy iptables. Asking its
// files loads no module; asking iptables-save could.
func (o Options) legacy() bool {
	if o.ReadFile == nil {
		return false
	}
	for _, name := range []string{"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"} {
		if b, err := o.ReadFile(name); err == nil && strings.TrimSpace(string(b)) != "" {
			return true
		}
	}
	return false
}

// withoutTables leaves out the rules of tables that another listing tells
// better.
func withoutTables(rules []fact.FirewallRule, opaque map[tableID]bool) []fact.FirewallRule {
	return slices.DeleteFunc(rules, func(r fact.FirewallRule) bool { return opaque[tableID{r.Family, r.Table}] })
}

// tableID names a table.
type tableID struct{ family, name string }

// rule is a rule with its words made safe.
func rule(r fact.FirewallRule) fact.FirewallRule {
	r.Family, r.Table, r.Chain = classify.Clean(r.Family, maxName), classify.Clean(r.Table, maxName), classify.Clean(r.Chain, maxName)
	r.Text = classify.Clean(strings.TrimSpace(r.Text), maxText)
	return r
}

// Diff compares two readings and keeps what can have caught a packet between
// them: first the rules whose counter rose, with by how much, then the rules
// that have no counter. The rules that counted nothing are in More only. A
// counter that was not there before, or fell, says nothing and counts as
// unchanged.
func Diff(before, after fact.Firewall) fact.Firewall {
	was := make(map[fact.FirewallRule]int64, len(before.Rules))
	for id, r := range identified(before.Rules) {
		was[id] = r.Packets
	}
	var rose, uncounted []fact.FirewallRule
	for id, r := range identified(after.Rules) {
		r.Rose = 0
		switch then, known := was[id]; {
		case r.Packets < 0:
			uncounted = append(uncounted, r)
		case known && then >= 0 && r.Packets > then:
			r.Rose = r.Packets - then
			rose = append(rose, r)
		}
	}
	all := append(rose, uncounted...)
	total := len(after.Rules) + after.More
	after.Rules = all[:min(len(all), maxShown)]
	after.More = total - len(after.Rules)
	return after
}

// identified yields each rule with what makes it the same rule in another
// listing: all but its counts, and the how manieth of its kind it is, kept in
// Rose, because two rules of a chain may read the same.
func identified(rules []fact.FirewallRule) func(yield func(id, r fact.FirewallRule) bool) {
	return func(yield func(id, r fact.FirewallRule) bool) {
		seen := make(map[fact.FirewallRule]int64, len(rules))
		for _, r := range rules {
			id := r
			id.Packets, id.Rose = 0, 0
			seen[id]++
			nth := id
			nth.Rose = seen[id]
			if !yield(nth, r) {
				return
			}
		}
	}
}
