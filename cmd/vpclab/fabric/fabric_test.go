package fabric

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
)

// wire collects what a fabric sends.
type wire struct {
	to     []Side
	frames [][]byte
	at     []time.Time
}

func (w *wire) send(to Side, frame []byte) {
	w.to = append(w.to, to)
	w.frames = append(w.frames, append([]byte(nil), frame...))
	w.at = append(w.at, time.Now())
}

var instanceMAC, labMAC = net.HardwareAddr{6, 1, 1, 1, 1, 1}, net.HardwareAddr{2, 9, 9, 9, 9, 9}

func newTest(t *testing.T, change func(*world.World)) (*Fabric, *wire, *world.World) {
	t.Helper()
	s, err := scenario.Find("healthy")
	if err != nil {
		t.Fatal(err)
	}
	w := s.World(1)
	if change != nil {
		change(w)
	}
	out := &wire{}
	return New(w, Config{InstanceMAC: instanceMAC, LabMAC: labMAC, Send: out.send, Seed: 1}), out, w
}

// segment builds a TCP packet between two addresses.
func segment(src, dst netip.AddrPort, flags byte, seq uint32, payload []byte) []byte {
	t := make([]byte, 20, 20+len(payload))
	binary.BigEndian.PutUint16(t, src.Port())
	binary.BigEndian.PutUint16(t[2:], dst.Port())
	binary.BigEndian.PutUint32(t[4:], seq)
	t[12], t[13] = 5<<4, flags
	return seal(instanceMAC, src.Addr(), dst.Addr(), protoTCP, append(t, payload...), 16)
}

func client(w *world.World) netip.AddrPort { return netip.AddrPortFrom(w.Instance.Addr, 40000) }

func endpoint(w *world.World) netip.AddrPort {
	return netip.AddrPortFrom(w.VPC.Endpoint("ssm").Interfaces[0].Addr, 443)
}

func TestForwardsBothWays(t *testing.T) {
	f, out, w := newTest(t, nil)
	f.Frame(Instance, segment(client(w), endpoint(w), flagSYN, 7, nil))
	if len(out.frames) != 1 || out.to[0] != Lab {
		t.Fatalf("SYN: %v", out.to)
	}
	if got := net.HardwareAddr(out.frames[0][:6]); got.String() != labMAC.String() {
		t.Errorf("destination %s", got)
	}
	f.Frame(Lab, segment(endpoint(w), client(w), flagSYN|flagACK, 9, nil))
	if len(out.frames) != 2 || out.to[1] != Instance {
		t.Fatalf("SYN-ACK: %v", out.to)
	}
}

func TestSilence(t *testing.T) {
	tests := []struct {
		name   string
		change func(*world.World)
		from   func(*world.World) netip.AddrPort
		to     func(*world.World) netip.AddrPort
	}{
		{"security group", func(w *world.World) { w.VPC.SecurityGroups[1].Ingress = nil }, client, endpoint},
		{"foreign source", nil, func(w *world.World) netip.AddrPort {
			return netip.AddrPortFrom(w.Instance.Addr.Next(), 40000)
		}, endpoint},
		{"no route", nil, client, func(*world.World) netip.AddrPort { return netip.MustParseAddrPort("8.8.8.8:443") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, out, w := newTest(t, tt.change)
			f.Frame(Instance, segment(tt.from(w), tt.to(w), flagSYN, 7, nil))
			if len(out.frames) != 0 {
				t.Errorf("sent %d frames", len(out.frames))
			}
		})
	}
	f, out, w := newTest(t, nil)
	f.Frame(Lab, segment(endpoint(w), client(w), flagSYN, 7, nil))
	if len(out.frames) != 0 {
		t.Error("the servers' side started a conversation")
	}
}

