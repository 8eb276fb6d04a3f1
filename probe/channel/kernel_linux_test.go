package channel

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vpcdoctor/probe/fact"
)

// insideEnv marks the copy of this test binary that runs in its own network
// namespace.
const insideEnv = "VPCDOCTOR_TEST_NETNS"

// command is a copy of this test binary in a network namespace of its own.
func command(t *testing.T) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return cmd
}

func inside() bool { return os.Getenv(insideEnv) != "" }

// network brings up loopback, and a device on which 10.9.0.9 swallows every
// packet: the far end of the wire has no such hardware address.
func network(t *testing.T) {
	t.Helper()
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "hole"}, PeerName: "void"}))
	for _, name := range []string{"lo", "hole", "void"} {
		link, err := netlink.LinkByName(name)
		must(t, err)
		must(t, netlink.LinkSetUp(link))
		if name != "hole" {
			continue
		}
		addr, err := netlink.ParseAddr("10.9.0.1/24")
		must(t, err)
		must(t, netlink.AddrAdd(link, addr))
		must(t, netlink.NeighAdd(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: net.IPv4(10, 9, 0, 9), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9},
		}))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a connection to addr, which is ours, and returns both ends.
func open(t *testing.T, addr string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := net.Dialer{}
	if strings.HasPrefix(addr, "10.") {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(10, 9, 0, 1)}
	}
	if client, err = d.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func local(c net.Conn) netip.AddrPort {
	a := c.LocalAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// find is the socket with this local end.
func find(t *testing.T, ch fact.Channel, at netip.AddrPort) fact.Socket {
	t.Helper()
	for _, s := range ch.Sockets {
		if s.Local == at {
			return s
		}
	}
	t.Fatalf("no socket at %v in %+v", at, ch)
	return fact.Socket{}
}

func TestKernel(t *testing.T) {
	if !inside() {
		if out, err := command(t).CombinedOutput(); err != nil {
			t.Fatalf("in the namespace: %v\n%s", err, out)
		}
		return
	}
	network(t)
	procs := []fact.AgentProc{{PID: os.Getpid(), Role: "worker"}}

	alive, far := open(t, "127.0.0.1:0")
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := alive.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	mapped, _ := open(t, "[::]:0") // an AF_INET6 socket at the far end, with IPv4 addresses
	six, _ := open(t, "[::1]:0")
	left, gone := open(t, "127.0.0.1:0")
	gone.Close()
	if _, err := left.Read(make([]byte, 1)); err == nil {
		t.Fatal("the far end is still there")
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: 443, Addr: [4]byte{10, 9, 0, 9}}); err != syscall.EINPROGRESS {
		t.Fatal(err)
	}
	time.Sleep(1300 * time.Millisecond) // the second SYN leaves after one second

	for _, way := range []struct {
		name string
		o    Options
	}{
		{"sock_diag", Options{Procs: procs}},
		{"proc", Options{Procs: procs, Root: "/proc/self/root"}}, // another root: no sock_diag
	} {
		began := time.Now()
		ch := Sockets(t.Context(), way.o)
		t.Logf("%s: %v for %d descriptors", way.name, time.Since(began), ch.Files)
		if ch.Status != fact.OK || ch.Detail != "" || ch.Files < 9 {
			t.Fatalf("%s: %+v, %d files", way.name, ch.Outcome, ch.Files)
		}
		for _, s := range ch.Sockets {
			if s.State == "LISTEN" || s.PID != os.Getpid() || s.Role != "worker" {
				t.Errorf("%s: %+v", way.name, s)
			}
		}
		exact := way.name == "sock_diag"
		s := find(t, ch, local(alive))
		if s.State != "ESTABLISHED" || s.Retransmits != 0 || s.Unacked != 0 || exact && (s.RTT <= 0 || s.LastRecv.Std() < time.Second || s.LastRecv.Std() > time.Minute) {
			t.Errorf("%s: %+v", way.name, s)
		}
		if s = find(t, ch, local(mapped)); s.State != "ESTABLISHED" {
			t.Errorf("%s: %+v", way.name, s)
		}
		if s = find(t, ch, local(six)); s.State != "ESTABLISHED" || s.Remote.Addr() != netip.IPv6Loopback() {
			t.Errorf("%s: %+v", way.name, s)
		}
		if s = find(t, ch, local(left)); s.State != "CLOSE-WAIT" {
			t.Errorf("%s: %+v", way.name, s)
		}
		syn := fact.Socket{}
		for _, s := range ch.Sockets {
			if s.Remote == ap("10.9.0.9:443") {
				syn = s
			}
		}
		if syn.State != "SYN-SENT" || syn.Retransmits < 1 || syn.LastRecv != 0 || exact && (syn.TotalRetrans < 1 || syn.Unacked != 1) {
			t.Errorf("%s: %+v", way.name, syn)
		}
	}
}

