package html

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// state of one stage of the path; it is also the class in the style.
type state markup

// States. A suspect stage is one that the facts allow to be at fault.
const (
	passed    state = "pass"
	broken    state = "fail"
	suspect   state = "warn"
	unchecked state = "none"
)

// stage is one box of the picture.
type stage struct {
	name  string
	state state
	word  string // "pass 2/2", "likely SG-02", "not checked"
}

// The stages in the order of the packets.
const (
	instance = iota
	resolver
	route
	filter
	endpoint
	tls
	permit
	service
	stages
)

var stageNames = [stages]string{"instance", "resolver", "route", "SG / NACL", "endpoint", "TLS", "policy", "service"}

// stageOf is where a cause sits on the path, by the letters of its code.
var stageOf = map[string]int{
	"SELF": instance, "OS": instance, "IM": instance, "AG": instance,
	"CN": resolver, "DN": resolver,
	"RT": route, "GW": route, "V6": route, "PX": route,
	"SG": filter, "FW": filter,
	"EP": endpoint, "PL": endpoint,
	"TL": tls,
	"IA": permit,
	"SM": service, "RC": service, "SV": service,
}

// exceptions sit elsewhere than their group.
var exceptions = map[diagnose.Code]int{
	"EP-14": resolver, "EP-15": resolver, // where a name leads
	"GW-02": filter, "GW-03": filter, "V6-05": filter,
	"FW-02": tls, "FW-03": tls, "FW-04": tls, "FW-05": tls,
	"EP-08": permit, "GW-05": permit, // policies of endpoints
	"FW-06": service, "FW-08": service,
}

func placeOf(c diagnose.Code) (int, bool) {
	if at, ok := exceptions[c]; ok {
		return at, true
	}
	group, _, _ := strings.Cut(string(c), "-")
	at, ok := stageOf[group]
	return at, ok
}

// pathOf tells, stage by stage, how far the way to one host was seen to work
// and where the verdict sees it broken. The host is the one that the leading
// cause is about, else the one that needs attention most.
func pathOf(r *report.Report) (out [stages]stage, row diagnose.Row, ok bool) {
	lead, led := r.Verdict.Lead()
	row, ok = subject(r.Verdict.Rows, lead)
	out = seen(r, row)
	if !led {
		return out, row, ok
	}
	if at, known := placeOf(lead.Code); known {
		out[at].state, out[at].word = broken, string(lead.Code)
		if lead.Severity != diagnose.SevError {
			out[at].state = suspect
		}
		if lead.Confidence != diagnose.Proved {
			out[at].word = string(lead.Confidence) + " " + string(lead.Code)
		}
	}
	for _, a := range lead.Alternatives {
		if at, known := placeOf(a.Code); known && out[at].state == unchecked {
			out[at].state, out[at].word = suspect, "or "+string(a.Code)
		}
	}
	return out, row, ok
}

// seen is what the checks alone say.
func seen(r *report.Report, row diagnose.Row) (out [stages]stage) {
	for i, n := range stageNames {
		out[i] = stage{name: n, state: unchecked, word: "not checked"}
	}
	if row.Path == "proxy" {
		out[route].name = "proxy"
	}
	if r.Facts != nil && r.Facts.IMDS.Token.Status == fact.OK {
		out[instance].state, out[instance].word = passed, "IMDS pass"
	}
	set := func(i int, c diagnose.Check) {
		out[i].state, out[i].word = checkState(c.Status), checkWord(c)
	}
	set(resolver, row.DNS)
	set(tls, row.TLS)
	set(service, row.AWS)
	for i := route; i <= endpoint; i++ {
		switch row.TCP.Status {
		case diagnose.Pass:
			out[i].state, out[i].word = passed, "TCP passes"
		case diagnose.Fail: // one of the three; a cause may tell which
			out[i].word = "not told"
		}
	}
	calls, refused := 0, 0
	for _, c := range r.Verdict.Checks {
		if strings.HasPrefix(c.Key, "call:"+row.ID+":") && c.Status != diagnose.NotCheckedStatus {
			calls++
			if c.Status == diagnose.Fail {
				refused++
			}
		}
	}
	switch {
	case refused > 0: // a refused stand-in proves nothing about the agent's own calls
		out[permit].state, out[permit].word = suspect, strconv.Itoa(refused)+" refused"
	case calls > 0:
		out[permit].state, out[permit].word = passed, "calls pass"
	}
	return out
}

// subject is the row of the picture.
func subject(rows []diagnose.Row, lead diagnose.Finding) (diagnose.Row, bool) {
	about := func(r diagnose.Row) int {
		switch {
		case slices.Contains(lead.Subjects, r.Key) || slices.Contains(lead.Subjects, r.Host):
			return 0
		case strings.HasPrefix(string(lead.Code), "GW-") && strings.HasPrefix(r.ID, "s3"):
			return 1 // its subjects are buckets
		}
		return 2
	}
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b diagnose.Row) int {
		return cmp.Or(about(a)-about(b), a.Urgency()-b.Urgency())
	})
	if len(sorted) == 0 {
		return diagnose.Row{}, false
	}
	return sorted[0], true
}

// firstBroken is the stage whose edge is marked, or -1.
func firstBroken(path [stages]stage) int {
	return slices.IndexFunc(path[:], func(s stage) bool { return s.state == broken })
}

// sentence says the whole picture in words, for those who do not see it.
func sentence(path [stages]stage) string {
	var parts []string
	for _, s := range path {
		parts = append(parts, s.name+": "+s.word)
	}
	return strings.Join(parts, "; ")
}
