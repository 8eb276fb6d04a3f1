package packaging_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vpcdoctor/report"
	"vpcdoctor/report/corpus"
	"vpcdoctor/report/deliver/cloudwatch"
	"vpcdoctor/report/deliver/events"
	"vpcdoctor/report/diagnose"
)

const (
	fleet     = "cloudwatch/fleet.yaml"
	scenarios = "../report/testdata/scenarios"
)

// eventFields are the fields of each kind of event, as the events of all the
// recorded facts have them.
func eventFields(t *testing.T) map[string][]string {
	t.Helper()
	fields, _ := eventsOf(t)
	return fields
}

// seen is what eventsOf has found; the corpus is read once.
var seen struct {
	fields  map[string][]string
	failing map[string]bool
}

// eventsOf also tells of which services there are failed checks.
func eventsOf(t *testing.T) (fields map[string][]string, failing map[string]bool) {
	t.Helper()
	if seen.fields != nil {
		return seen.fields, seen.failing
	}
	files, err := corpus.All(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	fields, failing = map[string][]string{}, map[string]bool{}
	for _, f := range files {
		for line := range events.Of(judged(t, f), events.Options{Time: time.Unix(1_796_000_000, 0), Metrics: true}) {
			var e map[string]any
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			kind, _ := e["kind"].(string)
			if status, _ := e["status"].(string); !slices.Contains(insightsValues[kind+" status"], status) {
				t.Errorf("%s: status %q of a %s", f.Name, status, kind)
			}
			if service, _ := e["service"].(string); kind == "check" && e["status"] == "fail" {
				failing[service] = true
			}
			for key := range e {
				if !slices.Contains(fields[kind], key) {
					fields[kind] = append(fields[kind], key)
				}
			}
		}
	}
	seen.fields, seen.failing = fields, failing
	return fields, failing
}

// judged is the report on recorded facts.
func judged(t *testing.T, f *corpus.File) *report.Report {
	t.Helper()
	set, err := f.Set()
	if err != nil {
		t.Fatal(err)
	}
	return report.New(set, diagnose.Run(set, diagnose.Options{}), report.Tool{Name: "vpcdoctor", Version: "0.1.0"})
}

// queries are the saved queries by name.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for id, r := range readTemplate(t, fleet).Resources {
		if r.Type != "AWS::Logs::QueryDefinition" {
			continue
		}
		name := r.Properties["Name"].Value
		if !strings.HasPrefix(name, "vpcdoctor/") || all[name] != "" {
			t.Errorf("%s: name %q", id, name)
		}
		all[name] = strings.TrimSpace(r.Properties["QueryString"].Value)
	}
	return all
}

