package compare

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// project reduces a report to named values that can be compared with those of
// another instance: no ids, no times, own addresses only as what they are.
func project(r *report.Report, w worlds) map[Stage]*column {
	p := &projection{r: r, s: r.Facts, w: w, out: map[Stage]*column{}}
	if p.s == nil {
		p.s = &fact.Set{}
	}
	p.host()
	p.imds()
	p.resolver()
	p.names()
	p.paths()
	p.agent()
	p.credentials()
	p.verdict()
	p.place()
	return p.out
}

type projection struct {
	r   *report.Report
	s   *fact.Set
	w   worlds
	out map[Stage]*column
}

// add and the helpers below stay calls: inlined a few hundred times they take
// 30 kB of binary.
//
//go:noinline
func (p *projection) add(s Stage, what, value string) {
	if p.out[s] == nil {
		p.out[s] = &column{}
	}
	p.out[s].add(what, value)
}

// attempt is how an attempt ended, without its time.
//
//go:noinline
func attempt(o fact.Outcome, ok string) string {
	switch o.Status {
	case fact.OK:
		return ok
	case fact.Failed:
		if o.CutByBudget {
			return notSeen
		}
		return "failed: " + or(string(o.Class), "other")
	}
	return notSeen
}

//go:noinline
func yes(b bool, is, isNot string) string {
	if b {
		return is
	}
	return isNot
}

// or is the first of two that is not empty.
//
//go:noinline
func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// all joins a set of words, sorted; none is what an empty one is called.
//
//go:noinline
func all(in []string, none string) string {
	in = slices.Clone(in)
	slices.Sort(in)
	in = slices.Compact(in)
	if len(in) == 0 {
		return none
	}
	return strings.Join(in, ", ")
}

func (p *projection) host() {
	h := p.s.Host
	if h.OS == "" {
		return
	}
	p.add(Ground, "system", h.OS+"/"+h.Arch)
	p.add(Ground, "container", or(h.Container, "none"))
	p.add(Ground, "network namespace", yes(h.OtherNetNS, "another than PID 1", "that of PID 1"))
	p.add(Ground, "IPv6", yes(h.IPv6Off, "off", "on"))
	p.add(Ground, "proxy of the shell", proxy(h.Proxy))
	if o, ok := p.s.ClockOffset(); ok {
		p.add(Ground, "clock", yes(o.By.Abs() < 30*time.Second, "right", "off by "+o.By.Round(time.Minute).String()))
	}
	if f := h.Firewall; f != nil && f.Ran() {
		var rules []string
		for _, x := range f.Rules {
			rules = append(rules, x.Text)
		}
		p.add(Ground, "local firewall drops", all(rules, "nothing"))
	}
	if c := h.After; c.ConntrackMax > 0 {
		p.add(Ground, "connection tracking", yes(c.ConntrackCount*10 >= c.ConntrackMax*9, "full", "has room"))
	}
	var defaults, odd []string
	for _, x := range h.Routes {
		switch {
		case x.Dst.Bits() == 0 && x.Dst.Addr().Is4():
			defaults = append(defaults, "IPv4")
		case x.Dst.Bits() == 0:
			defaults = append(defaults, "IPv6")
		}
		if x.Kind != "" && x.Kind != "unicast" {
			odd = append(odd, x.Kind+" "+x.Dst.String())
		}
	}
	p.add(Routes, "default route", all(defaults, "none"))
	p.add(Routes, "routes that refuse", all(odd, "none"))
}

//go:noinline
func proxy(x fact.ProxySetting) string {
	if !x.Set() {
		return "none"
	}
	var words []string
	for _, v := range [][2]string{{"https_proxy", x.HTTPS}, {"http_proxy", x.HTTP}, {"all_proxy", x.All}, {"no_proxy", x.No}} {
		if v[1] != "" {
			words = append(words, v[0]+"="+v[1])
		}
	}
	return strings.Join(words, " ")
}

func (p *projection) imds() {
	m := p.s.IMDS
	p.add(IMDS, "session token", attempt(m.Token.Outcome, "given"))
	if m.V1.Ran() && m.V1.HTTPStatus != 0 {
		p.add(IMDS, "requests without a token", yes(m.V1.HTTPStatus == 200, "answered", "refused"))
	}
	p.add(IMDS, "instance role", or(string(m.Role.State), notSeen))
	if m.Role.Code != "" {
		p.add(IMDS, "role credentials", m.Role.Code)
	}
	p.add(IMDS, "answers", yes(m.Proxied, "through a proxy", "from the service"))
}

