package firewall

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vpcdoctor/probe/fact"
)

// TestRuleThatCounted drops a real SYN with real rules in a network namespace
// of its own and finds the rule that did it.
func TestRuleThatCounted(t *testing.T) {
	const inside = "VPCDOCTOR_TEST_NETNS"
	if os.Getenv(inside) == "" {
		copyInNamespace(t, inside)
		return
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	load := exec.Command("/usr/sbin/nft", "-f", "-")
	load.Stdin = strings.NewReader(`table inet corp {
	chain output {
		type filter hook output priority 0; policy accept;
		ip daddr 127.0.0.1 tcp dport 444 counter drop
		ip daddr 127.0.0.1 tcp dport 443 counter drop
		tcp dport 445 reject with tcp reset
	}
}
`)
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("loading the rules: %v: %s", err, out)
	}
	o := Options{ReadFile: os.ReadFile, Command: func(ctx context.Context, name string, args ...string) ([]byte, error) {
		return exec.CommandContext(ctx, "/usr/sbin/"+name, args...).Output()
	}}
	before := Read(t.Context(), o)
	if _, err := net.DialTimeout("tcp", "127.0.0.1:443", 100*time.Millisecond); err == nil {
		t.Fatal("the rule lets the packet through")
	}
	after := Read(t.Context(), o)
	if before.Status != fact.OK || after.Status != fact.OK || len(before.Rules) != 3 {
		t.Fatalf("%+v\n%+v", before, after)
	}
	got := Diff(before, after)
	if len(got.Rules) != 2 || got.More != 1 {
		t.Fatalf("%+v", got)
	}
	if r := got.Rules[0]; r.Text != "ip daddr 127.0.0.1 tcp dport 443 drop" || r.Rose < 1 || r.Handle == 0 || r.Chain != "output" {
		t.Errorf("the rule that counted: %+v", r)
	}
	if r := got.Rules[1]; r.Verdict != reject || r.Rose != 0 || r.Packets != fact.PacketsUnknown {
		t.Errorf("the rule without a counter: %+v", r)
	}
}

// copyInNamespace runs the calling test in a copy of this binary with its own
// network namespace.
func copyInNamespace(t *testing.T, mark string) {
	t.Helper()
	cannot := func(why any) {
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if _, err := os.Stat("/usr/sbin/nft"); err != nil {
		cannot(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil:
		cannot(err)
	case err != nil:
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
}
