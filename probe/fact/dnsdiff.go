package fact

import (
	"net/netip"
	"slices"
	"strings"
)

// Further ways in which a lookup is made, on trouble and for one name of a
// healthy instance. Such lookups are in DNSDiff.Lookups only.
const (
	ViaOS       = "os"       // the system's own resolver functions, through getent
	ViaUpstream = "upstream" // a server that the local stub forwards to, asked directly
	ViaIPv6     = "ipv6"     // the VPC resolver at its IPv6 address
	ViaSearch   = "search"   // the name with a search domain appended
	ViaRandom   = "random"   // a random label, which nobody has registered
)

// TransportGetent is the Transport of a lookup that getent made: what it sent,
// to whom and how often, is the system's business and not known.
const TransportGetent = "getent"

// DNSDiff is what was asked to tell the layers of name resolution apart. It
// is apart from Set.Lookups, which hold what every program would ask.
type DNSDiff struct {
	Lookups    []Lookup    `json:"lookups,omitempty"`    // Via os, upstream, ipv6; or a configured server over TCP
	Searches   []Search    `json:"searches,omitempty"`   // what the search list does to a name
	Wildcards  []Wildcard  `json:"wildcards,omitempty"`  // random labels
	Countdowns []Countdown `json:"countdowns,omitempty"` // one question asked twice
	Dropped    []string    `json:"dropped,omitempty"`    // questions that the packet budget left out
}

// Search is what a program without a trailing dot gets from one search domain.
type Search struct {
	Name   string `json:"name"`            // that the program asks for
	Domain string `json:"domain"`          // appended to it
	First  bool   `json:"first,omitempty"` // tried before the name itself: fewer dots than ndots
	Lookup Lookup `json:"lookup"`          // of Name.Domain; OK means that the program is led elsewhere
}

// Wildcard is a name under Parent that nobody has registered. A server that
// has addresses for it has them for every name: a wildcard, a captive portal or
// a sinkhole.
type Wildcard struct {
	Parent string `json:"parent"`
	Lookup Lookup `json:"lookup"`
}

// Countdown is the same question to the same server, twice. A TTL that has
// gone down comes from a cache, one that stands still from the zone itself (or
// from a server that sets every TTL, so standing still alone proves nothing).
type Countdown struct {
	Lookups []Lookup `json:"lookups"` // in the order of asking, each the deciding attempt
}

// Cached tells whether the TTL went down between the samples, by no more than
// the time between them and the second that servers round by. known is false
// when fewer than two were answered with addresses, or they are less than a
// second apart.
func (c Countdown) Cached() (cached, known bool) {
	var ok []Lookup
	for _, l := range c.Lookups {
		if l.Status == OK {
			ok = append(ok, l)
		}
	}
	if len(ok) < 2 {
		return false, false
	}
	first, last := ok[0], ok[len(ok)-1]
	gap := last.Start.Sub(first.Start)
	if gap.Seconds() < 1 {
		return false, false
	}
	down := float64(first.TTL) - float64(last.TTL)
	return down >= 1 && down <= gap.Seconds()+1, true
}

// Layer is one stage of name resolution on the way from the zone to a program.
type Layer string

// The layers, from the VPC's resolver outward: each asks the one before it, or
// stands in for it.
const (
	LayerVPC      Layer = "vpc"        // 169.254.169.253, VPC+2, fd00:ec2::253
	LayerUpstream Layer = "upstream"   // a server behind the local stub
	LayerServer   Layer = "configured" // a nameserver of resolv.conf, or of --resolver
	LayerStub     Layer = "stub"       // a nameserver of resolv.conf on this host
	LayerOS       Layer = "os"         // nsswitch, its caches and modules: getent
	LayerHosts    Layer = "hosts"      // the hosts file
)

// layers in the order of the chain.
var layers = []Layer{LayerVPC, LayerUpstream, LayerServer, LayerStub, LayerOS, LayerHosts}

// View is what one layer says about one name and record type.
type View struct {
	Layer  Layer
	Server netip.AddrPort // zero for os and hosts
	Line   int            // of the hosts file
	Status Status
	Class  Class // of the failure
	Addrs  []netip.Addr
	Key    string // of the lookup or answer that says so, for evidence
}

// Views are the answers to one question, layer by layer from the VPC outward.
type Views []View

// Views collects what every layer that was asked says about a name; qtype is
// "A" or "AAAA". Layers that were not asked, or whose attempts our own budget
// cut, are absent. Of several attempts at one server the deciding one counts.
// The views of a layer are sorted by their keys.
func (s *Set) Views(name, qtype string) Views {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	byLayer := map[Layer][]View{}
	for _, l := range deciding(slices.Concat(s.Lookups, s.DNS.Lookups), name, qtype) {
		layer := layerOf(l)
		if layer == "" {
			continue
		}
		byLayer[layer] = append(byLayer[layer], View{
			Layer: layer, Server: l.Server, Status: l.Status, Class: l.Class, Addrs: l.Addrs, Key: l.Key(),
		})
	}
	if v, ok := s.hostsView(name, qtype); ok {
		byLayer[LayerHosts] = []View{v}
	}
	var out Views
	for _, layer := range layers {
		slices.SortStableFunc(byLayer[layer], func(a, b View) int { return strings.Compare(a.Key, b.Key) })
		out = append(out, byLayer[layer]...)
	}
	return out
}