// Saved queries are valid, ask for fields that events have, and say the same
// when events arrive twice. The README says what each answers.
func TestFleetQueries(t *testing.T) {
	all, readme := queries(t), read(t, "cloudwatch/README.md")
	if len(all) < 8 {
		t.Fatalf("%d queries", len(all))
	}
	q := insights{kinds: eventFields(t)}
	for name, text := range all {
		if err := q.check(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(text) > 10_000 {
			t.Errorf("%s: %d bytes", name, len(text))
		}
		if !strings.Contains(readme, "| "+strings.TrimPrefix(name, "vpcdoctor/")+" |") {
			t.Errorf("README.md does not say what %q answers", name)
		}
	}
}

// The reader of queries is held to what it is there for.
func TestInsightsMistakes(t *testing.T) {
	q := insights{kinds: eventFields(t)}
	for text, want := range map[string]string{
		`filter kind = "summary" | stats count(*) as n by code`:                                                 "twice",
		`filter kind = "check" and status = "failed"`:                                                           "never",
		`filter kind = "summry"`:                                                                                "no event",
		`filter kind = "summary" and tls_ms > 1`:                                                                "no field tls_ms",
		`filter kind = "check" | stats max(tls_ms) as ms by service | sort host desc`:                           "no field host",
		`filter kind = "check" | sort time desc | stats max(tls_ms) as ms by service`:                           "before the last",
		`filter kind = "check" | dedup run_id, seq | stats max(tls_ms) as ms by service`:                        "only limit",
		`filter kind = "check" | stats median(tls_ms) as ms by service`:                                         "no function",
		`filter kind = "check" | stats max(tls_ms) as ms by run_id, seq | stats max(ms) as most by bin(1h)`:     "bin",
		`filter kind = "check" | stats max(seq) as a by az | stats max(a) as b by az | stats max(b) as c by az`: "third",
		`filter kind = "check" | stats max(tls_ms) as ms by run_id, seq, az | stats max(ms) as most by service`: "no field service",
		`filter kind = "check" | where az = "a"`:                                                                "no such command",
		`filter kind = "check" ; drop`:                                                                          "cannot read",
	} {
		if err := q.check(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Metric filters name fields and values that events have; each alarm watches a
// metric that one of them makes, for no longer than CloudWatch allows.
func TestFleetAlarms(t *testing.T) {
	doc := readTemplate(t, fleet)
	fields, failing := eventsOf(t)
	made := map[string]string{} // metric: its dimension
	for id, r := range doc.Resources {
		if r.Type != "AWS::Logs::MetricFilter" {
			continue
		}
		pattern := r.Properties["FilterPattern"].Value
		kind := regexp.MustCompile(`\$\.kind = "(\w+)"`).FindStringSubmatch(pattern)
		if kind == nil || fields[kind[1]] == nil {
			t.Fatalf("%s: %s", id, pattern)
		}
		for _, m := range regexp.MustCompile(`\$\.(\w+) = "(\w+)"`).FindAllStringSubmatch(pattern, -1) {
			if !slices.Contains(fields[kind[1]], m[1]) || !slices.Contains(insightsValues[kind[1]+" "+m[1]], m[2]) {
				t.Errorf("%s: no event has %s", id, m[0])
			}
		}
		var out []struct {
			MetricNamespace string `yaml:"MetricNamespace"`
			MetricName      string `yaml:"MetricName"`
			DefaultValue    *int   `yaml:"DefaultValue"`
			Dimensions      []struct {
				Key   string `yaml:"Key"`
				Value string `yaml:"Value"`
			} `yaml:"Dimensions"`
		}
		node := r.Properties["MetricTransformations"]
		if err := node.Decode(&out); err != nil || len(out) != 1 || out[0].MetricNamespace != "VPCDoctorFleet" {
			t.Fatalf("%s: %v, %v", id, out, err)
		}
		made[out[0].MetricName] = ""
		for _, d := range out[0].Dimensions {
			made[out[0].MetricName] = d.Key
			if out[0].DefaultValue != nil {
				t.Errorf("%s: a metric with dimensions has no default value", id)
			}
			if !slices.Contains(fields[kind[1]], strings.TrimPrefix(d.Value, "$.")) {
				t.Errorf("%s: no event has %s", id, d.Value)
			}
		}
	}
	alarms := 0
	for id, r := range doc.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		alarms++
		name := r.Properties["MetricName"].Value
		dimension, ok := made[name]
		dims := r.Properties["Dimensions"]
		if _, math := r.Properties["Metrics"]; !math && (!ok || (dimension == "") != dims.IsZero() || r.Properties["Namespace"].Value != "VPCDoctorFleet") {
			t.Errorf("%s: nothing makes the metric %s", id, name)
		}
		var watched []struct {
			Name  string `yaml:"Name"`
			Value string `yaml:"Value"`
		}
		if err := dims.Decode(&watched); err != nil && !dims.IsZero() {
			t.Fatal(err)
		}
		for _, w := range watched {
			if w.Name != dimension || !failing[w.Value] {
				t.Errorf("%s: no check of %s %s ever fails", id, w.Name, w.Value)
			}
		}
		want := "notBreaching"
		if id == "Coverage" {
			want = "breaching"
		}
		if got := r.Properties["TreatMissingData"].Value; got != want {
			t.Errorf("%s: missing data is %q, want %q", id, got, want)
		}
		// At most a day for periods below an hour, seven days above (PutMetricAlarm).
		periods := 0
		if _, err := fmt.Sscan(r.Properties["EvaluationPeriods"].Value, &periods); err != nil {
			t.Fatal(err)
		}
		for _, v := range append(doc.Parameters["AlarmPeriod"].AllowedValues, doc.Parameters["CoveragePeriod"].AllowedValues...) {
			seconds := 0
			if _, err := fmt.Sscan(v.Value, &seconds); err != nil || seconds%60 != 0 {
				t.Errorf("period %q: %v", v.Value, err)
			}
			if total := seconds * periods; total > 604_800 || seconds < 3600 && total > 86_400 {
				t.Errorf("%s: %d periods of %d s are too long", id, periods, seconds)
			}
		}
	}
	if alarms != 5 {
		t.Errorf("%d alarms", alarms)
	}
}

// board is a dashboard's body, as far as we use it (CloudWatch API Reference,
// "Dashboard body structure and syntax", read 2026-11).
type board struct {
	Start   string
	Period  string `json:"periodOverride"`
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          struct {
			Title, Region, View, Stat, Query string
			Period                           int
			Stacked                          bool
			Metrics                          [][]any
			Alarms                           []string
		}
	}
}

// The dashboard is JSON once CloudFormation has filled it in, within its limits,
// and asks no question that is not a saved query too.
func TestFleetDashboard(t *testing.T) {
	doc := readTemplate(t, fleet)
	node := doc.Resources["Dashboard"].Properties["DashboardBody"]
	searched := regexp.MustCompile(`SEARCH\('\{([\w,]+)\} MetricName="(\w+)"'`)
	known := map[string]bool{"VPCDoctorFleet,Service Failed": true} // of the filter, see TestFleetAlarms
	healthy, err := corpus.Read(scenarios, "session-defaults")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range events.Metrics(judged(t, healthy)) {
		known[events.Namespace+",VpcId,Service "+m.Name] = true
	}
	for _, region := range []string{"us-east-1", "cn-northwest-1", "us-gov-west-1"} {
		body := strings.NewReplacer("${AWS::Region}", region, "${LogGroup}", "/vpcdoctor").Replace(node.Value)
		body = regexp.MustCompile(`\$\{(\w+)\.Arn\}`).ReplaceAllStringFunc(body, func(ref string) string {
			id := strings.TrimSuffix(strings.TrimPrefix(ref, "${"), ".Arn}")
			if doc.Resources[id].Type != "AWS::CloudWatch::Alarm" {
				t.Errorf("%s is no alarm", ref)
			}
			return "arn:" + id
		})
		if strings.Contains(body, "${") {
			t.Fatalf("not filled in: %s", body)
		}
		d := json.NewDecoder(strings.NewReader(body))
		d.DisallowUnknownFields()
		var b board
		if err := d.Decode(&b); err != nil {
			t.Fatal(err)
		}
		if n := len(b.Widgets); n == 0 || n > 500 || len(body) > 1<<20 {
			t.Errorf("%d widgets, %d bytes", n, len(body))
		}
		var seen [24 * 100]bool
		metrics, searches := 0, 0
		for _, w := range b.Widgets {
			p := w.Properties
			if p.Title == "" || w.Type != "alarm" && p.Region != region {
				t.Errorf("widget %q is of Region %q", p.Title, p.Region)
			}
			for y := w.Y; y < w.Y+w.Height; y++ {
				for x := w.X; x < w.X+w.Width; x++ {
					if x >= 24 || seen[y*24+x] {
						t.Fatalf("%s overlaps at %d, %d", p.Title, x, y)
					}
					seen[y*24+x] = true
				}
			}
			switch w.Type {
			case "log":
				question, ok := strings.CutPrefix(p.Query, "SOURCE '/vpcdoctor' | ")
				saved := queries(t)["vpcdoctor/"+strings.ToLower(p.Title[:1])+p.Title[1:]]
				if !ok || question != saved {
					t.Errorf("%s asks\n%s\nsaved is\n%s", p.Title, question, saved)
				}
			case "metric":
				metrics += len(p.Metrics)
				for _, m := range searched.FindAllStringSubmatch(fmt.Sprint(p.Metrics), -1) {
					searches++
					if !known[m[1]+" "+m[2]] {
						t.Errorf("%s: nothing makes %s", p.Title, m[0])
					}
				}
				if p.Period%60 != 0 || p.Period == 0 || len(p.Metrics) > 500 {
					t.Errorf("%s: period %d, %d metrics", p.Title, p.Period, len(p.Metrics))
				}
			case "alarm":
				if len(p.Alarms) != 5 {
					t.Errorf("%d alarms", len(p.Alarms))
				}
			default:
				t.Errorf("widget of type %q", w.Type)
			}
		}
		if metrics > 2500 || searches != 2 {
			t.Errorf("%d metrics, %d searches", metrics, searches)
		}
	}
}

// The shared streams are those that --log-stream-shards 64 writes to.
func TestFleetStreams(t *testing.T) {
	doc := readTemplate(t, fleet)
	want := map[string]bool{}
	for i := range 10_000 {
		want[cloudwatch.Shard(fmt.Sprintf("i-%017x", i), 64)] = true
	}
	if len(want) != 64 {
		t.Fatalf("instances write to %d streams", len(want))
	}
	for id, r := range doc.Resources {
		if r.Type != "AWS::Logs::LogStream" {
			continue
		}
		name := r.Properties["LogStreamName"].Value
		if !want[name] || r.Properties["LogGroupName"].Value != "LogGroup" {
			t.Errorf("%s is stream %q of %q", id, name, r.Properties["LogGroupName"].Value)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no streams %v", want)
	}
}

// What the Command document and the README have people set exists in vpcdoctor.
func TestFleetSettings(t *testing.T) {
	files, err := filepath.Glob("../cmd/vpcdoctor/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	var source strings.Builder
	for _, f := range files {
		source.WriteString(read(t, f))
	}
	flags := regexp.MustCompile(`--([a-z][a-z-]+)`).FindAllStringSubmatch(readDocument(t, "run-command.yaml").script(), -1)
	if len(flags) < 7 {
		t.Errorf("%d flags in the document", len(flags))
	}
	for _, m := range flags {
		if !strings.Contains(source.String(), `"`+m[1]+`"`) {
			t.Errorf("the document gives --%s, which does not exist", m[1])
		}
	}
	_, rest, _ := strings.Cut(read(t, "cloudwatch/README.md"), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	keys := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &keys); err != nil || len(keys) < 3 {
		t.Fatalf("%v, %v", keys, err)
	}
	for key := range keys {
		if !strings.Contains(source.String(), "`yaml:\""+key+"\"`") {
			t.Errorf("the configuration file has no %s", key)
		}
	}
	doc := readTemplate(t, fleet)
	if group := doc.Parameters["LogGroupName"].Default.Value; group != keys["log_group"] || !strings.Contains(source.String(), `"`+group+`"`) {
		t.Errorf("the template's log group %q is not the default of --log-group, or not the README's", group)
	}
}
