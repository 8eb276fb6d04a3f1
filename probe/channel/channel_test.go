package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// tree is a fake root; a value that starts with "-> " is a symbolic link.
type tree map[string]string

func (tr tree) write(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	for name, content := range tr {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return root
}

// heading is the first line of /proc/net/tcp; line is one of its others.
const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func line(local, remote, state, retrans string, inode int) string {
	return fmt.Sprintf("   0: %s %s %s 00000000:00000000 01:00000019 %s     0        0 %d 2 0000000000000000 20 4 1 10 -1\n",
		local, remote, state, retrans, inode)
}

const rootStatus = "Name:\tx\nUid:\t0\t0\t0\t0\nNSpid:\t7\n"

// agentTree is a core (810), a worker (815) with three connections, one session
// (900), and programs that only look like the agent's.
func agentTree() tree {
	table := heading +
		line("0200000A:C350", "0500000A:01BB", "01", "00000000", 1001) + // 10.0.0.5:443, the worker
		line("0200000A:C351", "0600000A:01BB", "02", "00000004", 1002) + // SYN-SENT
		line("00000000:0016", "00000000:0000", "0A", "00000000", 1003) + // LISTEN
		line("0200000A:C352", "0700000A:01BB", "08", "00000000", 2001) + // CLOSE-WAIT, the session
		line("0200000A:C353", "0800000A:01BB", "01", "00000000", 5555) // somebody else's
	table6 := heading +
		line("0000000000000000FFFF00000200000A:C354", "0000000000000000FFFF00000900000A:01BB", "01", "00000000", 1004) +
		line("000200FD000000000000000002000000:C355", "000200FD000000000000000005000000:01BB", "01", "00000000", 1005)
	tr := tree{
		"/proc/self/ns/net": "-> net:[4026531840]",
		"/proc/77/exe":      "-> /home/mallory/ssm-session-worker",
		"/proc/77/status":   "Uid:\t1000\t1000\t1000\t1000\n",
		"/proc/77/ns/net":   "-> net:[4026531840]",
		"/proc/77/fd/3":     "-> socket:[5555]",
		"/proc/78/exe":      "-> /usr/bin/ssm-session-worker",
		"/proc/78/status":   "Uid:\t0\t0\t0\t0\nNSpid:\t78\t12\n", // in a container
		"/proc/79/exe":      "-> /usr/bin/sleep",
		"/proc/810/fd/0":    "-> /dev/null",
		"/proc/810/fd/3":    "-> anon_inode:[eventpoll]",
		"/proc/815/fd/4":    "-> socket:[1001]",
		"/proc/815/fd/5":    "-> socket:[1002]",
		"/proc/815/fd/6":    "-> socket:[1003]",
		"/proc/815/fd/7":    "-> socket:[1004]",
		"/proc/815/fd/8":    "-> socket:[1005]",
		"/proc/815/fd/9":    "-> socket:[99999999999]",
		"/proc/815/fd/10":   "-> socket:[1001",
		"/proc/815/fd/11":   "-> pipe:[5555]",
		"/proc/900/exe":     "-> /usr/bin/ssm-session-worker (deleted)",
		"/proc/900/status":  rootStatus,
		"/proc/900/fd/4":    "-> socket:[2001]",
		"/proc/900/fd/5":    "-> socket:[1001]", // inherited
	}
	for _, pid := range []string{"810", "815", "900"} {
		tr["/proc/"+pid+"/ns/net"] = "-> net:[4026531840]"
		tr["/proc/"+pid+"/net/tcp"] = table
		tr["/proc/"+pid+"/net/tcp6"] = table6
	}
	return tr
}

var agentProcs = []fact.AgentProc{{PID: 810, Role: "core"}, {PID: 815, Role: "worker"}}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestSocketsFromProc(t *testing.T) {
	ch := Sockets(t.Context(), Options{Root: agentTree().write(t), Procs: agentProcs})
	if ch.Status != fact.OK || ch.Detail != "" || ch.Files != 12 {
		t.Errorf("%+v, %d files", ch.Outcome, ch.Files)
	}
	want := []fact.Socket{
		{PID: 815, Role: "worker", State: "ESTABLISHED", Local: ap("10.0.0.2:50000"), Remote: ap("10.0.0.5:443")},
		{PID: 815, Role: "worker", State: "ESTABLISHED", Local: ap("10.0.0.2:50004"), Remote: ap("10.0.0.9:443")},
		{PID: 815, Role: "worker", State: "ESTABLISHED", Local: ap("[fd00:200::2]:50005"), Remote: ap("[fd00:200::5]:443")},
		{PID: 815, Role: "worker", State: "SYN-SENT", Local: ap("10.0.0.2:50001"), Remote: ap("10.0.0.6:443"), Retransmits: 4},
		{PID: 900, Role: "session", State: "CLOSE-WAIT", Local: ap("10.0.0.2:50002"), Remote: ap("10.0.0.7:443")},
	}
	if d := cmp.Diff(want, ch.Sockets, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

// TestSockDiagIsAskedInOurNamespaceOnly: the worker lives in another one, whose
// table /proc shows; ours has a socket of the same inode that is not its own.
func TestSockDiagIsAskedInOurNamespaceOnly(t *testing.T) {
	tr := agentTree()
	tr["/proc/815/ns/net"] = "-> net:[4026532999]"
	var asked owners
	ch := Sockets(t.Context(), Options{
		Root: tr.write(t), Procs: agentProcs,
		diag: func(_ context.Context, wanted owners) ([]row, error) {
			asked = wanted
			return []row{{inode: 2001, Socket: fact.Socket{State: "ESTABLISHED", Remote: ap("10.0.0.7:443"), TotalRetrans: 3}}}, nil
		},
	})
	if len(asked) != 2 || asked[2001] != (owner{900, "session"}) || asked[1001] != (owner{900, "session"}) {
		t.Errorf("asked for %v", asked)
	}
	if ch.Status != fact.OK || len(ch.Sockets) != 5 || ch.Sockets[4].State != "SYN-SENT" {
		t.Fatalf("%+v", ch)
	}
	if s := ch.Sockets[3]; s.PID != 900 || s.TotalRetrans != 3 {
		t.Errorf("%+v", s)
	}
}

func TestSockDiagRefused(t *testing.T) {
	ch := Sockets(t.Context(), Options{
		Root: agentTree().write(t), Procs: agentProcs,
		diag: func(context.Context, owners) ([]row, error) {
			return nil, errors.New("sock_diag: operation not permitted")
		},
	})
	if ch.Status != fact.OK || len(ch.Sockets) != 5 || ch.Detail != "read from /proc: sock_diag: operation not permitted" {
		t.Errorf("%+v, %d sockets", ch.Outcome, len(ch.Sockets))
	}
}

func TestSocketsNotSeen(t *testing.T) {
	root := agentTree().write(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	asleep := tree{"/proc/self/ns/net": "-> net:[1]", "/proc/810/ns/net": "-> net:[1]", "/proc/810/fd/0": "-> /dev/null"}.write(t)
	for _, c := range []struct {
		name    string
		ctx     context.Context
		o       Options
		skipped string
	}{
		{"not root", t.Context(), Options{Root: root, UID: 1000, Procs: agentProcs}, "needs root"},
		{"no agent", t.Context(), Options{Root: tree{"/proc/1/exe": "-> /sbin/init"}.write(t)}, "the agent is not running"},
		{"agent ends", t.Context(), Options{Root: tree{"/proc/1/exe": "-> /sbin/init"}.write(t), Procs: agentProcs}, "the agent's processes ended before they were looked at"},
		{"run over", ended, Options{Root: root, Procs: agentProcs}, "interrupted"},
	} {
		if ch := Sockets(c.ctx, c.o); ch.Status != fact.NotRun || ch.Skipped != c.skipped || ch.Sockets != nil {
			t.Errorf("%s: %+v", c.name, ch)
		}
	}
	if ch := Sockets(t.Context(), Options{Root: asleep, Procs: agentProcs[:1]}); ch.Status != fact.OK || ch.Files != 1 || ch.Sockets != nil {
		t.Errorf("asleep: %+v", ch)
	}
	if runtime.GOOS != "linux" {
		if ch := Sockets(t.Context(), Options{Procs: agentProcs}); ch.Skipped != "not Linux" {
			t.Errorf("%+v", ch)
		}
	}
}

// closed is a root whose processes do not show their descriptors, as in a
// container without CAP_SYS_PTRACE.
type closed struct{ sysfile.Root }

func (c closed) Names(dir string, limit int) ([]string, error) {
	if strings.HasSuffix(dir, "/fd/") {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrPermission}
	}
	return c.Root.Names(dir, limit)
}

func TestSocketsDenied(t *testing.T) {
	ch := Sockets(t.Context(), Options{Procs: agentProcs, files: closed{sysfile.Root(agentTree().write(t))}})
	if ch.Status != fact.Failed || ch.Class != fact.PermissionDenied || ch.Detail == "" {
		t.Errorf("%+v", ch)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	tr := tree{"/proc/self/ns/net": "-> net:[1]", "/proc/810/ns/net": "-> net:[1]", "/proc/815/ns/net": "-> net:[1]", "/proc/815/fd/3": "-> socket:[7]"}
	var table strings.Builder
	table.WriteString(heading)
	for i := range maxFiles + 10 {
		tr[fmt.Sprintf("/proc/810/fd/%d", i)] = fmt.Sprintf("-> socket:[%d]", 10000+i)
		state := "08"
		if i%1000 == 0 {
			state = "01"
		}
		table.WriteString(line("0200000A:C350", "0500000A:01BB", state, "00000000", 10000+i))
	}
	tr["/proc/810/net/tcp"] = table.String()
	ch := Sockets(t.Context(), Options{Root: tr.write(t), Procs: agentProcs})
	if ch.Status != fact.OK || ch.Files != maxFiles || len(ch.Sockets) != maxSockets || !strings.Contains(ch.Detail, "4,096") {
		t.Errorf("%+v, %d files, %d sockets", ch.Outcome, ch.Files, len(ch.Sockets))
	}
	if ch.Sockets[0].State != "ESTABLISHED" || ch.Sockets[maxSockets-1].State != "CLOSE-WAIT" {
		t.Errorf("what tells most does not come first: %+v", ch.Sockets[0])
	}
}

func TestMatch(t *testing.T) {
	ch := fact.Channel{Sockets: []fact.Socket{
		{Remote: ap("10.0.0.5:443"), Hosts: []string{"of an earlier call"}},
		{Remote: ap("10.0.0.6:443")},
		{Remote: ap("[fd00::5]:443")},
	}}
	a := func(name string, addrs ...string) fact.Answer {
		f := fact.Answer{Name: name, Status: fact.OK}
		for _, s := range addrs {
			f.Addrs = append(f.Addrs, netip.MustParseAddr(s))
		}
		return f
	}
	Match(&ch, []fact.Answer{a("ssmmessages", "10.0.0.4", "10.0.0.5", "fd00::5"), a("ssm", "10.0.0.5"), a("ssm", "10.0.0.5"), a("s3", "10.0.0.7")})
	var got []string
	for _, s := range ch.Sockets {
		got = append(got, strings.Join(s.Hosts, " "))
	}
	if d := cmp.Diff([]string{"ssm ssmmessages", "", "ssmmessages"}, got); d != "" {
		t.Error(d)
	}
}

func TestTableWithoutEnd(t *testing.T) {
	_, err := readTable(t.Context(), endless{}, owners{1: {}})
	if !errors.Is(err, sysfile.ErrTooLarge) {
		t.Errorf("lines without end: %v", err)
	}
	if _, err = readTable(t.Context(), strings.NewReader(strings.Repeat("x", 2*maxLine)), nil); err == nil {
		t.Error("a line without end is read")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = readTable(ended, endless{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the run: %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = " x\n"[i%3]
	}
	return len(b), nil
}

func FuzzParseLine(f *testing.F) {
	f.Add(line("0200000A:C350", "0500000A:01BB", "01", "00000000", 1001))
	f.Add(line("000200FD000000000000000002000000:C355", "000200FD000000000000000005000000:01BB", "02", "000000ff", 4294967295))
	f.Add(heading)
	f.Fuzz(func(t *testing.T, text string) {
		w, ok := parseLine(text)
		if ok {
			check(t, w)
		}
	})
}

// check holds for every row that a parser gives.
func check(t *testing.T, w row) {
	t.Helper()
	if !w.Local.Addr().IsValid() || !w.Remote.Addr().IsValid() || w.Remote.Addr().Is4In6() {
		t.Errorf("addresses %v and %v", w.Local, w.Remote)
	}
	if w.Retransmits < 0 || w.Retransmits > 255 || w.Unacked < 0 || w.TotalRetrans < 0 || w.RTT < 0 || w.LastRecv < 0 {
		t.Errorf("%+v", w.Socket)
	}
	if _, err := json.Marshal(w.Socket); err != nil {
		t.Error(err)
	}
}