// layerOf is the layer that a lookup asked; empty for questions that are not
// about the name as it is.
func layerOf(l Lookup) Layer {
	switch l.Via {
	case ViaVPC, ViaIPv6:
		return LayerVPC
	case ViaUpstream:
		return LayerUpstream
	case ViaOS:
		return LayerOS
	case ViaConfigured, ViaOverride:
		if l.Server.Addr().IsLoopback() {
			return LayerStub
		}
		return LayerServer
	}
	return ""
}

// deciding keeps one lookup for each server: an answer over one that failed
// without any, TCP over a truncated datagram, the later attempt over the
// earlier. The order of first appearance is kept.
func deciding(ls []Lookup, name, qtype string) []Lookup {
	type place struct {
		server netip.AddrPort
		via    string
	}
	var order []place
	best := map[place]Lookup{}
	for _, l := range ls {
		if l.Name != name || l.Type != qtype || !l.Ran() {
			continue
		}
		p := place{l.Server, l.Via}
		old, seen := best[p]
		if !seen {
			order = append(order, p)
		}
		if !seen || rank(l) >= rank(old) {
			best[p] = l
		}
	}
	out := make([]Lookup, 0, len(order))
	for _, p := range order {
		out = append(out, best[p])
	}
	return out
}

func rank(l Lookup) int {
	switch {
	case l.RCode == "" && l.Via != ViaOS:
		return 0
	case l.Truncated && l.Transport == "udp":
		return 1
	}
	return 2
}

func (s *Set) hostsView(name, qtype string) (View, bool) {
	v := View{Layer: LayerHosts, Status: OK, Key: "answer:" + name}
	for _, h := range s.Resolver.Hosts {
		if h.Name != name || h.Addr.Is4() != (qtype == "A") {
			continue
		}
		if v.Line == 0 {
			v.Line = h.Line
		}
		v.Addrs = append(v.Addrs, h.Addr)
	}
	return v, v.Line > 0
}

// Of returns the views of one layer.
func (v Views) Of(l Layer) Views {
	var out Views
	for _, x := range v {
		if x.Layer == l {
			out = append(out, x)
		}
	}
	return out
}

// Departure is a place where two neighbouring layers say different things: the
// outer one does not pass on what the inner one says.
type Departure struct {
	Inner, Outer View
}

// Departures are the views that differ from what the nearest layer inside
// them says, from the VPC outward; same decides whether two answers with
// addresses are the same one (see Set.SameAnswer). A layer with several servers
// is agreed with when any of its answers is. A silent layer is departed from by
// an answer, but nothing is compared with a layer whose servers are all
// silent.
func (v Views) Departures(same func(a, b []netip.Addr) bool) []Departure {
	var out []Departure
	var inner Views
	for _, layer := range layers {
		here := v.Of(layer)
		for _, x := range here {
			if len(inner) > 0 && !slices.ContainsFunc(inner, func(y View) bool { return agree(x, y, same) }) {
				out = append(out, Departure{Inner: inner[0], Outer: x})
			}
		}
		if heard := slices.ContainsFunc(here, func(x View) bool { return !x.silent() }); heard {
			inner = slices.DeleteFunc(here, View.silent)
		}
	}
	return out
}

func (v View) silent() bool {
	switch v.Class {
	case Timeout, Refused, NetUnreachable, HostUnreachable, NotPermitted, Malformed, Reset, EOF:
		return true
	}
	return false
}

// agree tells whether two layers say the same. getent gives no reason for a
// failure, so its failure agrees with any.
func agree(a, b View, same func(a, b []netip.Addr) bool) bool {
	switch {
	case a.Status != b.Status:
		return false
	case a.Status == OK:
		return same(a.Addrs, b.Addrs)
	case a.Class == Unresolved || b.Class == Unresolved:
		return true
	}
	return a.Class == b.Class
}

// SameAnswer tells whether two answers can be one: they share an address, or
// all addresses of both are AWS's public ones of the same service. Public names
// hand out other addresses at every question; an endpoint always all of its own.
func (s *Set) SameAnswer(a, b []netip.Addr) bool {
	if slices.ContainsFunc(a, func(x netip.Addr) bool { return slices.Contains(b, x) }) {
		return true
	}
	service := ""
	for i, x := range slices.Concat(a, b) {
		at := s.AddressOf(x)
		if at.Class != PublicAWS || i > 0 && at.Service != service {
			return false
		}
		service = at.Service
	}
	return len(a) > 0 && len(b) > 0
}
