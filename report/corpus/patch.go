package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// op is one operation of a JSON Patch (RFC 6902): add, remove or replace.
type op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Diff is the patch that turns one document into another.
func Diff(from, to []byte) ([]byte, error) {
	a, err := tree(from)
	if err != nil {
		return nil, err
	}
	b, err := tree(to)
	if err != nil {
		return nil, err
	}
	ops := diff("", a, b)
	if ops == nil {
		ops = []op{}
	}
	out, err := marshal(ops)
	if err != nil {
		return nil, err
	}
	return Layout(out)
}

// tree decodes without a loss in numbers.
func tree(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	return v, d.Decode(&v)
}

func diff(path string, a, b any) []op {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return diffObjects(path, x, y)
		}
	case []any:
		if y, ok := b.([]any); ok {
			return diffArrays(path, x, y)
		}
	}
	return []op{{"replace", path, b}}
}

func diffObjects(path string, a, b map[string]any) []op {
	keys := make([]string, 0, len(a)+len(b))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []op
	for _, k := range keys {
		p := path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(k)
		x, inA := a[k]
		y, inB := b[k]
		switch {
		case !inA:
			out = append(out, op{"add", p, y})
		case !inB:
			out = append(out, op{"remove", p, nil})
		default:
			out = append(out, diff(p, x, y)...)
		}
	}
	return out
}

// diffArrays keeps the longest common subsequence. Elements that change in
// their place are compared further; the others are removed from the last to the
// first and added from the first to the last.
func diffArrays(path string, a, b []any) []op {
	at := func(i int) string { return path + "/" + strconv.Itoa(i) }
	if len(a) == len(b) {
		var out []op
		for i := range a {
			out = append(out, diff(at(i), a[i], b[i])...)
		}
		if len(out) <= 2*len(a) {
			return out
		}
	}
	keepA, keepB := common(a, b)
	var out []op
	for i := len(a) - 1; i >= 0; i-- {
		if !keepA[i] {
			out = append(out, op{"remove", at(i), nil})
		}
	}
	for i := range b {
		if !keepB[i] {
			out = append(out, op{"add", at(i), b[i]})
		}
	}
	return out
}

// common marks a longest common subsequence in both.
func common(a, b []any) (inA, inB []bool) {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if reflect.DeepEqual(a[i], b[j]) {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case reflect.DeepEqual(a[i], b[j]):
			inA[i], inB[j] = true, true
			i, j = i+1, j+1
		case n[i+1][j] >= n[i][j+1]:
			i++
		default:
			j++
		}
	}
	return inA, inB
}

// Apply turns a document by a patch into another.
func Apply(doc, patch []byte) ([]byte, error) {
	v, err := tree(doc)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(patch))
	d.UseNumber()
	d.DisallowUnknownFields()
	var ops []op
	if err := d.Decode(&ops); err != nil {
		return nil, err
	}
	for _, o := range ops {
		if !slices.Contains([]string{"add", "remove", "replace"}, o.Op) || !strings.HasPrefix(o.Path, "/") {
			return nil, fmt.Errorf("%s %s: want add, remove or replace and a path that begins with a slash", o.Op, o.Path)
		}
		if v, err = change(v, strings.Split(o.Path, "/")[1:], o); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Op, o.Path, err)
		}
	}
	return marshal(v)
}

var errNoPlace = errors.New("there is no such place")

// change applies one operation below v and returns what v is then.
func change(v any, path []string, o op) (any, error) {
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch x := v.(type) {
	case map[string]any:
		old, ok := x[key]
		switch {
		case !ok && (len(path) > 1 || o.Op != "add"):
			return nil, errNoPlace
		case len(path) > 1:
			inner, err := change(old, path[1:], o)
			x[key] = inner
			return x, err
		case o.Op == "remove":
			delete(x, key)
		default:
			x[key] = o.Value
		}
		return x, nil
	case []any:
		i, err := strconv.Atoi(key)
		if key == "-" && o.Op == "add" && len(path) == 1 {
			i, err = len(x), nil
		}
		switch {
		case err != nil || i < 0 || i > len(x) || i == len(x) && (len(path) > 1 || o.Op != "add"):
			return nil, errNoPlace
		case len(path) > 1:
			x[i], err = change(x[i], path[1:], o)
			return x, err
		case o.Op == "add":
			return slices.Insert(x, i, o.Value), nil
		case o.Op == "remove":
			return slices.Delete(x, i, i+1), nil
		}
		x[i] = o.Value
		return x, nil
	}
	return nil, errNoPlace
}
