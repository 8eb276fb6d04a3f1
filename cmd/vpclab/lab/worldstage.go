//go:build linux

package lab

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/world"
)

// runWorld is the second stage: the network, the servers, then the instance.
func runWorld() (int, error) {
	s, err := readSpec()
	if err != nil {
		return 0, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mounting /proc: %w", err)
	}
	n, err := buildNetwork(s.World)
	if err != nil {
		return 0, err
	}
	fab, err := n.start(s)
	if err != nil {
		return 0, err
	}
	pki := newPKI(s.World)
	var calls io.Writer
	if s.Command.Calls != "" {
		if calls, err = appendTo(s.Command.Calls); err != nil {
			return 0, err
		}
	}
	now := &live{}
	now.Store(s.World)
	servers, err := serve(now, pki, calls)
	if err != nil {
		return 0, err
	}
	if s.Command.Mended != nil {
		go follow(s, now, fab, servers)
	}
	s.Files = instanceFiles(s.World, pki)
	return n.startInstance(s)
}

// network is the cabling: eth0 of the instance and world0 of the servers, each
// with its other end in a namespace of its own, where the fabric joins them.
type network struct {
	fabricNS, instanceNS int // descriptors
	instance, lab        *fabric.Socket
	instanceMAC, labMAC  []byte
}

// buildNetwork makes the namespaces, the two pairs and the packet sockets.
func buildNetwork(w *world.World) (*network, error) {
	n := &network{}
	errs := make(chan error)
	go func() {
		// This thread ends up in another namespace; it is locked and never
		// unlocked, so that the runtime discards it.
		runtime.LockOSThread()
		errs <- n.build(w)
	}()
	if err := <-errs; err != nil {
		return nil, err
	}
	return n, n.worldSide(w)
}

func (n *network) build(w *world.World) error {
	worldNS, err := openNS()
	if err != nil {
		return err
	}
	defer unix.Close(worldNS)
	if n.instanceNS, err = newNS(); err != nil {
		return err
	}
	if n.fabricNS, err = newNS(); err != nil {
		return err
	}
	// Interfaces of the fabric's own must stay silent.
	for _, f := range []string{"all", "default"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+f+"/disable_ipv6", []byte("1"), 0)
	}
	mtu := w.Host.MTUOrDefault()
	// The servers' side always takes the largest packets EC2 knows.
	if err := pair("lab0", "world0", 9001, worldNS, nil); err != nil {
		return err
	}
	mac, err := parseMAC(w.Instance.MAC)
	if err != nil {
		return err
	}
	n.instanceMAC = mac
	if err := pair("inst0", "eth0", mtu, n.instanceNS, mac); err != nil {
		return err
	}
	if n.lab, err = openSocket("lab0"); err != nil {
		return err
	}
	n.instance, err = openSocket("inst0")
	return err
}

// pair makes a veth pair: one end here, the other in another namespace.
func pair(here, there string, mtu int, ns int, mac []byte) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = here, mtu
	v := &netlink.Veth{LinkAttrs: attrs, PeerName: there, PeerNamespace: netlink.NsFd(ns), PeerMTU: uint32(mtu), PeerHardwareAddr: mac}
	if err := netlink.LinkAdd(v); err != nil {
		return fmt.Errorf("creating the pair %s and %s: %w", here, there, err)
	}
	if err := fabric.Plain(here); err != nil {
		return err
	}
	return netlink.LinkSetUp(v)
}

func openSocket(name string) (*fabric.Socket, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", name, err)
	}
	return fabric.Open(l.Attrs().Index)
}

// start joins the two sides.
func (n *network) start(s *spec) (*fabric.Fabric, error) {
	c := fabric.Config{InstanceMAC: n.instanceMAC, LabMAC: n.labMAC, Seed: s.Seed}
	if s.Trace {
		c.Trace = os.Stderr
	}
	if s.Command.Packets != "" {
		log, err := appendTo(s.Command.Packets)
		if err != nil {
			return nil, err
		}
		c.Packets = log
	}
	c.Send = func(to fabric.Side, frame []byte) {
		if to == fabric.Instance {
			n.instance.Write(frame)
		} else {
			n.lab.Write(frame)
		}
	}
	f := fabric.New(s.World, c)
	go pump(n.instance, f, fabric.Instance)
	go pump(n.lab, f, fabric.Lab)
	return f, nil
}

