package firewall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"vpcdoctor/probe/fact"
)

const toolNFT = "nft"

var errMalformed = errors.New("the listing does not parse")

// nftListing is what a listing of nft says about the output hook.
type nftListing struct {
	rules  []fact.FirewallRule
	opaque map[tableID]bool // tables with a rule of the output hook that nft cannot show
}

func (o Options) nft(ctx context.Context) (nftListing, error) {
	out, err := o.list(ctx, "nft", "-j", "list", "ruleset")
	if err != nil && len(out) == 0 {
		return nftListing{}, err
	}
	l, err2 := parseNFT(out)
	if err == nil {
		err = err2
	}
	return l, err
}

// nftChain and nftRule are the elements of a listing that are needed
// (libnftables-json(5)). A base chain has a hook.
type nftChain struct {
	Family, Table, Name, Hook, Policy string
}

type nftRule struct {
	Family, Table, Chain, Comment string
	Handle                        uint64
	Expr                          []map[string]any
}

// chainID names a chain.
type chainID struct {
	tableID
	chain string
}

// parseNFT reads a listing. One that ends too early gives the rules up to
// there, with an error.
func parseNFT(text []byte) (nftListing, error) {
	chains, rules, err := decodeNFT(text)
	var (
		found = nftListing{opaque: map[tableID]bool{}}
		jumps = map[chainID][]string{}
		todo  []chainID
	)
	for _, r := range rules {
		id := chainID{tableID{r.Family, r.Table}, r.Chain}
		for _, stmt := range r.Expr {
			jumps[id] = appendTargets(jumps[id], stmt, 0)
		}
	}
	for _, c := range chains {
		id := chainID{tableID{c.Family, c.Table}, c.Name}
		if c.Hook != "output" || !ofIP(c.Family) {
			continue
		}
		todo = append(todo, id)
		if c.Policy == drop {
			found.rules = append(found.rules, rule(fact.FirewallRule{Tool: toolNFT, Family: c.Family, Table: c.Table, Chain: c.Name,
				Policy: true, Text: "policy drop", Verdict: drop, Packets: fact.PacketsUnknown}))
		}
	}
	reached := reach(todo, jumps)
	for _, r := range rules {
		id := chainID{tableID{r.Family, r.Table}, r.Chain}
		if !reached[id] {
			continue
		}
		f, verdict, opaque := describe(r)
		if opaque {
			found.opaque[id.tableID] = true
		}
		if verdict {
			found.rules = append(found.rules, f)
		}
	}
	return found, err
}

func ofIP(family string) bool { return family == "ip" || family == "ip6" || family == "inet" }

// reach is the set of chains that a packet may come to from those given.
func reach(from []chainID, jumps map[chainID][]string) map[chainID]bool {
	reached := map[chainID]bool{}
	for len(from) > 0 {
		id := from[len(from)-1]
		from = from[:len(from)-1]
		if reached[id] {
			continue
		}
		reached[id] = true
		for _, target := range jumps[id] {
			from = append(from, chainID{id.tableID, target})
		}
	}
	return reached
}

// decodeNFT reads the list {"nftables": [...]} element by element.
func decodeNFT(text []byte) (chains []nftChain, rules []nftRule, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for _, want := range []any{json.Delim('{'), "nftables", json.Delim('[')} {
		if t, err := d.Token(); err != nil || t != want {
			return nil, nil, errMalformed
		}
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return chains, rules, errMalformed
		}
		var e struct {
			Chain *nftChain
			Rule  *nftRule
		}
		inner := json.NewDecoder(bytes.NewReader(raw))
		inner.UseNumber()
		if inner.Decode(&e) != nil {
			continue // an element of another shape than ours: a newer nft's
		}
		switch {
		case e.Chain != nil:
			chains = append(chains, *e.Chain)
		case e.Rule != nil:
			rules = append(rules, *e.Rule)
		}
	}
	if _, err := d.Token(); err != nil {
		return chains, rules, errMalformed
	}
	return chains, rules, nil
}

// describe makes a rule a fact. verdict tells whether it drops or rejects,
// opaque whether it has a part that nft does not know.
func describe(r nftRule) (f fact.FirewallRule, verdict, opaque bool) {
	f = fact.FirewallRule{Tool: toolNFT, Family: r.Family, Table: r.Table, Chain: r.Chain, Handle: r.Handle, Packets: fact.PacketsUnknown}
	for _, stmt := range r.Expr {
		for key, v := range stmt { // one key each
			switch key {
			case "counter":
				f.Packets = packets(v)
			case drop, reject:
				f.Verdict = key
			case "vmap":
				if f.Verdict == "" && holds(v, drop, 0) {
					f.Verdict = drop
				}
			case "xt":
				opaque = true
			}
		}
	}
	if f.Verdict == "" {
		return f, false, opaque
	}
	f.Text = statements(r.Expr)
	if r.Comment != "" {
		f.Text += fmt.Sprintf(" comment %q", r.Comment)
	}
	return rule(f), true, opaque
}

// packets is the count of a counter statement; a named counter is a string and
// stays unknown.
func packets(v any) int64 {
	m, _ := v.(map[string]any)
	n, _ := m["packets"].(json.Number)
	if i, err := n.Int64(); err == nil && i >= 0 {
		return i
	}
	return fact.PacketsUnknown
}

// maxDepth bounds the walks over nested expressions; real ones have some five
// levels.
const maxDepth = 12

// appendTargets adds the chains that an expression jumps or goes to.
func appendTargets(out []string, v any, depth int) []string {
	if depth > maxDepth {
		return out
	}
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			if m, ok := x.(map[string]any); ok && (key == "jump" || key == "goto") {
				if target, ok := m["target"].(string); ok {
					out = append(out, target)
				}
			}
			out = appendTargets(out, x, depth+1)
		}
	case []any:
		for _, x := range v {
			out = appendTargets(out, x, depth+1)
		}
	}
	return out
}

// holds tells whether an expression has the key somewhere.
func holds(v any, key string, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k == key || holds(x, key, depth+1) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if holds(x, key, depth+1) {
				return true
			}
		}
	}
	return false
}