// A SYN to a port where nobody listens comes back as a RST that the kernel
// takes: it acknowledges the SYN, and its checksums are right.
func TestRefuses(t *testing.T) {
	f, out, w := newTest(t, func(w *world.World) {
		w.VPC.Endpoint("ssm").Server.Closed = true
	})
	f.Frame(Instance, segment(client(w), endpoint(w), flagSYN, 41, nil))
	if len(out.frames) != 1 || out.to[0] != Instance {
		t.Fatalf("sent %v", out.to)
	}
	p, ok := parse(out.frames[0])
	if !ok || p.flags&flagRST == 0 || p.rst != 42 || p.src != endpoint(w) || p.dst != client(w) {
		t.Errorf("reset %+v", p)
	}
	if sum := fold(pseudo(p.src.Addr(), p.dst.Addr(), protoTCP, len(p.l4)) + sum16(p.l4)); sum != 0 {
		t.Errorf("TCP checksum is off by %#x", sum)
	}
	if sum := fold(sum16(out.frames[0][etherLen : etherLen+20])); sum != 0 {
		t.Errorf("IP checksum is off by %#x", sum)
	}
}

// TestForgets: a device that forgets silent connections passes what comes in
// time, from either side, and a new connection from the same port.
func TestForgets(t *testing.T) {
	for _, reset := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f, out, w := newTest(t, func(w *world.World) {
				w.Middleboxes = []world.Middlebox{{Name: "appliance", Forgets: 2 * time.Second, ForgetsRST: reset}}
			})
			sent := func(from Side, flags byte) []Side {
				n := len(out.to)
				if from == Instance {
					f.Frame(from, segment(client(w), endpoint(w), flags, 7, nil))
				} else {
					f.Frame(from, segment(endpoint(w), client(w), flags, 7, nil))
				}
				return out.to[n:]
			}
			sent(Instance, flagSYN)
			for _, from := range []Side{Lab, Instance, Lab, Instance} {
				time.Sleep(1900 * time.Millisecond)
				if got := sent(from, flagACK); len(got) != 1 || got[0] == from {
					t.Fatalf("in time, from side %d: %v", from, got)
				}
			}
			time.Sleep(2100 * time.Millisecond)
			got := sent(Instance, flagACK|flagFIN)
			if reset && (len(got) != 1 || got[0] != Instance) || !reset && len(got) != 0 {
				t.Errorf("after the silence, RST wanted %v: %v", reset, got)
			}
			if got := sent(Lab, flagACK); len(got) != 0 {
				t.Errorf("forgotten, and the server's packet went to %v", got)
			}
			if got := sent(Instance, flagSYN); len(got) != 1 || got[0] != Lab {
				t.Errorf("a new connection: %v", got)
			}
		})
	}
}

func TestARP(t *testing.T) {
	f, out, w := newTest(t, nil)
	subnet := w.VPC.Subnet(w.Instance.Subnet)
	ask := func(a netip.Addr) int {
		before := len(out.frames)
		req := make([]byte, etherLen+28)
		copy(req[6:], instanceMAC)
		binary.BigEndian.PutUint16(req[12:], etherARP)
		b := req[etherLen:]
		copy(b, []byte{0, 1, 8, 0, 6, 4, 0, 1})
		copy(b[8:], instanceMAC)
		copy(b[14:], w.Instance.Addr.AsSlice())
		copy(b[24:], a.AsSlice())
		f.Frame(Instance, req)
		return len(out.frames) - before
	}
	near, far := w.VPC.Endpoint("ssm").Interfaces[0].Addr, w.VPC.Endpoint("ssm").Interfaces[1].Addr
	free := subnet.CIDR.Addr().Next().Next().Next()
	for _, tt := range []struct {
		name string
		addr netip.Addr
		want int
	}{
		{"router", subnet.CIDR.Addr().Next(), 1}, {"endpoint", near, 1}, {"metadata on link", world.MetadataAddr, 1},
		{"endpoint elsewhere", far, 0}, {"nobody", free, 0}, {"ourselves", w.Instance.Addr, 0},
	} {
		if got := ask(tt.addr); got != tt.want {
			t.Errorf("%s %s: %d answers, want %d", tt.name, tt.addr, got, tt.want)
		}
	}
}

