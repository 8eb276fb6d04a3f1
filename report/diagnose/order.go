package diagnose

import (
	"cmp"
	"fmt"
	"slices"
)

// refs returns pointers to the facts in the order of key. Facts with the same
// key come in the order of their contents, so that even duplicates do not make
// the verdict depend on the order in which they were stored.
func refs[T any](in []T, key func(T) string) []*T {
	keys := make([]string, len(in))
	for i := range in {
		keys[i] = key(in[i])
	}
	out := make([]*T, len(in))
	for i, k := range order(keys, func(i int) any { return in[i] }) {
		out[i] = &in[k]
	}
	return out
}

// sorted returns a copy in the order of refs.
func sorted[T any](in []T, key func(T) string) []T {
	out := make([]T, 0, len(in))
	for _, p := range refs(in, key) {
		out = append(out, *p)
	}
	return out
}

// order is the order of keys, as positions. It is apart from refs because the
// compiler writes the code of a sort anew for every type: some 10 kB each.
func order(keys []string, content func(int) any) []int {
	out := make([]int, len(keys))
	for i := range out {
		out[i] = i
	}
	slices.SortFunc(out, func(a, b int) int {
		if c := cmp.Compare(keys[a], keys[b]); c != 0 || a == b {
			return c
		}
		return cmp.Compare(fmt.Sprintf("%+v", content(a)), fmt.Sprintf("%+v", content(b)))
	})
	return out
}
