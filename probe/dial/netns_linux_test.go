package dial

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// insideEnv marks the copy of this test binary that runs in its own network
// namespace.
const insideEnv = "VPCDOCTOR_TEST_NETNS"

// inNamespace runs the calling test again in a copy of this binary that has a
// network namespace of its own, and reports whether this is that copy.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil { // the clone itself failed
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			t.Fatalf("no network namespace here: %v", err)
		}
		t.Skipf("no network namespace here: %v", err)
	}
	if err != nil {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	return false
}

// peer is a second namespace, 10.0.0.2, wired to this one, 10.0.0.1.
type peer struct {
	t      *testing.T
	ns     netns.NsHandle
	handle *netlink.Handle
}

func newPeer(t *testing.T) peer {
	t.Helper()
	p := peer{t: t}
	p.onThread(func() error {
		var err error
		p.ns, err = netns.New()
		return err
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	here, err := netlink.NewHandle()
	must(err)
	p.handle, err = netlink.NewHandleAt(p.ns)
	must(err)
	t.Cleanup(func() { here.Close(); p.handle.Close(); p.ns.Close() })
	must(here.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far", PeerNamespace: netlink.NsFd(p.ns),
	}))
	for _, end := range []struct {
		h          *netlink.Handle
		name, addr string
	}{{here, "near", "10.0.0.1/24"}, {p.handle, "far", "10.0.0.2/24"}} {
		link, err := end.h.LinkByName(end.name)
		must(err)
		addr, err := netlink.ParseAddr(end.addr)
		must(err)
		must(end.h.AddrAdd(link, addr))
		must(end.h.LinkSetUp(link))
	}
	return p
}

// onThread runs f on a thread of its own that ends with it.
func (p peer) onThread(f func() error) {
	p.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- f()
	}()
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) listen(addr string) net.Listener {
	p.t.Helper()
	var l net.Listener
	p.onThread(func() error {
		err := netns.Set(p.ns)
		if err == nil {
			l, err = net.Listen("tcp", addr)
		}
		return err
	})
	p.t.Cleanup(func() { l.Close() })
	return l
}

// forget takes the peer's address away: what comes for it is dropped in
// silence from then on, as by a device that no longer knows the connection.
func (p peer) forget() {
	link, err := p.handle.LinkByName("far")
	if err == nil {
		var addr *netlink.Addr
		if addr, err = netlink.ParseAddr("10.0.0.2/24"); err == nil {
			err = p.handle.AddrDel(link, addr)
		}
	}
	if err != nil {
		p.t.Error(err) // from any goroutine
	}
}
