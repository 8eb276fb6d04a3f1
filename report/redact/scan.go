package redact

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// notToken tells the characters that end a token.
func notToken(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
}

// replace returns a string of the facts with substitutes for what is known.
func (m *mapping) replace(parent, key, v string) string {
	switch kindOf(parent, key) {
	case word:
		if strings.HasPrefix(v, "i-") { // an id can hide in a free field
			break
		}
		return v
	case firewall:
		v = remark().ReplaceAllString(v, "")
	}
	return m.text(v)
}

// text replaces everything known in a text.
func (m *mapping) text(v string) string {
	for _, p := range m.phrases {
		v = strings.ReplaceAll(v, p, m.to[p])
	}
	return m.scan(v, m.swap)
}

// scan hands every token of a text to do and puts back what it returns. A
// token is a MAC, an address with what follows it, or a run of name
// characters; do gets what follows too, for the length of a prefix.
func (m *mapping) scan(v string, do func(token, after string) string) string {
	var b strings.Builder
	for v != "" {
		end := strings.IndexFunc(v, func(r rune) bool { return notToken(r) && r != ':' })
		if end < 0 {
			end = len(v)
		}
		if end == 0 {
			_, n := rune(v[0]), 1
			for n < len(v) && v[n]&0xc0 == 0x80 {
				n++
			}
			b.WriteString(v[:n])
			v = v[n:]
			continue
		}
		chunk := v[:end]
		v = v[end:]
		core := strings.TrimRight(chunk, ".:")
		tail := chunk[len(core):]
		if core == "" || core[0] == ':' && !strings.HasPrefix(core, "::") { // "::1" is an address, ":443" a port
			lead := len(core) - len(strings.TrimLeft(core, ":"))
			b.WriteString(core[:lead])
			core = core[lead:]
		}
		if tail != "" && strings.HasPrefix(tail, "::") && strings.Count(core, ":") > 0 { // "fd00:1::/64"
			core, tail = core+"::", tail[2:]
		}
		if a, err := netip.ParseAddr(core); err == nil && a.Is6() || macForm().MatchString(core) {
			b.WriteString(do(core, tail+v))
		} else {
			for i, part := range strings.Split(core, ":") {
				if i > 0 {
					b.WriteByte(':')
				}
				clean := strings.TrimRight(part, ".")
				after := tail + v
				if clean != "" {
					b.WriteString(do(clean, after))
				}
				b.WriteString(part[len(clean):])
			}
		}
		b.WriteString(tail)
	}
	return b.String()
}

// learn makes a token known that needs no key to be recognised.
func (m *mapping) learn(t, after string) string {
	if a, err := netip.ParseAddr(t); err == nil {
		m.addr(a, after)
		return t
	}
	switch {
	case ours().MatchString(t):
	case macForm().MatchString(t):
		m.id("mac", strings.ToLower(t))
	case account().MatchString(t):
		m.id("account", t)
	case uuid().MatchString(t):
		m.id("uuid", t)
	case digest().MatchString(t):
		m.id("digest", t)
	case ipLabel().MatchString(t):
		if a, ok := labelAddr(t); ok {
			m.addr(a, "")
		}
	case strings.Contains(t, "."):
		for l := range strings.SplitSeq(t, ".") {
			if l != t {
				m.learn(l, "")
			}
		}
		if last := t[strings.LastIndexByte(t, '.')+1:]; slices.Contains(endings, strings.ToLower(last)) {
			m.host(t)
		}
	default:
		if x := awsID().FindStringSubmatch(t); x != nil && !ours().MatchString(x[1]+"-"+x[2]) {
			m.id(x[1], x[2])
			for _, tail := range []string{x[3], strings.TrimPrefix(x[4], "-")} {
				if tail != "" && !m.stays(tail, true) {
					m.labels[tail] = true
				}
			}
		}
	}
	return t
}