// hello is a real ClientHello.
func helloFor(t *testing.T, name string) []byte {
	t.Helper()
	a, b := net.Pipe()
	go func() {
		_ = tls.Client(a, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}).Handshake()
	}()
	defer a.Close()
	buf := make([]byte, maxHello)
	n, err := b.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestMiddleboxes(t *testing.T) {
	const name = "ssm.example.com"
	hello := helloFor(t, name)
	tests := []struct {
		name string
		box  world.Middlebox
		to   []Side // of each frame after SYN and the hello in two parts
	}{
		{"nothing", world.Middlebox{}, []Side{Lab, Lab, Lab}},
		{"drops the name", world.Middlebox{DropSNI: []string{name}}, []Side{Lab, Lab}},
		{"resets the name", world.Middlebox{ResetSNI: []string{"*.example.com"}}, []Side{Lab, Lab, Instance}},
		{"leaves other names alone", world.Middlebox{ResetSNI: []string{"kms.example.com"}}, []Side{Lab, Lab, Lab}},
		{"drops large packets", world.Middlebox{MaxPacket: 600}, []Side{Lab, Lab}},
		{"cannot reassemble", world.Middlebox{DropSplit: true}, []Side{Lab, Lab}},
		{"refuses", world.Middlebox{AlwaysRST: true}, []Side{Instance}},
		{"loses everything", world.Middlebox{Loss: 1}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, out, w := newTest(t, func(w *world.World) { w.Middleboxes = []world.Middlebox{tt.box} })
			f.Frame(Instance, segment(client(w), endpoint(w), flagSYN, 99, nil))
			f.Frame(Instance, segment(client(w), endpoint(w), flagACK|flagPSH, 100, hello[:100]))
			f.Frame(Instance, segment(client(w), endpoint(w), flagACK|flagPSH, 200, hello[100:]))
			if len(out.to) != len(tt.to) {
				t.Fatalf("sent to %v, want %v", out.to, tt.to)
			}
			for i := range tt.to {
				if out.to[i] != tt.to[i] {
					t.Errorf("frame %d to %v, want %v", i, out.to[i], tt.to[i])
				}
			}
		})
	}
}

// Latency holds frames back without reordering them.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, out, w := newTest(t, func(w *world.World) {
			w.Middleboxes = []world.Middlebox{{Latency: 20 * time.Millisecond}}
		})
		start := time.Now()
		for i := range 50 {
			f.Frame(Instance, segment(client(w), endpoint(w), flagACK, uint32(i), nil))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(out.frames) != 50 {
			t.Fatalf("%d frames", len(out.frames))
		}
		for i, fr := range out.frames {
			if p, _ := parse(fr); p.seq != uint32(i) {
				t.Fatalf("frame %d has number %d", i, p.seq)
			}
			if d := out.at[i].Sub(start); d != 20*time.Millisecond {
				t.Fatalf("frame %d after %s", i, d)
			}
		}
		f.delay.stop()
	})
}

func TestServerName(t *testing.T) {
	h := helloFor(t, "SSM.us-east-1.amazonaws.com")
	if name, ok, _ := serverName(h); !ok || name != "ssm.us-east-1.amazonaws.com" {
		t.Errorf("got %q, %v", name, ok)
	}
	for n := 1; n < len(h); n++ {
		if _, ok, more := serverName(h[:n]); ok || !more {
			t.Fatalf("%d of %d bytes: ok %v, more %v", n, len(h), ok, more)
		}
	}
	if _, ok, more := serverName([]byte("GET / HTTP/1.1\r\n")); ok || more {
		t.Error("HTTP taken for a hello")
	}
}