// TestKernelRetransmits: the far end is taken away under a connection that
// then speaks.
func TestKernelRetransmits(t *testing.T) {
	if !inside() {
		if out, err := command(t).CombinedOutput(); err != nil {
			t.Fatalf("in the namespace: %v\n%s", err, out)
		}
		return
	}
	network(t)
	lo, _ := netlink.LinkByName("lo")
	addr, _ := netlink.ParseAddr("10.9.0.9/32") // on loopback, inside the hole's subnet
	must(t, netlink.AddrAdd(lo, addr))
	c, _ := open(t, "10.9.0.9:0")
	must(t, netlink.AddrDel(lo, addr))
	if _, err := c.Write([]byte("anybody there?")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond) // after 0.2, 0.6 and 1.4 s
	ch := Sockets(t.Context(), Options{Procs: []fact.AgentProc{{PID: os.Getpid(), Role: "core"}}})
	s := find(t, ch, local(c))
	if s.State != "ESTABLISHED" || s.Retransmits < 2 || s.TotalRetrans < 2 || s.Unacked != 1 || s.Role != "core" {
		t.Errorf("%+v", s)
	}
}

// TestKernelOtherNamespace: the process lives in another network namespace, so
// its table is that of its own /proc directory.
func TestKernelOtherNamespace(t *testing.T) {
	if inside() {
		network(t)
		c, _ := open(t, "127.0.0.1:0")
		_, _ = io.WriteString(os.Stdout, "\nat "+local(c).String()+"\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	cmd := command(t)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	var at netip.AddrPort
	for lines := bufio.NewScanner(out); !at.IsValid() && lines.Scan(); {
		if s, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			at = ap(s)
		}
	}
	ch := Sockets(t.Context(), Options{Procs: []fact.AgentProc{{PID: cmd.Process.Pid, Role: "worker"}}})
	if s := find(t, ch, at); s.State != "ESTABLISHED" || s.RTT != 0 || s.PID != cmd.Process.Pid {
		t.Errorf("%+v, pid %s", s, strconv.Itoa(cmd.Process.Pid))
	}
}

// TestVanishing looks at processes while they come and go.
func TestVanishing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for range 20 {
		cmd := exec.Command("/bin/true")
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		ch := Sockets(t.Context(), Options{Procs: []fact.AgentProc{{PID: cmd.Process.Pid, Role: "core"}, {PID: 1 << 22, Role: "worker"}}})
		_ = cmd.Wait()
		if ch.Status == fact.Failed {
			t.Fatalf("%+v", ch)
		}
	}
}

// BenchmarkSockets is one look at this process: descriptors, a dump of the
// host's sockets, and the whole process table for session workers.
func BenchmarkSockets(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	o := Options{Procs: []fact.AgentProc{{PID: os.Getpid(), Role: "worker"}}}
	for b.Loop() {
		if ch := Sockets(b.Context(), o); ch.Status != fact.OK {
			b.Fatalf("%+v", ch)
		}
	}
}
