package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// didYouMean is the tail of an error about an unknown word.
func didYouMean(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}

// nearest returns the words within two edits of s, best first, at most three.
func nearest(s string, words []string) []string {
	type scored struct {
		word string
		d    int
	}
	var out []scored
	for _, w := range words {
		if d := edits(strings.ToLower(s), strings.ToLower(w)); d <= max(2, len(w)/4) {
			out = append(out, scored{w, d})
		}
	}
	slices.SortStableFunc(out, func(a, b scored) int { return a.d - b.d })
	var names []string
	for _, o := range out[:min(3, len(out))] {
		names = append(names, o.word)
	}
	return names
}

// edits is the Levenshtein distance of two short words.
func edits(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, prev[j+1]+1, prev[j]+cost)
		}
		prev = row
	}
	return prev[len(b)]
}

var unknownFlag = regexp.MustCompile(`^unknown flag: --([^ =]+)`)

// flagError turns pflag's complaint into a usage error with the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	var near []string
	for _, n := range nearest(m[1], names) {
		near = append(near, "--"+n)
	}
	return usagef("unknown flag --%s%s", m[1], didYouMean(near))
}
