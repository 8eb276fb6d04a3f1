package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// A VPC drops silently, so one silent connect says little. What tells causes
// apart is contrast: which addresses are silent while which others answer
// (field guide B.0 rows 4 to 7, 11 and 12).

// contrast is what the connects of a run look like from above.
type contrast struct {
	privOK, privSilent []netip.Addr // inside the VPC (or private, when its blocks are not known)
	remOK, remSilent   []netip.Addr // private, outside the VPC
	pubOK              []netip.Addr // public, without S3 and DynamoDB
	storeOK            []netip.Addr // public S3 and DynamoDB: a gateway endpoint may carry them
}

// local tells whether an address counts as one of this VPC. When IMDS gave no
// blocks a private address may be anywhere, and the VPC is the likely place.
func (v *View) local(a fact.Address) bool {
	return a.Class == fact.OwnVPC || a.Class == fact.OtherPrivate && len(v.VPC) == 0
}

func (v *View) remote(a fact.Address) bool {
	return a.Class == fact.OtherPrivate && len(v.VPC) > 0
}

func public(a fact.Address) bool {
	return a.Class == fact.PublicAWS || a.Class == fact.Unclassified
}

// store tells whether a target is S3 or DynamoDB, whose public answers are
// right where a gateway endpoint is used.
func store(t fact.Target) bool {
	return t.Type == "Gateway" || t.ID == "s3-interface" || t.ID == "dynamodb-interface"
}

func (v *View) contrast() contrast {
	var c contrast
	for _, p := range v.Paths {
		for _, a := range p.Addrs {
			for _, pp := range a.Ports {
				silent := pp.TCP == Fail && pp.Dial.Class == fact.Timeout
				switch {
				case pp.TCP != Pass && !silent:
				case v.local(a.Info) && silent:
					c.privSilent = append(c.privSilent, a.Addr)
				case v.local(a.Info):
					c.privOK = append(c.privOK, a.Addr)
				case v.remote(a.Info) && silent:
					c.remSilent = append(c.remSilent, a.Addr)
				case v.remote(a.Info):
					c.remOK = append(c.remOK, a.Addr)
				case public(a.Info) && !silent && (store(p.T) || a.Info.Service == "S3" || a.Info.Service == "DYNAMODB"):
					c.storeOK = append(c.storeOK, a.Addr)
				case public(a.Info) && !silent:
					c.pubOK = append(c.pubOK, a.Addr)
				}
			}
		}
	}
	if a, ok := v.abroadOK(); ok {
		c.pubOK = append(c.pubOK, a)
	}
	for _, s := range []*[]netip.Addr{&c.privOK, &c.privSilent, &c.remOK, &c.remSilent, &c.pubOK, &c.storeOK} {
		slices.SortFunc(*s, netip.Addr.Compare)
		*s = slices.Compact(*s)
	}
	return c
}

// blameSilent explains all connects that timed out, together.
func (v *View) blameSilent(silent []*PortPath) {
	if len(silent) == 0 {
		return
	}
	c := v.contrast()
	hostDrop := v.localDrop(silent)
	for _, pp := range silent {
		code := hostDrop
		if code == "" {
			code = v.silentOne(pp, c)
		}
		v.put(code, blame{path: pp.Path, port: pp})
	}
}

// localDrop blames the host when the kernel itself refused to retransmit at
// least once for every silent connect (field guide C.3, measured), when a rule
// of its packet filter counted our packets, when they never came as far as
// asking for a neighbour, or when its connection tracking table is full. The
// allowance of the network interface comes next: it takes new flows of any kind.
func (v *View) localDrop(silent []*PortPath) Code {
	seen, unaskedFor, askedFor := map[netip.AddrPort]bool{}, 0, 0
	for _, pp := range silent {
		seen[pp.At] = true
		unaskedFor += b2i(unasked(pp.Dial))
		askedFor += b2i(pp.Dial.Neighbour != "" && !unasked(pp.Dial))
	}
	n, known := v.retransFail()
	_, caught := v.caught("drop")
	switch {
	case known && n >= uint64(len(seen)):
		return "OS-01"
	case v.conntrackFull():
		return "OS-02"
	case (caught || unaskedFor > 0 && askedFor == 0) && !(known && n == 0):
		return "OS-01"
	case v.resolverTCPSilent():
		return "OS-01"
	}
	if rose, _ := v.enaRose("conntrack_allowance_exceeded"); rose > 0 {
		return "OS-03"
	}
	return ""
}

