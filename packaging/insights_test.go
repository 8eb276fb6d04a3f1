package packaging_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// insights reads a query of CloudWatch Logs Insights as far as a mistake in it
// would go unseen: a field that no event has is no error there, only an empty
// answer. The rules are those of the User Guide, "Logs Insights language query
// syntax", read 2026-11.
type insights struct {
	kinds     map[string][]string // fields by kind of event
	available map[string]bool     // fields that the next command can name
	events    string              // the kind that the first filter selects
	stats     int
	last      string // command before
	distinct  bool   // rows are of distinct events by now
	sorted    bool
}

var (
	insightsToken = regexp.MustCompile(`"[^"]*"|[0-9]+(?:\.[0-9]+)?[a-z]*|@?[A-Za-z_][A-Za-z0-9_.]*|!=|>=|<=|[-+*/(),=<>\[\]]`)
	insightsWords = []string{"and", "or", "not", "as", "by", "in", "like", "asc", "desc"}
	// Functions by whether a duplicate of an event changes what they say.
	insightsFunctions = map[string]bool{
		"now": false, "toMillis": false, "abs": false, "isPresent": false, "bin": false,
		"count_distinct": false, "latest": false, "earliest": false, "min": false, "max": false,
		"count": true, "sum": true, "avg": true, "pct": true,
	}
	// What the fields that queries compare can say.
	insightsValues = map[string][]string{
		"summary status": {"healthy", "degraded", "broken", "inconclusive"},
		"check status":   {"pass", "fail", "not_checked"},
		"summary kind":   {"summary"},
		"check kind":     {"check"},
	}
)

// check returns what is wrong with a query.
func (q insights) check(text string) error {
	q.available = map[string]bool{}
	if m := regexp.MustCompile(`\bkind = "(\w+)"`).FindStringSubmatch(text); m != nil {
		q.events = m[1]
	}
	for kind, fields := range q.kinds {
		if q.events == "" || q.events == kind {
			for _, f := range fields {
				q.available[f] = true
			}
		}
	}
	if len(q.available) == 0 {
		return fmt.Errorf("no event is of kind %q", q.events)
	}
	q.available["@timestamp"] = true
	for command := range strings.SplitSeq(text, "|") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
		if err := q.command(verb, rest); err != nil {
			return fmt.Errorf("%s %s: %w", verb, rest, err)
		}
		q.last = verb
	}
	return nil
}

func (q *insights) command(verb, rest string) error {
	if q.last == "dedup" && verb != "limit" {
		return fmt.Errorf("only limit may follow dedup")
	}
	switch verb {
	case "fields", "filter", "stats", "dedup":
	case "sort", "limit":
		q.sorted = true
	default:
		return fmt.Errorf("no such command")
	}
	if verb == "limit" {
		return nil
	}
	if verb == "stats" {
		q.stats++
		if q.stats > 2 || q.sorted {
			return fmt.Errorf("a third stats, or sort and limit before the last one")
		}
	}
	if left := strings.TrimSpace(insightsToken.ReplaceAllString(rest, "")); left != "" {
		return fmt.Errorf("cannot read %q", left)
	}
	tokens := insightsToken.FindAllString(rest, -1)
	made := map[string]bool{}
	grouped := false
	for i, token := range tokens {
		before, after := "", ""
		if i > 0 {
			before = tokens[i-1]
		}
		if i+1 < len(tokens) {
			after = tokens[i+1]
		}
		switch {
		case token == "by":
			grouped = true
		case before == "as":
			made[token] = true
		case after == "(" && isWord(token):
			double, ok := insightsFunctions[token]
			if !ok {
				return fmt.Errorf("no function %s", token)
			}
			if double && !q.distinct {
				return fmt.Errorf("%s counts an event twice that was delivered twice", token)
			}
			if token == "bin" && q.stats > 1 {
				return fmt.Errorf("bin needs @timestamp, which is gone")
			}
		case strings.HasPrefix(token, `"`):
			field := tokens[max(i-2, 0)]
			if known, ok := insightsValues[q.events+" "+field]; ok && q.stats == 0 && !slices.Contains(known, strings.Trim(token, `"`)) {
				return fmt.Errorf("%s is never %s", field, token)
			}
		case isWord(token) && !slices.Contains(insightsWords, token):
			if !q.available[token] {
				return fmt.Errorf("no field %s", token)
			}
			if grouped {
				made[token] = true
			}
		}
	}
	switch verb {
	case "stats":
		q.available = made
		q.distinct = q.distinct || made["run_id"] && made["seq"]
	case "fields":
		for name := range made {
			q.available[name] = true
		}
	}
	return nil
}

func isWord(token string) bool { return regexp.MustCompile(`^@?[A-Za-z_]`).MatchString(token) }