func (p *projection) resolver() {
	x := p.s.Resolver
	if x.Conf.Status == "" {
		return
	}
	p.add(Resolver, "resolv.conf", attempt(x.Conf, "read"))
	var servers []string // in their order, which decides
	for _, a := range x.Servers {
		servers = append(servers, p.server(a))
	}
	p.add(Resolver, "servers", or(strings.Join(servers, ", "), "none"))
	var search []string
	for _, d := range x.Search {
		if p.w.region || !strings.HasSuffix(d, ".internal") {
			search = append(search, d)
		}
	}
	p.add(Resolver, "search domains", or(strings.Join(search, ", "), "none"))
	p.add(Resolver, "stub", or(x.Stub, "none"))
	p.add(Resolver, "order of sources", or(strings.Join(x.HostsOrder, " "), notSeen))
	var hosts []string
	for _, h := range x.Hosts {
		hosts = append(hosts, h.Name+" = "+h.Addr.String())
	}
	p.add(Resolver, "hosts file, names needed here", all(hosts, "none"))
}

// server calls the VPC's own resolver by what it is: its address is another
// one in every VPC.
func (p *projection) server(a netip.AddrPort) string {
	if slices.Contains(p.s.Resolver.VPC, a) {
		return "the VPC resolver"
	}
	return a.Addr().String()
}

// label names a target: by its id, which is the same in every Region, and by
// its host where the id is not enough.
func (p *projection) label(t fact.Target) string {
	n := 0
	for _, x := range p.s.Targets {
		if x.ID == t.ID {
			n++
		}
	}
	if n > 1 && p.w.region {
		return t.ID + " (" + t.Host + ")"
	}
	return t.ID
}

func (p *projection) names() {
	for _, t := range p.s.Targets {
		a, ok := p.s.AnswerOf(t.Host)
		if !ok {
			continue
		}
		p.add(DNS, p.label(t), p.answer(a))
	}
}

