package redact

import (
	"bytes"
	"encoding/json"
	"fmt"

	"vpcdoctor/probe/fact"
)

// Facts returns a copy of a set in which everything that identifies a customer
// has a made-up value. The set given is not changed.
func Facts(s *fact.Set) (*fact.Set, error) {
	out, _, err := mapped(s, false)
	return out, err
}

// Names is Facts for those who may see the instance but not all that is on it,
// as who reads its serial console: resource ids of AWS and addresses stay, so
// that a fix can be acted on. Accounts, names that the customer chose, hosts
// that are not AWS's, MACs, UUIDs and digests are made up.
func Names(s *fact.Set) (*fact.Set, error) {
	out, _, err := mapped(s, true)
	return out, err
}

func mapped(s *fact.Set, names bool) (*fact.Set, *mapping, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, nil, fmt.Errorf("redacting: %w", err)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // a number must come back as it was
	if err := d.Decode(&tree); err != nil {
		return nil, nil, fmt.Errorf("redacting: %w", err)
	}
	m := newMapping(s)
	m.names = names
	walk(tree, "", "", func(parent, key, v string) string { m.collect(parent, key, v); return v })
	m.solve()
	tree = walk(tree, "", "", m.replace)
	if b, err = json.Marshal(tree); err != nil {
		return nil, nil, fmt.Errorf("redacting: %w", err)
	}
	out := &fact.Set{}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, nil, fmt.Errorf("redacting: %w", err)
	}
	return out, m, nil
}

// walk calls do for every string with its key and that of the object or array
// around it, and puts back what do returns. Strings of an array have the
// array's key.
func walk(v any, parent, key string, do func(parent, key, v string) string) any {
	switch x := v.(type) {
	case string:
		return do(parent, key, x)
	case []any:
		for i := range x {
			x[i] = walk(x[i], parent, key, do)
		}
	case map[string]any:
		for k, inner := range x {
			x[k] = walk(inner, key, k, do)
		}
	}
	return v
}
