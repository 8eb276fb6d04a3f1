package host

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestDriverStats asks a real driver: a veth pair in a network namespace of its
// own has counters, "peer_ifindex" the first of them for as long as it exists.
func TestDriverStats(t *testing.T) {
	const inside = "VPCDOCTOR_TEST_NETNS"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDriverStats$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		switch {
		case cmd.ProcessState == nil && os.Getenv("CI") != "true":
			t.Skipf("no network namespace here: %v", err)
		case err != nil:
			t.Fatalf("in the namespace: %v\n%s", err, out)
		}
		return
	}
	v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "one"}, PeerName: "two"}
	if err := netlink.LinkAdd(v); err != nil {
		t.Fatal(err)
	}
	two, err := netlink.LinkByName("two")
	if err != nil {
		t.Fatal(err)
	}
	names, values, err := driverStats("one")
	if err != nil {
		t.Fatal(err)
	}
	if len(names)%statName != 0 || len(values) != len(names)/statName*8 {
		t.Fatalf("%d bytes of names, %d of values", len(names), len(values))
	}
	if !bytes.HasPrefix(names, []byte("peer_ifindex\x00")) || int(values[0]) != two.Attrs().Index {
		t.Errorf("first counter %q = %d, want peer_ifindex = %d", names[:statName], values[0], two.Attrs().Index)
	}
	if got := ENA([]string{"one", "two"}); got != nil {
		t.Errorf("a veth pair has no allowance: %+v", got)
	}
}
