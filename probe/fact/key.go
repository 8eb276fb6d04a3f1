package fact

import "net/netip"

// Keys name single facts in the evidence of a finding. They are made of what
// was asked, never of a position, so that they stay the same when facts come
// in another order.

// Key names the lookup: "lookup:ssm.us-east-1.amazonaws.com/A@10.0.0.2:53/udp",
// or ".../A@os/getent" when no server is known.
func (l Lookup) Key() string {
	server := l.Via
	if l.Server.IsValid() {
		server = l.Server.String()
	}
	k := "lookup:" + l.Name + "/" + l.Type + "@" + server + "/" + l.Transport
	if l.Attempt > 1 {
		k += "#" + string(rune('0'+min(l.Attempt, 9)))
	}
	return k
}

// Key names the answer: "answer:ssm.us-east-1.amazonaws.com".
func (a Answer) Key() string { return "answer:" + a.Name }

// Key names the dial: "dial:10.0.1.5:443".
func (d Dial) Key() string { return "dial:" + d.Addr.String() }

// Key names the handshake: "tls:10.0.1.5:443/ssm.us-east-1.amazonaws.com", with
// "#no_pq" after it for a variant.
func (h Handshake) Key() string {
	k := "tls:" + h.Addr.String() + "/" + h.Host
	if h.Variant != "" {
		k += "#" + string(h.Variant)
	}
	return k
}

// Key names the request: "http:10.0.1.5:443/ssm.us-east-1.amazonaws.com".
func (r Request) Key() string { return "http:" + r.Addr.String() + "/" + r.Host }

// Key names the tunnel: "tunnel:proxy.corp:3128/ssm.us-east-1.amazonaws.com".
func (t Tunnel) Key() string { return "tunnel:" + t.Proxy + "/" + t.Host }

// Key names the exchange: "imds:PUT /latest/api/token" or "imds:GET path".
func (g IMDSGet) Key() string { return "imds:" + g.Path }

// AddressOf returns what is known of an address, or a zero Address.
func (s *Set) AddressOf(a netip.Addr) Address {
	for _, x := range s.Addresses {
		if x.Addr == a {
			return x
		}
	}
	return Address{}
}

// AnswerOf returns what this host gets for a name.
func (s *Set) AnswerOf(name string) (Answer, bool) {
	for _, a := range s.Answers {
		if a.Name == name {
			return a, true
		}
	}
	return Answer{}, false
}
