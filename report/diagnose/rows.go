package diagnose

import (
	"fmt"

	"vpcdoctor/probe/fact"
)

// rows sums up every path for the table, direct ones first per target.
func (v *View) rows() []Row {
	out := []Row{}
	for _, p := range v.Paths {
		out = append(out, v.directRow(p))
		for _, t := range v.Tuns {
			if t.Key == p.Key {
				out = append(out, proxyRow(p, t))
			}
		}
	}
	return out
}

func (v *View) directRow(p *Path) Row {
	r := Row{Key: p.Key, ID: p.T.ID, Host: p.T.Host, Need: string(p.T.Need), Path: "direct", Status: p.Status, Class: p.Class, Way: v.storeWay(p), Addrs: len(p.Answer.Addrs)}
	r.DNS = v.dnsCell(p)
	ports := p.ports()
	r.TCP = cell(ports, func(pp *PortPath) (CheckStatus, fact.Outcome, bool) { return pp.TCP, pp.Dial.Outcome, true })
	r.TLS = cell(ports, func(pp *PortPath) (CheckStatus, fact.Outcome, bool) { return pp.TLS, tlsOutcome(pp.Shake), pp.Port.TLS })
	r.AWS = cell(ports, func(pp *PortPath) (CheckStatus, fact.Outcome, bool) {
		// One request per host: addresses that were not asked are no gap.
		return pp.AWS, pp.Req.Outcome, pp.Port.HTTP && pp.Req.Status != "" && pp.Req.Status != fact.NotRun
	})
	if r.AWS.Status != Pass && r.AWS.Word == "not checked" {
		r.AWS.Word = "no id"
	}
	return r
}

func (v *View) dnsCell(p *Path) Check {
	c := Check{Status: p.DNS, Word: "not checked"}
	switch p.DNS {
	case Pass:
		c.Word = orWord(p.Answer.Source, "ok")
		for _, l := range v.lookups[p.T.Host] {
			if l.Status == fact.OK && l.Via != fact.ViaVPC && l.Type == "A" {
				c.MS = max(c.MS, float64(l.Took)/1e6)
			}
		}
	case Fail:
		c.Word = orWord(string(p.Answer.Class), "failed")
		if p.Sunk {
			c.Word = "sinkhole"
		}
	}
	return c
}

// tlsOutcome folds a bad certificate into the outcome, so that the cell shows
// its class.
func tlsOutcome(h fact.Handshake) fact.Outcome {
	o := h.Outcome
	if o.Status == fact.OK {
		if h.System.Status == fact.Failed {
			o.Class = h.System.Class
		} else if h.Name.Status == fact.Failed {
			o.Class = h.Name.Class
		}
	}
	return o
}

// cell counts one kind of check over the ports. Word: "2/2" when all pass or
// some do, else the class of the failure.
func cell(ports []*PortPath, of func(*PortPath) (CheckStatus, fact.Outcome, bool)) Check {
	n, pass, fail, ms, class := 0, 0, 0, 0.0, fact.Class("")
	for _, pp := range ports {
		st, o, applies := of(pp)
		if !applies {
			continue
		}
		n++
		switch st {
		case Pass:
			pass++
			ms = max(ms, float64(o.Took)/1e6)
		case Fail:
			fail++
			if class == "" || o.Class < class {
				class = o.Class
			}
		}
	}
	c := Check{Status: NotCheckedStatus, Word: "-", MS: ms}
	switch {
	case n == 0:
	case pass == n:
		c.Status, c.Word = Pass, fmt.Sprintf("%d/%d", pass, n)
	case fail > 0 && pass > 0:
		c.Status, c.Word = Fail, fmt.Sprintf("%d/%d", pass, n)
	case fail > 0:
		c.Status, c.Word = Fail, orWord(string(class), "failed")
	case pass > 0:
		c.Word = fmt.Sprintf("%d/%d", pass, n)
	default:
		c.Word = "not checked"
	}
	return c
}

func proxyRow(p *Path, t *Tun) Row {
	r := Row{Key: p.Key, ID: p.T.ID, Host: p.T.Host, Need: string(p.T.Need), Path: "proxy", Status: t.Status, Class: "proxy"}
	r.DNS = Check{Status: NotCheckedStatus, Word: "-"} // the proxy resolves the name
	one := func(st CheckStatus, o fact.Outcome) Check {
		c := Check{Status: st, Word: "not checked"}
		switch st {
		case Pass:
			c.Word, c.MS = "1/1", float64(o.Took)/1e6
		case Fail:
			c.Word = orWord(string(o.Class), "failed")
		}
		return c
	}
	r.TCP = one(t.TCP, t.Tunnel.Outcome)
	if t.TCP == Fail && t.Tunnel.HTTPStatus != 0 {
		r.TCP.Word = fmt.Sprintf("HTTP %d", t.Tunnel.HTTPStatus)
	}
	r.TLS, r.AWS = one(t.TLS, tlsOutcome(t.Shake)), one(t.AWS, t.Req.Outcome)
	return r
}