// appendTo opens a log of the host. It stays open until the end of the process,
// which ends with the command.
func appendTo(path string) (*os.File, error) {
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	return log, nil
}

func pump(from *fabric.Socket, f *fabric.Fabric, side fabric.Side) {
	err := from.Read(func(b []byte) { f.Frame(side, b) })
	fmt.Fprintf(os.Stderr, "vpclab: the fabric stopped: %v\n", err)
}

// worldSide configures the servers' own namespace: every address there is
// local, except the instance's, which lie behind world0.
func (n *network) worldSide(w *world.World) error {
	link, err := netlink.LinkByName("world0")
	if err != nil {
		return fmt.Errorf("finding world0: %w", err)
	}
	n.labMAC = link.Attrs().HardwareAddr
	if err := fabric.Plain("world0"); err != nil {
		return err
	}
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/world0/accept_dad", []byte("0"), 0)
	_ = os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0)
	if err := netlink.LinkSetARPOff(link); err != nil {
		return fmt.Errorf("turning ARP off on world0: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	for _, l := range []netlink.Link{lo, link} {
		if err := netlink.LinkSetUp(l); err != nil {
			return fmt.Errorf("bringing %s up: %w", l.Attrs().Name, err)
		}
	}
	return anyAddress(w, lo.Attrs().Index, link.Attrs().Index)
}

// anyAddress makes the whole address space local. The table "local" holds it
// because only that table decides whether a socket may speak from an address.
func anyAddress(w *world.World, lo, link int) error {
	routes := []netlink.Route{
		{Dst: ipNet("0.0.0.0/0"), LinkIndex: lo, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST},
	}
	if w.Instance.Addr.IsValid() {
		routes = append(routes, netlink.Route{Dst: hostNet(w.Instance.Addr), LinkIndex: link, Type: unix.RTN_UNICAST, Scope: netlink.SCOPE_LINK})
	}
	if w.Instance.IPv6.IsValid() {
		routes = append(routes,
			netlink.Route{Dst: ipNet("::/0"), LinkIndex: lo, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST},
			netlink.Route{Dst: hostNet(w.Instance.IPv6), LinkIndex: link, Type: unix.RTN_UNICAST})
	}
	for _, r := range routes {
		r.Table = unix.RT_TABLE_LOCAL
		if err := netlink.RouteAdd(&r); err != nil {
			return fmt.Errorf("adding the route %s to the servers' side: %w", r.Dst, err)
		}
	}
	return nil
}

// startInstance starts the third stage inside the instance's namespace and
// waits for it.
func (n *network) startInstance(s *spec) (int, error) {
	type end struct {
		code int
		err  error
	}
	ends := make(chan end)
	go func() {
		runtime.LockOSThread() // a child starts in the namespaces of the thread that starts it
		if err := unix.Setns(n.instanceNS, unix.CLONE_NEWNET); err != nil {
			ends <- end{0, fmt.Errorf("entering the instance's network: %w", err)}
			return
		}
		cmd := &exec.Cmd{
			Path: "/proc/self/exe", Args: []string{instanceStage},
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			SysProcAttr: &syscall.SysProcAttr{
				Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
				Pdeathsig:  syscall.SIGKILL,
			},
		}
		code, err := run(cmd, s)
		ends <- end{code, err}
	}()
	e := <-ends
	return e.code, e.err
}

func openNS() (int, error) {
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a network namespace: %w", err)
	}
	return fd, nil
}

// newNS moves the calling thread into a new network namespace.
func newNS() (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("creating a network namespace: %w", err)
	}
	return openNS()
}
