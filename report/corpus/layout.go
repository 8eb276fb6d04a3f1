package corpus

import (
	"bytes"
	"encoding/json"
	"strings"
)

// lineMax is how long a value may be that stands on one line.
const lineMax = 700

// Layout writes JSON so that a difference is readable and the file small: what
// fits a line stands on one, else each member or element begins a line of its
// own. The order of keys stays.
func Layout(in []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, in); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := lay(&out, b.Bytes(), 0); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func lay(out *bytes.Buffer, v []byte, depth int) error {
	if len(v) <= lineMax || v[0] != '{' && v[0] != '[' {
		out.Write(v)
		return nil
	}
	ms, err := members(v)
	if err != nil {
		return err
	}
	out.WriteByte(v[0])
	for i, m := range ms {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + strings.Repeat(" ", depth+1))
		out.WriteString(m.key)
		if err := lay(out, m.value, depth+1); err != nil {
			return err
		}
	}
	out.WriteString("\n" + strings.Repeat(" ", depth))
	out.WriteByte(v[len(v)-1])
	return nil
}

// member is one of an object, with `"key":`, or of an array, without.
type member struct {
	key   string
	value []byte
}

// members splits a compact object or array in its order.
func members(v []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(v))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var out []member
	for d.More() {
		var m member
		if v[0] == '{' {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, err := marshal(k)
			if err != nil {
				return nil, err
			}
			m.key = string(name) + ":"
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		m.value = raw
		out = append(out, m)
	}
	return out, nil
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
