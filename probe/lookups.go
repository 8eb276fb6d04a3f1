package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/resolve"
)

const (
	// fullNames is how many names are asked everywhere, A and AAAA: those of the
	// default profile and as many again. A profile's names always are; the
	// user's own names and services beyond this number are asked like --all, so
	// that a long list does not cost four packets a name out of an allowance
	// that production shares.
	fullNames = 12
	// maxFollowUps bounds how many of the other names are asked again
	// elsewhere: when the resolver is dead, the first few say so as well as all.
	maxFollowUps = 24
	// silentSample is how many of them are still asked when no configured
	// server has answered anything: enough to show that it is not one name.
	silentSample = 8
	// dnsParallel questions are in flight at once. The pace limits packets per
	// second; this limits sockets.
	dnsParallel = 64
)

// lookUp asks the names and hands each answer to the connector as it comes, so
// that dialling does not wait for the last name.
//
// The result waits for what is asked further, to tell the layers of name
// resolution apart; that goes on while the addresses are dialled.
func (r *runner) lookUp(ctx context.Context, c *connector) (layers func() fact.DNSDiff) {
	q := &resolve.Client{Timeout: r.opt.dnsTimeout(), Pace: r.pace, TCP: r.set.Resolver.UseTCP}
	full, brief := r.names()
	total := len(full) + len(brief)
	r.progress("dns", 0, total)
	for _, a := range literals(r.set.Targets) {
		c.answered(a)
	}
	r.set.Lookups = q.AskAll(ctx, r.fullQuestions(full), dnsParallel)
	first := resolve.EffectiveAll(r.set.Resolver, full, r.set.Lookups)
	r.proxyAddrs = addrsOf(first, r.proxyName())
	c.tunnel()
	for _, a := range first {
		c.answered(a)
	}
	r.askBriefly(ctx, q, c, brief)

	r.set.Answers = resolve.EffectiveAll(r.set.Resolver, slices.Concat(full, brief), r.set.Lookups)
	r.set.Answers = append(r.set.Answers, literals(r.set.Targets)...)
	sent := q.Sent()
	r.set.Run.Packets.DNS = sent
	r.set.Addresses = r.classified()
	r.progress("dns", total, total)

	plan := resolve.Extra(r.set)
	done := make(chan fact.DNSDiff, 1)
	go func() { done <- q.Run(ctx, plan, r.env.Command) }()
	return func() fact.DNSDiff {
		d := <-done
		r.set.Run.Packets.DNS += q.Sent() - sent
		return d
	}
}

func addrsOf(answers []fact.Answer, name string) []netip.Addr {
	for _, a := range answers {
		if a.Name == name && a.Status == fact.OK {
			return a.Addrs
		}
	}
	return nil
}

// names splits the distinct host names into those asked everywhere and those
// asked once at the configured resolver (decisions.md, "Do no harm").
func (r *runner) names() (full, brief []string) {
	seen := map[string]bool{}
	if p := r.proxyName(); p != "" {
		seen[p] = true
		full = append(full, p)
	}
	for _, t := range r.set.Targets {
		switch {
		case seen[t.Host] || isLiteral(t.Host):
		case broad(t), len(t.Profiles) == 0 && len(full) >= fullNames:
			brief = append(brief, t.Host)
		default:
			full = append(full, t.Host)
		}
		seen[t.Host] = true
	}
	return full, brief
}

// broad tells whether a target is there only because of --all: neither a
// profile nor the user named it.
func broad(t fact.Target) bool {
	return len(t.Profiles) == 0 && t.Need == fact.NeedOptional && t.Type != "Custom"
}

func (r *runner) configured() []netip.AddrPort {
	if len(r.set.Resolver.Override) > 0 {
		return r.set.Resolver.Override
	}
	return r.set.Resolver.Servers
}

// via is how a question to a configured server is recorded.
func (r *runner) via() string {
	if len(r.set.Resolver.Override) > 0 {
		return fact.ViaOverride
	}
	return fact.ViaConfigured
}

