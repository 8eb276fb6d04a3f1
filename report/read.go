package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// MaxBytes bounds what Read takes in. A run over every service of the largest
// Region stores about 2 MB; 64 MB leaves room for files that were merged or
// indented by hand and still fits the memory of the smallest instance.
const MaxBytes = 64 << 20

// ErrTooLarge is returned for input beyond MaxBytes.
var ErrTooLarge = errors.New("file is larger than 64 MB")

// Read reads a report or a facts file and decides by its keys which of the two
// it is. For a facts file the Report has Facts and Context and a Verdict
// without Status: the caller runs diagnose on the facts.
//
// A schema newer than ours is an error, because its meaning may have changed.
// Unknown keys are tolerated: newer writers may add optional ones, and a
// machine file has no typing errors to catch. Other errors name line, column
// and key.
func Read(r io.Reader) (*Report, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // an editor on Windows may have added the mark
	var keys struct {
		Schema  json.RawMessage `json:"schema"`
		Verdict json.RawMessage `json:"verdict"`
		Facts   json.RawMessage `json:"facts"`
		Run     json.RawMessage `json:"run"`
	}
	if err := decode(b, &keys); err != nil {
		return nil, err
	}
	switch {
	case keys.Facts != nil || keys.Verdict != nil:
		return readReport(b, keys.Schema, keys.Facts)
	case keys.Run != nil:
		return readFacts(b, keys.Schema)
	default:
		return nil, errors.New("neither a report (keys verdict, facts) nor a facts file (key run) of vpcdoctor")
	}
}

func readReport(b, schema, facts json.RawMessage) (*Report, error) {
	if err := checkSchema("schema", schema, SchemaVersion); err != nil {
		return nil, err
	}
	if facts == nil || string(facts) == "null" {
		return nil, errors.New("a report without facts: nothing to judge")
	}
	var inner struct {
		Schema json.RawMessage `json:"schema"`
	}
	// A wrong type is reported by the full decoding below, with its position.
	if json.Unmarshal(facts, &inner) == nil {
		if err := checkSchema("facts.schema", inner.Schema, fact.SchemaVersion); err != nil {
			return nil, err
		}
	}
	var rep Report
	if err := decode(b, &rep); err != nil {
		return nil, err
	}
	rep.Verdict = filled(rep.Verdict)
	return &rep, nil
}

func readFacts(b, schema json.RawMessage) (*Report, error) {
	if err := checkSchema("schema", schema, fact.SchemaVersion); err != nil {
		return nil, err
	}
	var s fact.Set
	if err := decode(b, &s); err != nil {
		return nil, err
	}
	return New(&s, diagnose.Verdict{}, Tool{}), nil
}

// checkSchema refuses what this build does not understand. Version 0 and a
// missing version never existed.
func checkSchema(key string, raw json.RawMessage, ours int) error {
	var n int
	if raw == nil || json.Unmarshal(raw, &n) != nil || n < 1 {
		return fmt.Errorf("key %s: want a schema version from 1 to %d", key, ours)
	}
	if n > ours {
		return fmt.Errorf("key %s: version %d is newer than the %d that this vpcdoctor reads; use the version that wrote the file or a later one", key, n, ours)
	}
	return nil
}
