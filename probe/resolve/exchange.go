package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// maxDatagram is more than we offer by EDNS: a server that sends more than
	// it was allowed to is still heard.
	maxDatagram = 4096
	// maxStrays is how many datagrams that are not our answer are read before
	// the attempt is given up: late answers and spoofing are few, a flood is not
	// worth more of our time.
	maxStrays = 64
)

// What can be wrong with what came back before it is read as an answer. Both
// are Malformed.
var (
	errStrays = errors.New("only messages that do not answer the question came back")
	errEmpty  = errors.New("the answer is empty")
)

// exchange is one question on its way to one server.
type exchange struct {
	server   netip.AddrPort
	query    *dns.Msg
	wire     []byte
	start    time.Time
	deadline time.Time
	byBudget bool // the deadline is that of the context, not of the attempt
}

func newExchange(ctx context.Context, timeout time.Duration, server netip.AddrPort, query *dns.Msg, wire []byte) *exchange {
	x := &exchange{server: server, query: query, wire: wire, start: time.Now()}
	x.deadline = x.start.Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(x.deadline) {
		x.deadline, x.byBudget = d, true
	}
	return x
}

var datagrams = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

// overUDP sends the question on a socket of its own, so that the source port
// is fresh and an ICMP refusal reaches us as an error of this socket.
func (x *exchange) overUDP(ctx context.Context, l *fact.Lookup) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(x.server))
	if err != nil {
		x.failed(ctx, l, err)
		return
	}
	defer conn.Close()
	defer x.bound(ctx, conn)()
	if _, err := conn.Write(x.wire); err != nil {
		x.failed(ctx, l, err)
		return
	}
	buf := datagrams.Get().(*[maxDatagram]byte)
	defer datagrams.Put(buf)
	for strays := range maxStrays {
		n, err := conn.Read(buf[:])
		if err != nil {
			x.failed(ctx, l, err)
			if l.Class == fact.Timeout && strays > 0 {
				l.Class, l.Detail = fact.Malformed, fmt.Sprintf("%v (%d)", errStrays, strays)
			}
			return
		}
		if answers(buf[:n], x.query) {
			x.answered(l, buf[:n])
			return
		}
	}
	x.failed(ctx, l, errStrays)
}

// overTCP sends the question on a connection of its own.
func (x *exchange) overTCP(ctx context.Context, l *fact.Lookup) {
	d := net.Dialer{Deadline: x.deadline}
	conn, err := d.DialContext(ctx, "tcp", x.server.String())
	if err != nil {
		x.failed(ctx, l, err)
		return
	}
	defer conn.Close()
	defer x.bound(ctx, conn)()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(x.wire))), x.wire...)); err != nil {
		x.failed(ctx, l, err)
		return
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		x.failed(ctx, l, err)
		return
	}
	// The length is two bytes: no answer can be longer than 64 kB.
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if len(buf) == 0 {
		x.failed(ctx, l, errEmpty)
		return
	}
	if _, err := io.ReadFull(conn, buf); err != nil {
		x.failed(ctx, l, err)
		return
	}
	if !answers(buf, x.query) {
		x.failed(ctx, l, errStrays)
		return
	}
	x.answered(l, buf)
}

// bound makes conn end with the attempt and with ctx. The returned function
// releases what watches ctx.
func (x *exchange) bound(ctx context.Context, conn net.Conn) func() {
	// An error here means a closed socket, which the next call reports.
	_ = conn.SetDeadline(x.deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// failed records an attempt that brought no answer.
func (x *exchange) failed(ctx context.Context, l *fact.Lookup, err error) {
	l.Outcome = classify.Outcome(err, x.start, time.Since(x.start))
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		l.Class, l.CutByBudget = fact.Cancelled, true
	case l.Class == fact.Timeout:
		l.CutByBudget = x.byBudget
	case errors.Is(err, errStrays), errors.Is(err, errEmpty):
		l.Class = fact.Malformed
	}
}

// answered records the answer in b.
func (x *exchange) answered(l *fact.Lookup, b []byte) {
	l.Outcome = fact.Outcome{Status: fact.OK, Start: x.start.UTC(), Took: fact.Duration(time.Since(x.start))}
	readAnswer(l, b, x.query)
}

// answers tells whether b is an answer to query as far as its head says: a
// response with our id that repeats our question. A head alone, without the
// question, is taken for an error, which is how some servers refuse.
func answers(b []byte, query *dns.Msg) bool {
	if len(b) < headerSize || binary.BigEndian.Uint16(b) != query.Id || b[2]&responseBit == 0 {
		return false
	}
	questions := binary.BigEndian.Uint16(b[4:])
	if questions == 0 {
		return b[3]&0x0f != dns.RcodeSuccess
	}
	name, off, err := dns.UnpackDomainName(b, headerSize)
	if err != nil || questions != 1 || off+4 > len(b) {
		return false
	}
	q := query.Question[0]
	return equalNames(name, q.Name) &&
		binary.BigEndian.Uint16(b[off:]) == q.Qtype &&
		binary.BigEndian.Uint16(b[off+2:]) == q.Qclass
}

const (
	headerSize  = 12 // RFC 1035 section 4.1.1
	responseBit = 0x80
)