// addr makes an address known, and its block when a length follows.
func (m *mapping) addr(a netip.Addr, after string) {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if fixed(a) {
		return
	}
	s := m.space(a)
	s.add(a)
	if rest, ok := strings.CutPrefix(after, "/"); ok {
		n := 0
		for n < len(rest) && n < 3 && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if bits, err := strconv.Atoi(rest[:n]); err == nil {
			if p, err := a.Prefix(bits); err == nil {
				s.addBlock(p)
			}
		}
	}
}

func (m *mapping) space(a netip.Addr) *space {
	if a.Is4() {
		return &m.v4
	}
	return &m.v6
}

// swap is the substitute of one token, or the token.
func (m *mapping) swap(t, _ string) string {
	if a, err := netip.ParseAddr(t); err == nil {
		return m.swapAddr(a, t)
	}
	pick := func(kind, v string) string {
		if s := m.ids[kind+" "+v]; s != "" {
			return s
		}
		return t
	}
	switch {
	case ours().MatchString(t):
		return t
	case macForm().MatchString(t):
		return pick("mac", strings.ToLower(t))
	case account().MatchString(t):
		return pick("account", t)
	case uuid().MatchString(t):
		return pick("uuid", t)
	case digest().MatchString(t):
		return pick("digest", t)
	}
	if m.words[t] {
		return m.to[t]
	}
	if x := awsID().FindStringSubmatch(t); x != nil {
		return m.swapID(t, x)
	}
	if a, ok := labelAddr(t); ok {
		return "ip-" + strings.ReplaceAll(m.swapAddr(a, a.String()), ".", "-")
	}
	if strings.Contains(t, ".") {
		return m.swapHost(t)
	}
	return t
}

// swapID maps an id of AWS, and what the name of an endpoint has after it: a
// token of its own and, for one zone, the zone.
func (m *mapping) swapID(t string, x []string) string {
	if m.names {
		return t
	}
	out, ok := m.ids[x[1]+" "+x[2]]
	if !ok {
		return t
	}
	for _, tail := range []string{x[3], strings.TrimPrefix(x[4], "-")} {
		if to, ok := m.to[tail]; ok {
			tail = to
		}
		if tail != "" {
			out += "-" + tail
		}
	}
	return out
}

// swapHost maps a host name label by label; of a name that is neither known nor
// AWS's, which may be a file, only the ids.
func (m *mapping) swapHost(t string) string {
	low := strings.ToLower(t)
	if m.public[low] {
		return t
	}
	rest, aws := awsName(low)
	mine := aws || m.under(low)
	if !mine {
		rest, low = t, t
	}
	labels := strings.Split(rest, ".")
	for i, l := range labels {
		if m.stays(l, aws) || !mine && !selfNamed(l) { // ids hide in names of services and files
			continue
		}
		if to, ok := m.to[l]; ok {
			labels[i] = to
		} else {
			labels[i] = m.swap(l, "")
		}
	}
	return strings.Join(labels, ".") + low[len(rest):]
}

// under tells whether a name is known or below a known one.
func (m *mapping) under(h string) bool {
	for d := h; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		if m.domains[d] {
			return true
		}
	}
	return false
}

func (m *mapping) swapAddr(a netip.Addr, t string) string {
	if m.names {
		return t
	}
	plain := a.Unmap().WithZone("")
	if nat64.Contains(plain) {
		b := plain.As16()
		if to, ok := m.v4.to[netip.AddrFrom4([4]byte(b[12:]))]; ok {
			v4 := to.As4()
			copy(b[12:], v4[:])
			return netip.AddrFrom16(b).String()
		}
		return t
	}
	to, ok := m.space(plain).to[plain]
	if !ok {
		return t
	}
	return to.WithZone(a.Zone()).String()
}

func labelAddr(t string) (netip.Addr, bool) {
	if !ipLabel().MatchString(t) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(t[3:], "-", "."))
	return a, err == nil
}