func (v *View) silentOne(pp *PortPath, c contrast) Code {
	p, info := pp.Path, pp.Addr.Info
	if code := v.sinkhole(pp); code != "" {
		return code
	}
	if code := v.wrongAnswer(p); code != "" {
		return code
	}
	if code := v.lyingLayer(p); code != "" {
		return code
	}
	switch {
	case deadRoute(pp.Dial) != "":
		return "RT-02"
	case v.strayed(pp.Dial) != "":
		return "RT-06"
	case v.onLink(pp.Addr.Addr) && ownerless(pp.Dial):
		return v.noNeighbour(pp)
	case info.Class == fact.NAT64:
		return "V6-03"
	case v.local(info):
		return v.silentPrivate(pp, c)
	case v.remote(info):
		return v.silentRemote(pp, c)
	}
	return v.silentPublic(p, c)
}

// silentPublic: the name is public and so is its silence.
func (v *View) silentPublic(p *Path, c contrast) Code {
	privateWorks := len(c.privOK) > 0 || len(c.remOK) > 0
	switch {
	case p.T.ID == "ec2messages":
		return "EP-02"
	case v.abroad(p.T):
		return "RT-01" // no endpoint of this VPC leads there
	case v.onlyOwnSubnet(c) && !outside(c):
		return v.nacl("SG-06")
	case len(c.pubOK) > 0 && store(p.T):
		return "GW-03"
	case len(c.pubOK) > 0:
		return "RT-09"
	case !privateWorks && len(c.privSilent) > 0:
		return v.silentAll(c) // nothing answers at all: one cause
	case !privateWorks && len(c.remSilent) > 0:
		return "RT-04"
	case !privateWorks:
		return "DN-02"
	case store(p.T):
		return "GW-01"
	case p.T.Type == "Custom":
		return "PL-03"
	case p.T.PublicOK && p.T.Availability != "inferred" || p.T.PrivateDNS == "no":
		return "RT-01"
	case len(c.privOK) == 0:
		return "DN-13" // the siblings are private in another VPC
	case p.T.ID == "ssmmessages" && v.worksPrivately("ssm"):
		return "EP-01"
	}
	return "DN-02"
}

// abroad tells whether a target is a store's host in another Region, such as a
// bucket's: gateway endpoints do not lead there.
func (v *View) abroad(t fact.Target) bool {
	return store(t) && t.Type != "Custom" && v.region() != "" && !strings.Contains(t.Host, v.region())
}

func (v *View) worksPrivately(id string) bool {
	return slices.ContainsFunc(v.Paths, func(p *Path) bool {
		return p.T.ID == id && slices.ContainsFunc(p.ports(), func(pp *PortPath) bool { return pp.TCP == Pass && v.local(pp.Addr.Info) })
	})
}

// silentRemote: endpoints in another VPC.
func (v *View) silentRemote(pp *PortPath, c contrast) Code {
	switch {
	case v.ports.mixed():
		return "SG-07"
	case len(c.remOK) == 0:
		return "RT-04"
	case v.wholly(pp.Path, silentDial):
		return "SG-02"
	}
	return "RT-08"
}

// silentAll: no private address answers at all (row 4).
func (v *View) silentAll(c contrast) Code {
	if len(c.pubOK)+len(c.storeOK) > 0 {
		return "SG-02" // our own 443 leaves: nobody admits it
	}
	return "SG-01"
}

// nacl is the NACL that stops everything, or the one that lets answers back to
// some source ports.
func (v *View) nacl(all Code) Code {
	if v.ports.mixed() {
		return "SG-07"
	}
	return all
}