func FuzzFrame(f *testing.F) {
	s, err := scenario.Find("healthy")
	if err != nil {
		f.Fatal(err)
	}
	w := s.World(1)
	f.Add(segment(client(w), endpoint(w), flagSYN, 1, nil))
	f.Add(segment(client(w), endpoint(w), flagACK, 2, []byte{22, 3, 1, 0, 1, 1}))
	f.Fuzz(func(_ *testing.T, frame []byte) {
		fab := New(w, Config{InstanceMAC: instanceMAC, LabMAC: labMAC, Send: func(Side, []byte) {}})
		fab.Frame(Instance, append([]byte(nil), frame...))
		fab.Frame(Lab, frame)
	})
}

func FuzzServerName(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if len(b) > 0 {
			serverName(b)
		}
	})
}

// A packet whose life ends at the NAT gateway or the router behind it comes
// back with the header that was sent; one that lives longer arrives.
func TestHops(t *testing.T) {
	nat := func(w *world.World) {
		w.VPC.NATs = []world.NAT{{ID: "nat-1", Subnet: w.VPC.Subnets[2].ID}}
		table := w.VPC.Table(w.VPC.Subnets[0].RouteTable)
		table.Routes = append(table.Routes, world.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Target: "nat-1"})
	}
	public := func(w *world.World, service string) netip.AddrPort {
		return netip.AddrPortFrom(w.PublicAddrs(service + "." + w.Region + "." + w.Suffix)[0], 443)
	}
	tests := []struct {
		name, service string
		ttl           byte
		from          func(*world.World) netip.Addr // router that answers; nil: the packet arrives
	}{
		{"NAT gateway", "sts", 1, func(w *world.World) netip.Addr {
			return netip.AddrFrom4([4]byte(append(w.VPC.Subnets[2].CIDR.Addr().AsSlice()[:3], 4)))
		}},
		{"router behind it", "sts", 2, func(*world.World) netip.Addr { return netip.MustParseAddr("100.65.8.1") }},
		{"long enough", "sts", 3, nil},
		{"gateway endpoint", "s3", 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, out, w := newTest(t, nat)
			syn := segment(client(w), public(w, tt.service), flagSYN, 7, nil)
			syn[etherLen+8] = tt.ttl
			f.Frame(Instance, syn)
			if len(out.frames) != 1 {
				t.Fatalf("%d frames", len(out.frames))
			}
			if tt.from == nil {
				if out.to[0] != Lab {
					t.Error("did not arrive")
				}
				return
			}
			ip := out.frames[0][etherLen:]
			icmp := ip[20:]
			if out.to[0] != Instance || ip[9] != protoICMP || icmp[0] != 11 || fold(sum16(icmp)) != 0 {
				t.Fatalf("to %v: % x", out.to[0], ip)
			}
			if from := netip.AddrFrom4([4]byte(ip[12:16])); from != tt.from(w) {
				t.Errorf("from %s", from)
			}
			if !bytes.Equal(icmp[8:], syn[etherLen:etherLen+28]) {
				t.Errorf("returned % x", icmp[8:])
			}
		})
	}
}

// A limit on packet length holds in its own direction only.
func TestOneWayLimit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		box     world.Middlebox
		out, in bool // a long packet passes
	}{
		{"both", world.Middlebox{MaxPacket: 1200}, false, false},
		{"from us", world.Middlebox{MaxOut: 1200}, false, true},
		{"to us", world.Middlebox{MaxIn: 1200}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, out, w := newTest(t, func(w *world.World) { w.Middleboxes = []world.Middlebox{tt.box} })
			f.Frame(Instance, segment(client(w), endpoint(w), flagSYN, 7, nil))
			long := make([]byte, 1300)
			n := len(out.frames)
			f.Frame(Instance, segment(client(w), endpoint(w), flagACK, 8, long))
			if got := len(out.frames) > n; got != tt.out {
				t.Errorf("from us: passes=%v", got)
			}
			n = len(out.frames)
			f.Frame(Lab, segment(endpoint(w), client(w), flagACK, 9, long))
			if got := len(out.frames) > n; got != tt.in {
				t.Errorf("to us: passes=%v", got)
			}
		})
	}
}
