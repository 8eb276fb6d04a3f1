package firewall

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// maxRender stops the rendering of a rule once its text is far above what is
// kept: a set may have thousands of elements.
const maxRender = 4 * maxText

// statements writes a rule's statements about as nft prints them, without
// counters. It is for people to recognise the rule by, not for nft to read.
func statements(expr []map[string]any) string {
	var words []string
	size := 0
	for _, stmt := range expr {
		for key, v := range stmt {
			if w := statement(key, v); w != "" && size < maxRender {
				words, size = append(words, w), size+len(w)
			}
		}
	}
	return strings.Join(words, " ")
}

func statement(key string, v any) string {
	m, _ := v.(map[string]any)
	switch key {
	case "counter":
		return ""
	case "match":
		op := value(m["op"], 0)
		if op == "==" || op == "in" {
			return value(m["left"], 0) + " " + value(m["right"], 0)
		}
		return value(m["left"], 0) + " " + op + " " + value(m["right"], 0)
	case reject:
		return join(" ", reject, prefixed("with ", value(m["type"], 0)), value(m["expr"], 0))
	case "jump", "goto":
		return key + " " + value(m["target"], 0)
	case "limit":
		return "limit rate " + value(m["rate"], 0) + "/" + value(m["per"], 0)
	case "log":
		return join(" ", key, value(m["prefix"], 0))
	case "xt":
		return join(" ", key, value(m["name"], 0))
	case "vmap":
		return value(m["key"], 0) + " vmap " + value(m["data"], 0)
	}
	return key
}

// value writes one expression.
func value(v any, depth int) string {
	if depth > maxDepth {
		return "..."
	}
	switch v := v.(type) {
	case string:
		return v[:min(len(v), maxRender)]
	case json.Number:
		return v.String()
	case []any:
		return list(v, ",", depth)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			return object(key, v[key], depth+1)
		}
	}
	return ""
}

// object writes an expression of the form {key: x}.
func object(key string, x any, depth int) string {
	m, _ := x.(map[string]any)
	l, _ := x.([]any)
	switch {
	case key == "payload" && m["field"] != nil:
		return value(m["protocol"], depth) + " " + value(m["field"], depth)
	case key == "meta":
		return "meta " + value(m["key"], depth)
	case key == "ct":
		return "ct " + value(m["key"], depth)
	case key == "prefix":
		return value(m["addr"], depth) + "/" + value(m["len"], depth)
	case key == "range":
		return list(l, "-", depth)
	case key == "set":
		return "{" + list(l, ", ", depth) + "}"
	case key == "elem":
		return value(m["val"], depth)
	case key == "concat":
		return list(l, " . ", depth)
	case len(l) == 2: // a binary operation: "&", "|", "<<"
		return list(l, " "+key+" ", depth)
	}
	return key
}

// list writes the elements of a list until there is enough text.
func list(l []any, sep string, depth int) string {
	var b strings.Builder
	for i, x := range l {
		if b.Len() > maxRender {
			break
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(value(x, depth+1))
	}
	return b.String()
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// join joins what is not empty.
func join(sep string, words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), sep)
}