// silentPrivate: rows 5 to 7.
func (v *View) silentPrivate(pp *PortPath, c contrast) Code {
	switch {
	case v.ports.mixed() && !v.onLink(pp.Addr.Addr):
		return "SG-07"
	case len(c.privOK) == 0:
		return v.silentAll(c)
	case v.onlyOwnSubnet(c) && !outside(c):
		return "SG-06"
	case v.deadSubnet(pp.Addr.Addr, c):
		return "SG-08"
	case v.onlyOwnSubnet(c):
		return "SG-06"
	case v.wholly(pp.Path, silentDial):
		return "SG-02"
	case pp.Path.T.Type == "Custom":
		return "PL-05"
	}
	return "RT-08"
}

// outside tells whether anything beyond the VPC answers: then the NACL of our
// own subnet lets 443 out and the answers in.
func outside(c contrast) bool { return len(c.pubOK)+len(c.storeOK)+len(c.remOK) > 0 }

func silentDial(d fact.Dial) bool { return d.Class == fact.Timeout }

// wholly tells whether every address of the path fails in that way.
func (v *View) wholly(p *Path, is func(fact.Dial) bool) bool {
	for _, pp := range p.ports() {
		if pp.TCP != Fail || !is(pp.Dial) {
			return false
		}
	}
	return true
}

func (v *View) onLink(a netip.Addr) bool {
	if v.classOf(a).OnLink {
		return true
	}
	return v.ENI.SubnetCIDR.IsValid() && v.ENI.SubnetCIDR.Contains(a.Unmap())
}

// onlyOwnSubnet is row 6: every address in our subnet answers, every other is
// silent, and one endpoint shows both, so that its group is innocent.
func (v *View) onlyOwnSubnet(c contrast) bool {
	off := func(a netip.Addr) bool { return !v.onLink(a) }
	if slices.ContainsFunc(c.privOK, off) || slices.ContainsFunc(c.privSilent, v.onLink) || len(c.privSilent) == 0 {
		return false
	}
	for _, p := range v.Paths {
		in, out := false, false
		for _, pp := range p.ports() {
			in = in || pp.TCP == Pass && v.onLink(pp.Addr.Addr)
			out = out || pp.TCP == Fail && !v.onLink(pp.Addr.Addr)
		}
		if in && out {
			return true
		}
	}
	return false
}

// subnetOf is the subnet an address is taken to be in: the one IMDS tells, or
// a block of our own subnet's size. Subnets of one VPC mostly have one size;
// the finding says likely, never proved.
func (v *View) subnetOf(a netip.Addr) netip.Prefix {
	if v.onLink(a) && v.ENI.SubnetCIDR.IsValid() {
		return v.ENI.SubnetCIDR
	}
	bits := 24
	if v.ENI.SubnetCIDR.IsValid() && v.ENI.SubnetCIDR.Addr().Is4() {
		bits = v.ENI.SubnetCIDR.Bits()
	}
	if a.Unmap().Is6() {
		bits = 64
	}
	p, _ := a.Unmap().Prefix(bits)
	return p
}

// deadSubnet is row 7: every endpoint address in the subnet of a is silent, at
// least two endpoints are concerned, and each of them answers elsewhere.
func (v *View) deadSubnet(a netip.Addr, c contrast) bool {
	sub := v.subnetOf(a)
	if v.onLink(a) || slices.ContainsFunc(c.privOK, func(b netip.Addr) bool { return v.subnetOf(b) == sub }) {
		return false
	}
	services := map[string]bool{}
	for _, p := range v.Paths {
		here, elsewhere := false, false
		for _, pp := range p.ports() {
			if !v.local(pp.Addr.Info) {
				continue
			}
			in := v.subnetOf(pp.Addr.Addr) == sub
			here = here || in && pp.TCP == Fail
			elsewhere = elsewhere || !in && pp.TCP == Pass
		}
		if here && !elsewhere {
			return false
		}
		if here {
			services[p.T.ID] = true
		}
	}
	return len(services) >= 2
}
