//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
)

// publishedSchema is report/schema.json, ready to validate with.
var publishedSchema = sync.OnceValues(func() (*jsonschema.Resolved, error) {
	b, err := os.ReadFile("../../report/schema.json")
	if err != nil {
		return nil, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	return s.Resolve(nil)
})

// fitsSchema validates a JSON report against the published schema.
func fitsSchema(report []byte) error {
	s, err := publishedSchema()
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	var doc any
	if err := json.Unmarshal(report, &doc); err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if err := s.Validate(doc); err != nil {
		return fmt.Errorf("the report does not fit the schema: %w", err)
	}
	return nil
}
