package firewall

import (
	"context"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
)

const (
	toolIPTables  = "iptables"
	toolIP6Tables = "ip6tables"
)

// iptables asks both families. The error is that of IPv4: a host without
// IPv6 filtering is nothing special.
func (o Options) iptables(ctx context.Context) ([]fact.FirewallRule, error) {
	v4, err := o.save(ctx, toolIPTables, "ip")
	v6, _ := o.save(ctx, toolIP6Tables, "ip6")
	return append(v4, v6...), err
}

func (o Options) save(ctx context.Context, tool, family string) ([]fact.FirewallRule, error) {
	out, err := o.list(ctx, tool+"-save", "-c")
	return parseSave(string(out), tool, family), err
}

// parseSave reads what iptables-save -c prints: for each table its chains with
// their policies, then its rules, each after its counts:
//
//	*filter
//	:OUTPUT ACCEPT [12:720]
//	[3:180] -A OUTPUT -d 10.0.0.5/32 -p tcp -m tcp --dport 443 -j DROP
//
// Lines that do not read so are left out.
func parseSave(text, tool, family string) []fact.FirewallRule {
	type line struct {
		id      chainID
		rule    fact.FirewallRule
		verdict bool
	}
	var (
		lines  []line
		jumps  = map[chainID][]string{}
		output []chainID
		table  string
	)
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		f := fact.FirewallRule{Tool: tool, Family: family, Table: table, Packets: fact.PacketsUnknown}
		switch {
		case strings.HasPrefix(l, "*"):
			table = l[1:]
		case strings.HasPrefix(l, ":"):
			words := strings.Fields(l[1:])
			if len(words) < 2 || words[0] != "OUTPUT" {
				continue
			}
			id := chainID{tableID{family, table}, words[0]}
			output = append(output, id)
			if words[1] == "DROP" {
				f.Chain, f.Policy, f.Text, f.Verdict = words[0], true, "policy DROP", drop
				if len(words) > 2 {
					f.Packets = counted(words[2])
				}
				lines = append(lines, line{id, f, true})
			}
		default:
			chain, target, ok := readRule(l, &f)
			if !ok {
				continue
			}
			id := chainID{tableID{family, table}, chain}
			if target != "" {
				jumps[id] = append(jumps[id], target)
			}
			lines = append(lines, line{id, f, f.Verdict != ""})
		}
	}
	reached := reach(output, jumps)
	var out []fact.FirewallRule
	for _, l := range lines {
		if l.verdict && reached[l.id] {
			out = append(out, rule(l.rule))
		}
	}
	return out
}

// readRule reads one "[3:180] -A CHAIN ... -j TARGET" into f; target is where
// it jumps or goes to.
func readRule(l string, f *fact.FirewallRule) (chain, target string, ok bool) {
	if head, rest, found := strings.Cut(l, " "); found && strings.HasPrefix(head, "[") {
		f.Packets, l = counted(head), rest
	}
	rest, ok := strings.CutPrefix(l, "-A ")
	if !ok {
		return "", "", false
	}
	chain, f.Text, _ = strings.Cut(rest, " ")
	f.Chain = chain
	target = targetOf(quotedFields(f.Text))
	switch target {
	case "DROP":
		f.Verdict = drop
	case "REJECT":
		f.Verdict = reject
	}
	return chain, target, true
}

// targetOf is what follows -j or -g. What follows an option with free text is
// skipped: it may read like one.
func targetOf(words []string) string {
	for i := 0; i+1 < len(words); i++ {
		switch words[i] {
		case "-j", "-g":
			return words[i+1]
		case "--comment", "--log-prefix", "--nflog-prefix":
			i++
		}
	}
	return ""
}

// counted is the packets of "[packets:bytes]".
func counted(s string) int64 {
	n, _, _ := strings.Cut(strings.TrimPrefix(s, "["), ":")
	if v, err := strconv.ParseInt(n, 10, 64); err == nil && v >= 0 {
		return v
	}
	return fact.PacketsUnknown
}

// quotedFields splits at spaces outside double quotes; a backslash takes the
// next byte as it is. Comments and log prefixes are quoted, and may hold what
// looks like an option.
func quotedFields(s string) []string {
	var (
		out    []string
		word   strings.Builder
		quoted bool
		began  bool
	)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			began = true
		case c == '"':
			quoted, began = !quoted, true
		case c == ' ' && !quoted:
			if began {
				out = append(out, word.String())
			}
			word.Reset()
			began = false
		default:
			word.WriteByte(c)
			began = true
		}
	}
	if began {
		out = append(out, word.String())
	}
	return out
}
