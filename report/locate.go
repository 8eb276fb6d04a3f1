package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// decode unmarshals b into v. Its errors name line, column and, where there is
// one, the key: encoding/json gives an offset for syntax errors only, and none
// that can be used when a type's own UnmarshalText objects.
func decode(b []byte, v any) error {
	err := json.Unmarshal(b, v)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// Offset counts the bytes read, the offending one included.
		return fmt.Errorf("%s: %w", place(b, int(syntax.Offset)-1), err)
	}
	at, path, cause := blame(b, 0, "", reflect.TypeOf(v).Elem(), err)
	if path == "" {
		return fmt.Errorf("%s: want a JSON object", place(b, at))
	}
	return fmt.Errorf("%s, key %s: %w", place(b, at), path, plain(cause))
}

// plain shortens the one error of encoding/json that names Go types.
func plain(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Errorf("unexpected %s", t.Value)
	}
	return err
}

// place is "line 3, column 7" of an offset, both counted from 1, in bytes.
func place(b []byte, at int) string {
	at = max(0, min(at, len(b)))
	before := b[:at]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := at - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

// blame finds the smallest value inside b that does not decode into its type:
// it decodes the members one by one and goes down into the one that fails.
// offset is that of b in the whole document.
func blame(b []byte, offset int, path string, t reflect.Type, err error) (int, string, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	lead := len(b) - len(bytes.TrimLeft(b, " \t\r\n"))
	b, offset = b[lead:], offset+lead
	for m := range members(b, t) {
		probe := reflect.New(m.typ)
		if inner := json.Unmarshal(b[m.start:m.end], probe.Interface()); inner != nil {
			return blame(b[m.start:m.end], offset+m.start, join(path, m.name), m.typ, inner)
		}
	}
	return offset, path, err
}

// member is one value inside an object or array and the type it is meant for.
type member struct {
	name       string // "facts" or "[3]"
	start, end int
	typ        reflect.Type
}

// members walks the direct members of a JSON object or array that decodes into
// t. It yields nothing when the two do not fit: then the value itself is wrong.
func members(b []byte, t reflect.Type) func(yield func(member) bool) {
	return func(yield func(member) bool) {
		object := t.Kind() == reflect.Struct && len(b) > 0 && b[0] == '{'
		array := t.Kind() == reflect.Slice && len(b) > 0 && b[0] == '['
		if !object && !array {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		if _, err := dec.Token(); err != nil {
			return
		}
		for i := 0; dec.More(); i++ {
			m := member{name: "[" + strconv.Itoa(i) + "]"}
			if object {
				key, err := dec.Token()
				if err != nil {
					return
				}
				m.name, _ = key.(string)
			}
			var raw json.RawMessage
			if dec.Decode(&raw) != nil {
				return
			}
			m.end = int(dec.InputOffset())
			m.start = m.end - len(raw)
			if array {
				m.typ = t.Elem()
			} else if m.typ = fieldType(t, m.name); m.typ == nil {
				continue // unknown keys are tolerated
			}
			if !yield(m) {
				return
			}
		}
	}
}

// fieldType is the type of the field with this JSON name, promoted fields
// included, or nil.
func fieldType(t reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && strings.EqualFold(tag, name) {
			return f.Type
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}
