package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Limits of a suggestion: more than three do not help, and a name longer than
// any real one is not a typing error.
const (
	maxNear   = 3
	maxTyping = 64
)

// near returns up to three candidates that the name may be a misspelling of,
// nearest first. A candidate that starts with the name counts as near, so that
// "secrets" finds "secretsmanager"; among equals it comes first: a letter that
// was left out at the end is the likelier slip.
func near(name string, candidates []string) []string {
	if len(name) < 2 || len(name) > maxTyping {
		return nil
	}
	// One slip in a short name, two or three in a longer one.
	limit := min(max(1, len(name)/3), 3)
	type scored struct {
		name string
		far  int
	}
	var hits []scored
	for _, c := range candidates {
		if abs(len(c)-len(name)) <= limit {
			if d := distance(name, c); d <= limit {
				hits = append(hits, scored{c, d})
				continue
			}
		}
		if len(name) >= 3 && strings.HasPrefix(c, name) {
			hits = append(hits, scored{c, limit + 1})
		}
	}
	slices.SortStableFunc(hits, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.far, b.far), starts(b.name, name)-starts(a.name, name),
			cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, h := range hits {
		if !slices.Contains(out, h.name) {
			out = append(out, h.name)
		}
		if len(out) == maxNear {
			break
		}
	}
	return out
}

// starts is 1 when s starts with the prefix.
func starts(s, prefix string) int {
	if strings.HasPrefix(s, prefix) {
		return 1
	}
	return 0
}

// distance is the number of inserted, dropped, replaced or swapped bytes
// between two names (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func abs(n int) int { return max(n, -n) }
