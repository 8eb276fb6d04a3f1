package diagnose

import (
	"fmt"
	"net/netip"

	"vpcdoctor/probe/fact"
)

// The ways to S3 and DynamoDB; the Way of a Row. A gateway endpoint is told by
// contrast with other public addresses or by a trace, so it is likely at most:
// only the route table proves it (field guide C.1).
const (
	wayInterface = "interface endpoint"
	wayGateway   = "gateway endpoint"
	wayOut       = "NAT or internet gateway"
	wayUndecided = "undecided"
)

// storeWay tells which way S3 or DynamoDB is reached; empty for other targets and
// where nothing answers.
func (v *View) storeWay(p *Path) string {
	if !store(p.T) {
		return ""
	}
	for _, pp := range p.ports() {
		if pp.TCP != Pass {
			continue
		}
		if !public(pp.Addr.Info) {
			return wayInterface
		}
		way, _ := v.storeWayOf(pp.Addr.Addr)
		return way
	}
	return ""
}

// storeWayOf tells which way a public address of S3 or DynamoDB that answers is
// reached, and by what that was seen.
func (v *View) storeWayOf(a netip.Addr) (string, []Evidence) {
	if way, ev := v.traced(a); way != "" {
		return way, ev
	}
	c := v.contrast()
	switch {
	case len(c.pubOK) > 0:
		return wayUndecided, nil // whatever carries the others can carry this
	case v.publicSilent() != "":
		return wayGateway, []Evidence{{v.publicSilent(), "another public address is silent, so neither NAT nor an internet gateway carries this one"}}
	}
	return wayUndecided, nil
}

// traced compares the trace to an address of the Region's S3 with that to
// another Region, which no endpoint of this VPC carries. Routers show on both
// ways or on neither; a way without any beside one that has some is shorter.
func (v *View) traced(a netip.Addr) (string, []Evidence) {
	var here, there *fact.Trace
	for _, t := range refs(v.Set.Traces, fact.Trace.Key) {
		switch {
		case t.Status != fact.OK:
		case t.Addr.Addr() == a:
			here = t
		case there == nil:
			there = t
		}
	}
	if here == nil || here.Reached == 0 {
		return "", nil
	}
	near := Evidence{here.Key(), traceWords(here)}
	switch {
	case routers(here) > 0:
		return wayOut, []Evidence{near}
	case there == nil || routers(there) == 0:
		return "", nil // nothing shows itself on this network
	}
	return wayGateway, []Evidence{near, {there.Key(), "another Region: " + traceWords(there)}}
}

// routers counts those that showed themselves before the address answered.
func routers(t *fact.Trace) int {
	n := 0
	for _, h := range t.Hops {
		n += b2i(h.ICMP == "time_exceeded" && h.From.IsValid())
	}
	return n
}

func traceWords(t *fact.Trace) string {
	if t.Reached > 0 {
		return fmt.Sprintf("trace: reached at hop %d, %d %s on the way", t.Reached, routers(t), verb(routers(t), "router", "routers"))
	}
	return fmt.Sprintf("trace: not reached, %d %s on the way", routers(t), verb(routers(t), "router", "routers"))
}

// publicSilent is the key of a public address that was dialled in vain and that
// no gateway endpoint carries; empty when there is none.
func (v *View) publicSilent() string {
	if c, ok := v.control(fact.ControlOtherRegion); ok && c.Dial.Class == fact.Timeout {
		return c.Dial.Key()
	}
	for _, p := range v.Paths {
		for _, pp := range p.ports() {
			if !store(p.T) && public(pp.Addr.Info) && pp.TCP == Fail && pp.Dial.Class == fact.Timeout {
				return pp.Dial.Key()
			}
		}
	}
	return ""
}
