package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

var update = flag.Bool("update", false, "rewrite schema.json")

// published is where the schema can be read by anyone who gets a report.
const published = "schema.json"

// schema infers the JSON Schema of a Report from its types. What the inference
// cannot see is told here: types with a marshaller of their own, and the
// closed vocabularies.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	str := func(format, about string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Format: format, Description: about}
	}
	words := func(w ...any) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Enum: w} }
	s, err := jsonschema.For[Report](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[fact.Duration]():        {Type: "number", Description: "milliseconds"},
		reflect.TypeFor[time.Time]():            str("date-time", ""),
		reflect.TypeFor[netip.Addr]():           str("", "IP address, empty when not known"),
		reflect.TypeFor[netip.AddrPort]():       str("", "address and port, empty when not known"),
		reflect.TypeFor[netip.Prefix]():         str("", "CIDR block, empty when not known"),
		reflect.TypeFor[fact.Status]():          words(fact.OK, fact.Failed, fact.NotRun, ""),
		reflect.TypeFor[fact.Need]():            words(fact.NeedRequired, fact.NeedOneOf, fact.NeedRecommended, fact.NeedOptional),
		reflect.TypeFor[diagnose.Status]():      words(diagnose.Healthy, diagnose.Degraded, diagnose.Broken, diagnose.Inconclusive),
		reflect.TypeFor[diagnose.Severity]():    words(diagnose.SevError, diagnose.SevWarning, diagnose.SevInfo),
		reflect.TypeFor[diagnose.Confidence]():  words(diagnose.Proved, diagnose.Likely, diagnose.Possible),
		reflect.TypeFor[diagnose.CheckStatus](): words(diagnose.Pass, diagnose.Fail, diagnose.NotCheckedStatus),
		reflect.TypeFor[diagnose.Code]():        {Type: "string", Pattern: "^[A-Z][A-Z0-9]+-[0-9]{2}$"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "vpcdoctor report"
	s.Description = "A run of vpcdoctor: who judged, where and when, the verdict and the facts it rests on. Fields may be added without a new schema number; an absent field means not known."
	s.Properties["schema"].Description = "version of this form; a reader refuses a higher one than it knows"
	s.Properties["schema"].Const = jsonschema.Ptr[any](SchemaVersion)
	walk(s, func(x *jsonschema.Schema) {
		if slices.Contains(x.Types, "array") {
			x.Type, x.Types = "array", nil // the writer never leaves a slice nil
		}
		if slices.Contains(x.Types, "object") {
			x.Type, x.Types = "object", nil // facts is always there
		}
	})
	return s
}

func walk(s *jsonschema.Schema, do func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	do(s)
	for _, p := range s.Properties {
		walk(p, do)
	}
	walk(s.Items, do)
	walk(s.AdditionalProperties, do)
}

// TestSchemaPublished: schema.json is what the types say. Run with -update
// after a change, and read the difference: a removed or retyped field needs a
// new SchemaVersion.
func TestSchemaPublished(t *testing.T) {
	s := schema(t)
	walk(s, func(x *jsonschema.Schema) {
		if x.Type == "object" {
			x.AdditionalProperties = nil // readers must bear what later versions add
		}
	})
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(published, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")), b) {
		t.Error("schema.json is not what the types say; run go test ./report -update and read the difference")
	}
}

// TestGoldensFitSchema validates every stored report twice: against the
// published schema, and against the closed one, which knows every field.
func TestGoldensFitSchema(t *testing.T) {
	raw, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	var open jsonschema.Schema
	if err := json.Unmarshal(raw, &open); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("text/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d goldens found, %v", len(files), err)
	}
	for _, closed := range []bool{false, true} {
		s := &open
		if closed {
			s = schema(t)
		}
		r, err := s.Resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			err := r.Validate(load(t, f))
			if hostile := filepath.Base(f) == "hostile.json"; hostile != (err != nil) {
				t.Errorf("%s, closed %t: %v", f, closed, err)
			}
		}
	}
}

// TestSchemaRefuses: a schema that accepts anything would pass the test above.
func TestSchemaRefuses(t *testing.T) {
	r, err := schema(t).Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"newer schema":    func(d map[string]any) { d["schema"] = 2 },
		"no verdict":      func(d map[string]any) { delete(d, "verdict") },
		"unknown status":  func(d map[string]any) { d["verdict"].(map[string]any)["status"] = "fine" },
		"null causes":     func(d map[string]any) { d["verdict"].(map[string]any)["causes"] = nil },
		"duration string": func(d map[string]any) { d["facts"].(map[string]any)["run"].(map[string]any)["budget_ms"] = "10s" },
		"unknown field":   func(d map[string]any) { d["extra"] = true },
	} {
		doc := load(t, "text/testdata/healthy.json").(map[string]any)
		spoil(doc)
		if r.Validate(doc) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func load(t *testing.T, file string) any {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
