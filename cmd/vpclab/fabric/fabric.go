// Package fabric is the lab's network between the instance and the rest of
// the world. It reads Ethernet frames from two packet sockets, asks the
// description in package world what a real VPC would do with each, and passes
// them on, drops them, delays them or answers in somebody's name.
//
// Everything that a VPC does outside the instance happens here: security
// groups, NACLs, route tables, NAT, links, middleboxes, the router's address
// resolution. The package never looks inside the instance and keeps no
// configuration of its own: only the flows it has seen.
package fabric

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// Side is one end of the fabric.
type Side int

// The two ends.
const (
	Instance Side = iota // the instance's ENI
	Lab                  // the lab's servers
)

// Config is what a Fabric needs besides the world.
type Config struct {
	InstanceMAC net.HardwareAddr
	LabMAC      net.HardwareAddr
	Seed        uint64
	Trace       io.Writer // one line per new flow; nil: none
	Packets     io.Writer // one Record per packet; nil: none

	// Send puts a frame on one side's wire.
	Send func(to Side, frame []byte)
}

// Fabric forwards frames between the two sides. Its methods may be called
// from several goroutines.
type Fabric struct {
	w     atomic.Pointer[world.World]
	c     Config
	delay *delayLine

	mu    sync.Mutex
	flows map[flowKey]*flow
	rand  *rand.Rand
}

// Become replaces the world: somebody has changed a rule, a route, a record.
// Conversations that work go on as they are, as connections do that a security
// group tracks; the others are decided anew. The instance stays what it is.
func (f *Fabric) Become(w *world.World) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.w.Store(w)
	for k, fl := range f.flows {
		if fl.dead || !fl.path.Arrives || !fl.path.Returns || fl.path.Refuses {
			delete(f.flows, k)
		}
	}
}

type flowKey struct {
	proto          byte
	client, server netip.AddrPort
}

// flow is one conversation, named by its first packet.
type flow struct {
	path  world.Path
	seen  time.Time
	hello hello
	dead  bool // a middlebox ended it
}

// maxFlows bounds the flow table; a run has at most a few thousand flows.
const maxFlows = 1 << 16

// New returns a fabric for a world.
func New(w *world.World, c Config) *Fabric {
	f := &Fabric{c: c, flows: map[flowKey]*flow{}, rand: rand.New(rand.NewPCG(c.Seed, 0x7670))}
	f.w.Store(w)
	f.delay = newDelayLine(c.Send)
	return f
}

// RouterMAC is the address of the VPC's router in the instance's subnet.
var RouterMAC = net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x00, 0x01}

// RouterV6 is the router's link-local address.
var RouterV6 = netip.MustParseAddr("fe80::1")

// MACOf is the hardware address of the interface that has an IP address.
func MACOf(a netip.Addr) net.HardwareAddr {
	b := a.As16()
	return net.HardwareAddr{0x02, 0x76, b[12], b[13], b[14], b[15]}
}

// Frame takes one frame that arrived from a side.
func (f *Fabric) Frame(from Side, frame []byte) {
	p, ok := parse(frame)
	if from == Instance {
		record(f.c.Packets, &p, ok, true)
	}
	if !ok {
		return
	}
	if from == Lab {
		f.fromLab(&p)
		return
	}
	switch {
	case p.arp:
		f.answerARP(frame)
	case p.solicit:
		f.answerNDP(frame, &p)
	case p.proto == protoTCP || p.proto == protoUDP:
		f.fromInstance(&p)
	}
}

func (f *Fabric) fromInstance(p *packet) {
	if i := &f.w.Load().Instance; p.src.Addr() != i.Addr && p.src.Addr() != i.IPv6 {
		return // the source check of an ENI
	}
	key := flowKey{p.proto, p.src, p.dst}
	f.mu.Lock()
	fl := f.flows[key]
	if fl == nil || (p.syn() && !p.ack()) {
		fl = f.open(key, fl)
	}
	act := f.judge(fl, p, true)
	fl.seen = time.Now()
	f.mu.Unlock()
	f.do(act, p, Lab, f.c.LabMAC)
}

