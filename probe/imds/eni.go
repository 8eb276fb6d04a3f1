package imds

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

const macs = "network/interfaces/macs/"

// primary lists the interfaces and reads all of the primary one, which is the
// one with device number 0 and the one that "mac" names.
func (s *session) primary(ctx context.Context) {
	var all []string
	s.get(ctx, want{macs, list(&all, parseMAC)})
	slices.Sort(all)
	all = slices.Compact(all) // two entries of one name would be two interfaces with one key
	if len(all) == 0 {
		return
	}
	sure := len(all) == 1 // an instance cannot be without its primary interface
	if !sure {
		var first string
		s.get(ctx, want{"mac", one(&first, parseMAC)})
		if i := slices.Index(all, first); i >= 0 {
			all = slices.Insert(slices.Delete(all, i, i+1), 0, first)
			sure = true
		}
	}
	s.m.ENIs = make([]fact.ENI, len(all))
	for i, mac := range all {
		s.m.ENIs[i] = fact.ENI{MAC: mac, Device: -1}
	}
	e := &s.m.ENIs[0]
	if sure {
		e.Device, e.Primary = 0, true
	}
	s.whole(ctx, e, sure)
}

// whole reads everything about one interface. Its directory says which values
// exist, which saves the GETs for IPv6 where there is none; without it all are
// asked, IPv4 first.
func (s *session) whole(ctx context.Context, e *fact.ENI, sure bool) {
	dir := macs + e.MAC + "/"
	var names []string
	listing := s.get(ctx, want{dir, list(&names, parseName)})
	values := []want{
		{"vpc-ipv4-cidr-blocks", list(&e.VPCCIDRs, parseCIDR4)},
		{"subnet-ipv4-cidr-block", one(&e.SubnetCIDR, parseCIDR4)},
		{"security-group-ids", list(&e.SecurityGroupIDs, parseGroup)},
		{"subnet-id", one(&e.SubnetID, parseSubnet)},
		{"vpc-id", one(&e.VPCID, parseVPC)},
		{"interface-id", one(&e.InterfaceID, parseInterface)},
		{"local-ipv4s", list(&e.LocalIPv4s, parseIPv4)},
		{"vpc-ipv6-cidr-blocks", list(&e.VPCIPv6CIDRs, parseCIDR6)},
		{"subnet-ipv6-cidr-blocks", list(&e.SubnetIPv6CIDRs, parseCIDR6)},
		{"ipv6s", list(&e.IPv6s, parseIPv6)},
	}
	if !sure {
		values = append(values, want{"device-number", one(&e.Device, parseDevice)})
	}
	if listing.Status == fact.OK && len(names) > 0 {
		values = slices.DeleteFunc(values, func(w want) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return strings.TrimSuffix(n, "/") == w.path })
		})
	}
	for i := range values {
		values[i].path = dir + values[i].path
	}
	s.all(ctx, values...)
	if !sure {
		e.Primary = e.Device == 0
	}
}

// others reads of the further interfaces what decides which addresses are in
// reach of this instance: each one's subnet, and the blocks of a VPC only where
// that subnet lies outside the blocks known by then. It runs last, with what is
// left of the budget.
func (s *session) others(ctx context.Context) {
	if len(s.m.ENIs) < 2 {
		return
	}
	further := s.m.ENIs[1:]
	subnets := make([]want, len(further))
	for i := range further {
		e := &further[i]
		subnets[i] = want{macs + e.MAC + "/subnet-ipv4-cidr-block", one(&e.SubnetCIDR, parseCIDR4)}
	}
	s.all(ctx, subnets...)
	for i := range further {
		e := &further[i]
		dir := macs + e.MAC + "/"
		if !e.SubnetCIDR.IsValid() && s.answered(dir+"subnet-ipv4-cidr-block", http.StatusNotFound) {
			s.get(ctx, want{dir + "subnet-ipv6-cidr-blocks", list(&e.SubnetIPv6CIDRs, parseCIDR6)})
		}
		switch known := s.m.VPCCIDRs(); {
		case e.SubnetCIDR.IsValid() && !within(e.SubnetCIDR, known):
			s.get(ctx, want{dir + "vpc-ipv4-cidr-blocks", list(&e.VPCCIDRs, parseCIDR4)})
		case len(e.SubnetIPv6CIDRs) > 0 && !within(e.SubnetIPv6CIDRs[0], known):
			s.get(ctx, want{dir + "vpc-ipv6-cidr-blocks", list(&e.VPCIPv6CIDRs, parseCIDR6)})
		}
	}
}

// answered tells whether the GET of a path ended with that HTTP status.
func (s *session) answered(path string, status int) bool {
	return slices.ContainsFunc(s.m.Gets, func(g fact.IMDSGet) bool {
		return g.Path == http.MethodGet+" "+metaData+path && g.HTTPStatus == status
	})
}

// within tells whether p lies in one of the blocks.
func within(p netip.Prefix, blocks []netip.Prefix) bool {
	return slices.ContainsFunc(blocks, func(b netip.Prefix) bool {
		return b.Bits() <= p.Bits() && b.Contains(p.Addr())
	})
}