// answer is where a name leads: by class, and by address where the addresses
// of the two runs can be compared and are not those that AWS rotates.
func (p *projection) answer(a fact.Answer) string {
	if a.Status != fact.OK {
		return attempt(fact.Outcome{Status: a.Status, Class: a.Class}, "")
	}
	count := map[string]int{}
	var classes []string
	for _, x := range a.Addrs {
		class := p.s.AddressOf(x).Class
		word := classWord(class)
		switch {
		case p.w.near && class != fact.PublicAWS:
			word += " " + x.String()
		case x.Is6():
			word += " IPv6"
		}
		if class == fact.PublicAWS {
			count[word] = 0 // how many of them an answer holds varies
		}
		count[word]++
		classes = append(classes, word)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	for i, c := range classes {
		if count[c] > 1 {
			classes[i] = strconv.Itoa(count[c]) + " x " + c
		}
	}
	out := or(strings.Join(classes, ", "), "no address")
	if a.Source == "hosts" {
		out += " (hosts file)"
	}
	return out
}

func classWord(c fact.AddrClass) string {
	switch c {
	case "":
		return "unclassified"
	case fact.OwnVPC:
		return "own VPC"
	case fact.PublicAWS:
		return "public AWS"
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// paths are the checks of every name, and who signed its certificate.
func (p *projection) paths() {
	issuer := map[string]string{}
	for _, h := range p.s.Handshakes {
		if len(h.Chain) > 0 && issuer[h.Host] == "" {
			issuer[h.Host] = h.Chain[len(h.Chain)-1].Issuer
		}
	}
	var signed [][2]string
	byKey := map[string]fact.Target{}
	for _, t := range p.s.Targets {
		byKey[t.Key()] = t
	}
	for _, row := range p.r.Verdict.Rows {
		what := p.label(byKey[row.Key])
		if what == "" {
			what = row.ID
		}
		if row.Path == "proxy" {
			what += " by the proxy"
		}
		for _, c := range []struct {
			stage Stage
			check diagnose.Check
		}{{TCP, row.TCP}, {TLS, row.TLS}, {HTTP, row.AWS}} {
			p.add(c.stage, what, check(c.check))
		}
		if s := issuer[row.Host]; s != "" {
			signed = append(signed, [2]string{what, s})
		}
	}
	for _, s := range signed { // after the checks, so that like differences stand together
		p.add(TLS, "signer of "+s[0], s[1])
	}
}

func check(c diagnose.Check) string {
	switch c.Status {
	case diagnose.Pass:
		return "pass"
	case diagnose.Fail:
		return "FAIL " + or(c.Word, "failed")
	}
	return notSeen
}

func (p *projection) agent() {
	a := p.s.Agent
	if a.Access.Status != fact.OK {
		return
	}
	var kinds []string
	for _, x := range a.Installs {
		kinds = append(kinds, x.Kind)
	}
	p.add(Agent, "installed as", all(kinds, "not installed"))
	p.add(Agent, "version", or(a.Version, notSeen))
	if a.UnitsRun.Ran() {
		var units []string
		for _, u := range a.Units {
			if u.Load != "not-found" {
				units = append(units, u.Name+" "+u.Load+" "+u.Active)
			}
		}
		p.add(Agent, "units", all(units, "none"))
	}
	if a.ProcsRun.Ran() {
		var roles []string
		for _, x := range a.Procs {
			roles = append(roles, x.Role)
		}
		p.add(Agent, "processes", all(roles, "none"))
	}
	p.add(Agent, "config file", yes(a.Config.Present, attempt(a.Config.Outcome, "read"), "absent"))
	var over []string
	for _, o := range a.Config.Overrides {
		over = append(over, o.Key+"="+o.Host)
	}
	p.add(Agent, "endpoints in it", all(over, "none"))
	p.add(Agent, "Region in it", or(a.Config.Region, "none"))
	p.add(Agent, "proxy", proxy(a.Proxy))
	p.add(Agent, "identity", or(a.Identity.Type, notSeen))
	p.add(Agent, "hybrid activation on disk", yes(a.Identity.Hybrid != "", "yes", "no"))
	if a.Log.Ran() {
		var events []string
		for _, e := range a.Log.Events {
			if !e.Old && e.Level != "INFO" && e.Level != "DEBUG" {
				events = append(events, strings.TrimPrefix(e.Key(), "log:"))
			}
		}
		p.add(Agent, "trouble in the log", all(events, "none"))
	}
	for _, i := range p.r.Verdict.Checks {
		if strings.HasPrefix(i.Key, "agent:") && i.Key != "agent:log" {
			p.add(Agent, i.What, check(diagnose.Check{Status: i.Status}))
		}
	}
}

func (p *projection) credentials() {
	used := notSeen
	for _, c := range p.s.Signed.Credentials {
		if c.Selected {
			used = string(c.Source)
		}
	}
	p.add(Credentials, "the agent's", used)
	for _, c := range p.s.Signed.Calls {
		what := c.Service + ":" + c.Operation
		if c.Purpose != "" {
			what += " (" + c.Purpose + ")"
		}
		value := attempt(c.Outcome, "allowed")
		if c.Code != "" {
			value = c.Code
			if c.Denial != nil && c.Denial.Layer != "" {
				value += " by the " + string(c.Denial.Layer)
			}
		}
		p.add(Credentials, what, value)
	}
	for _, s := range p.s.Rehearsal.Steps {
		p.add(Credentials, "rehearsal: "+s.Kind, attempt(s.Outcome, "works"))
	}
}

func (p *projection) verdict() {
	v := p.r.Verdict
	p.add(Verdict, "status", or(string(v.Status), notSeen))
	var codes []string // in the order in which to act
	for _, f := range v.Counting() {
		codes = append(codes, string(f.Code)+" ("+string(f.Confidence)+")")
	}
	p.add(Verdict, "causes", or(strings.Join(codes, ", "), "none"))
}

func (p *projection) place() {
	m, eni := p.s.IMDS, p.s.IMDS.Primary()
	for _, x := range [][2]string{
		{"Region", p.r.Context.Region}, {"zone", or(m.AZID, m.AZ)}, {"account", m.AccountID}, {"VPC", eni.VPCID}, {"subnet", eni.SubnetID},
		{"security groups", all(eni.SecurityGroupIDs, "")}, {"role", m.Role.Name},
	} {
		if x[1] != "" {
			p.add(Place, x[0], x[1])
		}
	}
}