func (f *Fabric) fromLab(p *packet) {
	key := flowKey{p.proto, p.dst, p.src}
	f.mu.Lock()
	fl := f.flows[key]
	if fl == nil || !fl.path.Returns {
		f.mu.Unlock()
		return // nothing in the lab starts a conversation
	}
	act := f.judge(fl, p, false)
	fl.seen = time.Now()
	f.mu.Unlock()
	f.do(act, p, Instance, f.c.InstanceMAC)
}

// open decides a flow's path. A retransmitted SYN keeps what was decided, so
// that a loss rate is not drawn into the path itself.
func (f *Fabric) open(key flowKey, old *flow) *flow {
	if old != nil && !old.dead {
		return old
	}
	if len(f.flows) >= maxFlows {
		f.sweep()
	}
	proto := "tcp"
	if key.proto == protoUDP {
		proto = "udp"
	}
	fl := &flow{path: f.w.Load().Path(world.Flow{Proto: proto, Src: key.client, Dst: key.server})}
	f.flows[key] = fl
	if f.c.Trace != nil {
		fmt.Fprintf(f.c.Trace, "fabric: %s %s > %s arrives=%v returns=%v %q\n", proto, key.client, key.server,
			fl.path.Arrives, fl.path.Returns, fl.path.Steps)
	}
	return fl
}

// sweep forgets the flows that were silent for a minute.
func (f *Fabric) sweep() {
	for k, fl := range f.flows {
		if time.Since(fl.seen) > time.Minute {
			delete(f.flows, k)
		}
	}
}

// action is what becomes of one packet.
type action struct {
	pass  bool
	reset bool          // answer the client with RST
	ended netip.Addr    // router at which the packet's life ended; zero: none
	delay time.Duration // there, or there and back for an answer
}

// judge lets the middleboxes of a path look at one packet. The caller holds
// the lock.
func (f *Fabric) judge(fl *flow, p *packet, forward bool) action {
	if fl.dead || (forward && !fl.path.Arrives) {
		return action{}
	}
	if hops := fl.path.Hops; forward && !p.v6 && p.ttl > 0 && int(p.ttl) <= len(hops) {
		return action{ended: hops[p.ttl-1]}
	}
	if forward && fl.path.Refuses && p.syn() {
		return action{reset: fl.path.Returns}
	}
	act := action{pass: true}
	if b := fl.forgotten(p); b != nil {
		fl.dead = true
		return action{reset: forward && b.ForgetsRST}
	}
	greeted := forward && len(fl.path.Boxes) > 0 && fl.hello.add(p)
	for i := range fl.path.Boxes {
		b := &fl.path.Boxes[i]
		act.delay += b.Latency
		switch {
		case tooLong(b, p.length, forward):
			return action{}
		case b.Loss > 0 && f.rand.Float64() < b.Loss:
			return action{}
		case b.AlwaysRST && forward && p.syn():
			fl.dead = true
			return action{reset: true, delay: act.delay * 2}
		}
		if !greeted {
			continue
		}
		switch {
		case world.MatchName(b.ResetSNI, fl.hello.name):
			fl.dead = true
			return action{reset: true, delay: act.delay * 2}
		case world.MatchName(b.DropSNI, fl.hello.name), b.DropSplit && fl.hello.parts > 1:
			fl.dead = true
			return action{}
		}
	}
	return act
}

// forgotten is the middlebox that does not know a connection any more after
// the silence before p.
func (fl *flow) forgotten(p *packet) *world.Middlebox {
	for i := range fl.path.Boxes {
		if b := &fl.path.Boxes[i]; b.Forgets > 0 && p.proto == protoTCP && !p.syn() && time.Since(fl.seen) > b.Forgets {
			return b
		}
	}
	return nil
}

// tooLong tells whether a packet vanishes for its length. forward is the way
// from the instance.
func tooLong(b *world.Middlebox, length int, forward bool) bool {
	limit := b.MaxIn
	if forward {
		limit = b.MaxOut
	}
	return b.MaxPacket > 0 && length > b.MaxPacket || limit > 0 && length > limit
}

func (f *Fabric) do(act action, p *packet, to Side, mac net.HardwareAddr) {
	switch {
	case act.ended.IsValid():
		f.delay.send(Instance, expired(p, act.ended), act.delay)
	case act.reset:
		f.delay.send(Instance, reset(p), act.delay)
	case act.pass:
		if to == Instance {
			record(f.c.Packets, p, true, false)
		}
		p.readdress(mac)
		f.delay.send(to, p.frame, act.delay)
	}
}
