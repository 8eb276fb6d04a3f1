package path

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// insideEnv marks the copy of this test binary that runs in its own network
// namespace.
const insideEnv = "VPCDOCTOR_TEST_NETNS"

// inNamespace runs the calling test again in a copy of this binary that has a
// network namespace of its own, and reports whether this is that copy. No
// packet of these tests leaves it.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil { // the clone itself failed
		if os.Getenv("CI") == "true" {
			t.Fatalf("no network namespace here: %v", err)
		}
		t.Skipf("no network namespace here: %v", err)
	}
	if err != nil {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	return false
}

// space is one network namespace of a test.
type space struct {
	t      *testing.T
	ns     netns.NsHandle
	handle *netlink.Handle
}

func newSpace(t *testing.T, ns netns.NsHandle) space {
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	s := space{t, ns, h}
	// Routers ask for neighbours from link-local addresses, which must not wait
	// for duplicate address detection.
	s.sysctl("ipv6.conf.default.accept_dad", "0")
	s.up("lo")
	return s
}

// here is the namespace that the test runs in; fresh is a new one.
func here(t *testing.T) space {
	t.Helper()
	ns, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	return newSpace(t, ns)
}

func fresh(t *testing.T) space {
	t.Helper()
	var (
		ns  netns.NsHandle
		err error
	)
	onThread(func() { ns, err = netns.New() })
	if err != nil {
		t.Fatal(err)
	}
	return newSpace(t, ns)
}

// onThread runs f on a thread that ends with it, so that a changed namespace
// cannot leak into other goroutines.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		f()
	}()
	<-done
}

// do runs f inside the namespace.
func (s space) do(f func()) {
	s.t.Helper()
	var err error
	onThread(func() {
		if err = netns.Set(s.ns); err == nil {
			f()
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s space) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s space) link(name string) netlink.Link {
	s.t.Helper()
	l, err := s.handle.LinkByName(name)
	s.must(err)
	return l
}

func (s space) up(name string) {
	s.t.Helper()
	s.must(s.handle.LinkSetUp(s.link(name)))
}

func (s space) sysctl(name, value string) {
	s.t.Helper()
	var err error
	s.do(func() {
		err = os.WriteFile("/proc/sys/net/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0)
	})
	s.must(err)
}

func (s space) addr(link, prefix string) {
	s.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	s.must(err)
	if a.IP.To4() == nil {
		a.Flags = syscall.IFA_F_NODAD // usable at once
	}
	s.must(s.handle.AddrAdd(s.link(link), a))
}

// wire joins two namespaces by a pair of interfaces.
func wire(a space, nameA string, b space, nameB string) {
	a.t.Helper()
	v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: nameA}, PeerName: nameB, PeerNamespace: netlink.NsFd(b.ns)}
	a.must(a.handle.LinkAdd(v))
	a.up(nameA)
	b.up(nameB)
}

// route adds a route; via may be empty, kind 0 is unicast.
func (s space) route(dst, via string, kind int, change ...func(*netlink.Route)) {
	s.t.Helper()
	_, n, err := net.ParseCIDR(dst)
	s.must(err)
	r := &netlink.Route{Dst: n, Type: kind}
	if via != "" {
		r.Gw = net.ParseIP(via)
	}
	for _, c := range change {
		c(r)
	}
	s.must(s.handle.RouteAdd(r))
}

// listen accepts connections inside the namespace until the test ends.
func (s space) listen(network, addr string) netip.AddrPort {
	s.t.Helper()
	var (
		l   net.Listener
		err error
	)
	s.do(func() { l, err = net.Listen(network, addr) })
	s.must(err)
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// chain is an instance, two routers behind each other and a server:
// 10.0.0.2 – 10.0.0.1 | 10.1.0.1 – 10.1.0.2 | 10.2.0.1 – 10.2.0.2, and the same
// with fd00:0, fd00:1 and fd00:2.
func chain(t *testing.T) (instance, server space) {
	t.Helper()
	all := []space{here(t), fresh(t), fresh(t), fresh(t)}
	for i, s := range all[:3] {
		next, n := all[i+1], strconv.Itoa(i)
		wire(s, "out"+n, next, "in"+n)
		near, far := ".1", ".2"
		if i == 0 {
			near, far = far, near
		}
		s.addr("out"+n, "10."+n+".0"+near+"/24")
		next.addr("in"+n, "10."+n+".0"+far+"/24")
		s.addr("out"+n, "fd00:"+n+":"+strings.Replace(near, ".", ":", 1)+"/64")
		next.addr("in"+n, "fd00:"+n+":"+strings.Replace(far, ".", ":", 1)+"/64")
	}
	for _, router := range all[1:3] {
		router.sysctl("ipv4.ip_forward", "1")
		router.sysctl("ipv6.conf.all.forwarding", "1")
	}
	all[0].route("10.0.0.0/8", "10.0.0.1", 0)
	all[0].route("fd00::/16", "fd00:0::1", 0)
	all[1].route("10.2.0.0/24", "10.1.0.2", 0)
	all[1].route("fd00:2::/64", "fd00:1::2", 0)
	all[2].route("10.0.0.0/24", "10.1.0.1", 0)
	all[2].route("fd00:0::/64", "fd00:1::1", 0)
	all[3].route("0.0.0.0/0", "10.2.0.1", 0)
	all[3].route("::/0", "fd00:2::1", 0)
	return all[0], all[3]
}
