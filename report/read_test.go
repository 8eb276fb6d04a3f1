package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

var byValue = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})}

func facts() *fact.Set {
	return &fact.Set{
		Schema: fact.SchemaVersion, Start: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
		Run:   fact.Run{Version: "0.1.0", UID: 1000, Context: "tty", Expect: "auto", Budget: fact.Duration(10 * time.Second)},
		Agent: fact.Agent{Identity: fact.AgentIdentity{InstanceID: "i-0123456789abcdef0"}},
		Dials: []fact.Dial{{Outcome: fact.Outcome{Status: fact.OK, Took: fact.Duration(1500 * time.Microsecond)}, Addr: netip.MustParseAddrPort("10.0.1.5:443")}},
	}
}

func TestRoundTrip(t *testing.T) {
	want := New(facts(), diagnose.Verdict{Status: diagnose.Healthy, Causes: []diagnose.Finding{{Code: "EP-14"}}}, Tool{Name: "vpcdoctor", Version: "0.1.0"})
	var b bytes.Buffer
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.HasPrefix(text, "{\n  \"schema\": 1,\n") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("form of the document:\n%s", text)
	}
	if strings.Contains(text, "null") || !strings.Contains(text, `"took_ms": 1.5`) || !strings.Contains(text, `"effects": []`) {
		t.Errorf("null, or a duration that is no number of milliseconds:\n%s", text)
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Error(diff)
	}
	if got.Context.InstanceID != "i-0123456789abcdef0" {
		t.Error("the agent's record of the instance id does not serve when IMDS is silent")
	}
}

func TestReadFacts(t *testing.T) {
	var b bytes.Buffer
	if err := WriteFacts(&b, facts()); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts(), got.Facts, byValue); diff != "" {
		t.Error(diff)
	}
	if got.Verdict.Status != "" || got.Context.UID != 1000 {
		t.Errorf("got status %q, context %+v", got.Verdict.Status, got.Context)
	}
}

func TestReadErrors(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"empty":           {"", "line 1, column 1: unexpected end"},
		"not JSON":        {"schema: 1\n", "line 1, column 1: invalid character 's'"},
		"array":           {"\n [1]", "line 2, column 2: want a JSON object"},
		"other object":    {`{"a": 1}`, "neither a report"},
		"cut":             {"{\"schema\": 1,\n\"run\": {", "line 2, column 8: unexpected end"},
		"trailing":        {"{\"schema\": 1, \"run\": {}}\n{}", "line 2, column 1: invalid character '{'"},
		"comma":           {"{\n  \"schema\": 1,\n  \"run\": {},,\n}", "line 3, column 13: invalid character ','"},
		"no schema":       {`{"run": {}}`, "key schema: want a schema version"},
		"text schema":     {`{"schema": "1", "run": {}}`, "key schema: want a schema version"},
		"newer facts":     {`{"schema": 2, "run": {}}`, "key schema: version 2 is newer"},
		"newer report":    {`{"schema": 7, "verdict": {}, "facts": {}}`, "key schema: version 7 is newer"},
		"newer inside":    {`{"schema": 1, "verdict": {}, "facts": {"schema": 3}}`, "key facts.schema: version 3 is newer"},
		"no facts":        {`{"schema": 1, "verdict": {}}`, "a report without facts"},
		"null facts":      {`{"schema": 1, "verdict": {}, "facts": null}`, "a report without facts"},
		"wrong type":      {"{\"schema\": 1,\n \"run\": {\"uid\": \"root\"}}", "line 2, column 17, key run.uid: unexpected string"},
		"bad address":     {"{\"schema\": 1, \"run\": {},\n \"dials\": [{\"addr\": \"10.0.0.1:443\"},\n {\"addr\": \"10.0.0.x:443\"}]}", "line 3, column 11, key dials[1].addr: "},
		"bad duration":    {"{\"schema\": 1, \"verdict\": {}, \"facts\": {\"schema\": 1,\n\"run\": {\"budget_ms\": \"10s\"}}}", "line 2, column 22, key facts.run.budget_ms: "},
		"bad time":        {`{"schema": 1, "start": "yesterday", "run": {}}`, "line 1, column 24, key start: "},
		"promoted field":  {`{"schema": 1, "run": {}, "lookups": [{"status": 7}]}`, "key lookups[0].status: unexpected number"},
		"object as array": {`{"schema": 1, "run": {}, "lookups": {}}`, "key lookups: unexpected object"},
	} {
		_, err := Read(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestReadTolerates(t *testing.T) {
	for name, in := range map[string]string{
		"unknown keys":    `{"schema": 1, "run": {"colour": "blue"}, "later": [1, 2]}`,
		"byte order mark": "\xef\xbb\xbf{\"schema\": 1, \"run\": {}}",
	} {
		if _, err := Read(strings.NewReader(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// endless never ends, like a device given by mistake.
type endless struct{ n int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	e.n += len(b)
	return len(b), nil
}

func TestReadBounded(t *testing.T) {
	e := &endless{}
	if _, err := Read(e); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if e.n > 2*MaxBytes {
		t.Errorf("%d bytes were taken", e.n)
	}
}

func FuzzRead(f *testing.F) {
	// Small seeds: a mutation of a large one takes the engine a minute to shrink.
	var small bytes.Buffer
	if err := New(facts(), diagnose.Verdict{Status: diagnose.Healthy, Causes: []diagnose.Finding{{Code: "EP-14"}}}, Tool{}).WriteJSON(&small); err != nil {
		f.Fatal(err)
	}
	f.Add(small.Bytes())
	f.Add([]byte(`{"schema": 1, "run": {}, "lookups": [{"status": "ok", "took_ms": 0.25, "server": "10.0.0.2:53", "addrs": ["10.0.0.1"]}]}`))
	f.Add([]byte(`{"schema": 1, "run": {"budget_ms": "x"}, "dials": [{"addr": 1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := r.WriteJSON(&first); err != nil {
			t.Skip("a year beyond 9999 does not marshal")
		}
		if !json.Valid(first.Bytes()) {
			t.Fatal("not JSON")
		}
		r2, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if err := r2.WriteJSON(&second); err != nil || first.String() != second.String() {
			t.Fatalf("not stable: %v\n%s", err, cmp.Diff(first.String(), second.String()))
		}
	})
}
