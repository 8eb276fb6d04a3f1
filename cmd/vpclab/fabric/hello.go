package fabric

import (
	"encoding/binary"
	"strings"
)

// hello collects a flow's first bytes until they show a TLS ClientHello, as
// an inspecting firewall does.
type hello struct {
	next  uint32 // sequence number expected
	buf   []byte
	parts int // packets it came in
	done  bool
	name  string
}

// maxHello bounds what is collected: a ClientHello with a post-quantum key
// share takes about 1.7 kB.
const maxHello = 16 << 10

// add takes one packet from the client and tells whether the hello is
// complete; it is for every later packet too. The name is empty when the hello
// has none.
func (h *hello) add(p *packet) bool {
	if p.syn() {
		h.next = p.seq + 1
		return false
	}
	if h.done || len(p.payload) == 0 || p.seq != h.next || len(h.buf) > maxHello {
		return h.done
	}
	h.parts++
	h.next += uint32(len(p.payload))
	h.buf = append(h.buf, p.payload...)
	name, ok, more := serverName(h.buf)
	if !more && ok {
		h.done, h.name = true, name
	}
	return h.done
}

// serverName reads the SNI of a ClientHello at the start of a stream. more
// says that the bytes so far are its beginning; ok that it is complete.
func serverName(b []byte) (name string, ok, more bool) {
	if b[0] != 22 {
		return "", false, false
	}
	var msg []byte
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if len(b) < 5+n {
			return "", false, true
		}
		msg, b = append(msg, b[5:5+n]...), b[5+n:]
		if len(msg) >= 4 && len(msg) >= 4+int(msg[1])<<16+int(msg[2])<<8+int(msg[3]) {
			return sniOf(msg), msg[0] == 1, false
		}
	}
	return "", false, true
}

// sniOf walks a complete ClientHello message; it returns "" for one without
// SNI or one that does not parse.
func sniOf(m []byte) string {
	r := reader(m)
	r.skip(4 + 2 + 32)
	r.skip(r.num(1))
	r.skip(r.num(2))
	r.skip(r.num(1))
	ext := reader(r.take(r.num(2)))
	for len(ext) >= 4 {
		kind, body := ext.num(2), reader(nil)
		body = ext.take(ext.num(2))
		if kind != 0 {
			continue
		}
		body.skip(3) // list length, name type
		return strings.ToLower(string(body.take(body.num(2))))
	}
	return ""
}

// reader takes fields off the front; beyond the end it yields nothing.
type reader []byte

func (r *reader) take(n int) []byte {
	n = min(max(n, 0), len(*r))
	out := (*r)[:n]
	*r = (*r)[n:]
	return out
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) num(size int) int {
	v := 0
	for _, b := range r.take(size) {
		v = v<<8 | int(b)
	}
	return v
}
