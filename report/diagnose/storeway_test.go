package diagnose

import (
	"slices"
	"testing"

	"vpcdoctor/probe/fact"
)

// TestStoreWay: the way to DynamoDB is told as that to S3 is, and no more of it
// than was seen.
func TestStoreWay(t *testing.T) {
	const table = "52.82.2.7"
	router := fact.Hop{TTL: 1, From: addrs([]string{"100.65.8.1"})[0], ICMP: "time_exceeded"}
	trace := func(a string, hops ...fact.Hop) fact.Trace {
		return fact.Trace{Outcome: ok(ms), Addr: at443(a), Hops: hops, Reached: len(hops) + 1}
	}
	silent := func(w world) { w.target("sqs", fact.NeedOptional, "52.82.1.9"); w.silent("52.82.1.9") }
	for _, c := range []struct {
		name   string
		change func(w world)
		want   string
	}{
		{"nothing to compare with", func(world) {}, wayUndecided},
		{"another public address answers", func(w world) { w.target("sqs", fact.NeedOptional, "52.82.1.9") }, wayUndecided},
		{"another is silent", silent, wayGateway},
		{"it is silent too", func(w world) { silent(w); w.silent(table) }, ""},
		{"private", func(w world) { w.resolves(host("dynamodb-gateway"), "10.192.10.70") }, wayInterface},
		{"routers on the way", func(w world) { w.Traces = []fact.Trace{trace(table, router)} }, wayOut},
		{"routers on the way abroad only", func(w world) { w.Traces = []fact.Trace{trace(table), trace("52.95.1.1", router)} }, wayGateway},
		{"no routers at all", func(w world) { w.Traces = []fact.Trace{trace(table), trace("52.95.1.1")} }, wayUndecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := healthy()
			d := w.target("dynamodb-gateway", fact.NeedOneOf, table)
			d.Type, d.PublicOK, d.PrivateDNS, d.Group = "Gateway", true, "no", "dynamodb"
			c.change(w)
			rows := Run(w.Set, Options{}).Rows
			i := slices.IndexFunc(rows, func(r Row) bool { return r.ID == "dynamodb-gateway" })
			if i < 0 || rows[i].Way != c.want {
				t.Errorf("row %d, want way %q: %+v", i, c.want, rows)
			}
		})
	}
}