// fullQuestions ask A and AAAA at every configured server and at the VPC's own
// resolver.
func (r *runner) fullQuestions(names []string) []resolve.Question {
	var qs []resolve.Question
	for _, n := range names {
		for _, typ := range []string{"A", "AAAA"} {
			for _, s := range r.configured() {
				qs = append(qs, resolve.Question{Name: n, Type: typ, Server: s, Via: r.via()})
			}
			for _, s := range r.set.Resolver.VPC {
				if !slices.Contains(r.configured(), s) {
					qs = append(qs, resolve.Question{Name: n, Type: typ, Server: s, Via: fact.ViaVPC})
				}
			}
		}
	}
	return qs
}

// askBriefly asks A at the first configured server that has answered so far,
// and asks further only about names that failed there.
func (r *runner) askBriefly(ctx context.Context, q *resolve.Client, c *connector, names []string) {
	server, alive := r.liveServer()
	if len(names) == 0 || !server.IsValid() {
		return
	}
	if !alive && len(r.set.Lookups) > 0 && len(names) > silentSample {
		r.cut("DNS of "+plural(len(names)-silentSample, "further name"), "no configured server answers", "")
		names = names[:silentSample]
	}
	qs := make([]resolve.Question, 0, len(names))
	for _, n := range names {
		qs = append(qs, resolve.Question{Name: n, Type: "A", Server: server, Via: r.via()})
	}
	r.stream(ctx, q, qs, c)

	failed := map[string]bool{}
	var again []resolve.Question
	for _, a := range resolve.EffectiveAll(r.set.Resolver, names, r.set.Lookups) {
		if a.Status == fact.OK {
			continue
		}
		if len(failed) == maxFollowUps {
			r.cut("a second look at the remaining names that failed", "the first ones show the same", "")
			break
		}
		failed[a.Name] = true
		again = append(again, r.secondLook(a, server)...)
	}
	r.set.Lookups = append(r.set.Lookups, q.AskAll(ctx, again, dnsParallel)...)
	for _, a := range resolve.EffectiveAll(r.set.Resolver, names, r.set.Lookups) {
		if failed[a.Name] {
			c.answered(a)
		}
	}
}

// secondLook is what is asked about a name that failed: the VPC's resolver,
// and the other record type where the name exists.
func (r *runner) secondLook(a fact.Answer, server netip.AddrPort) []resolve.Question {
	var qs []resolve.Question
	if a.Class == fact.NoData {
		qs = append(qs, resolve.Question{Name: a.Name, Type: "AAAA", Server: server, Via: r.via()})
	}
	for _, s := range r.set.Resolver.VPC {
		if s != server {
			qs = append(qs, resolve.Question{Name: a.Name, Type: "A", Server: s, Via: fact.ViaVPC})
		}
	}
	return qs
}

// stream asks one question a name and hands on each answer as it comes. The
// lookups are kept in the questions' order.
func (r *runner) stream(ctx context.Context, q *resolve.Client, qs []resolve.Question, c *connector) {
	results := make([][]fact.Lookup, len(qs))
	ready := make(chan int, len(qs))
	go func() {
		var wg sync.WaitGroup
		slots := make(chan struct{}, dnsParallel)
		for i, question := range qs {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				results[i] = q.Ask(ctx, question.Name, question.Type, question.Server, question.Via)
				ready <- i
			})
		}
		wg.Wait()
		close(ready)
	}()
	for i := range ready {
		c.answered(resolve.Effective(r.set.Resolver, qs[i].Name, results[i]))
	}
	for _, ls := range results {
		r.set.Lookups = append(r.set.Lookups, ls...)
	}
}

// liveServer is the first configured server that answered anything so far; if
// none did, the first one and false.
func (r *runner) liveServer() (netip.AddrPort, bool) {
	servers := r.configured()
	for _, s := range servers {
		if slices.ContainsFunc(r.set.Lookups, func(l fact.Lookup) bool { return l.Server == s && l.RCode != "" }) {
			return s, true
		}
	}
	if len(servers) == 0 {
		return netip.AddrPort{}, false
	}
	return servers[0], false
}

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// literals are the answers for targets that the user gave as addresses: there
// is nothing to ask.
func literals(ts []fact.Target) []fact.Answer {
	var out []fact.Answer
	for _, t := range ts {
		if a, err := netip.ParseAddr(t.Host); err == nil {
			out = append(out, fact.Answer{Name: t.Host, Status: fact.OK, Addrs: []netip.Addr{a}, Source: "literal"})
		}
	}
	return out
}
