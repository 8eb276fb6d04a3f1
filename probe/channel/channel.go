// Package channel looks at the SSM Agent's connections without taking part in
// them: the TCP sockets of its processes, as the kernel knows them now.
//
// In go the agent's processes, out comes a fact.Channel. The kernel is asked
// for addresses and states of all sockets, and for the timing of the agent's
// own ones only. It must never send a packet, never attach to a process and
// never judge: an agent without a socket may sleep for a good reason.
//
// Source of formats: Linux's uapi headers inet_diag.h, sock_diag.h, tcp.h and
// tcp_states.h, and Documentation/networking/proc_net_tcp.rst (read 2026-11).
package channel

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

const (
	// maxSockets bounds the fact. A healthy worker has one to five connections,
	// and one more for each session.
	maxSockets = 32
	// maxFiles bounds the descriptors that are looked at, over all processes.
	maxFiles = 4096
	// maxHosts bounds the names of one socket's far end.
	maxHosts = 8
)

// Options says whose sockets are wanted.
type Options struct {
	Root  string           // directory that stands for "/"; empty means the real one
	UID   int              // effective user id: only root sees another process's descriptors
	Procs []fact.AgentProc // as probe/agent found them
	Now   func() time.Time // nil means time.Now

	files files // tests: stands for Root
	diag  diagFunc
}

// files is the part of the file system that this package uses.
type files interface {
	Open(name string) (io.ReadCloser, error)
	Read(name string, limit int) ([]byte, error)
	Readlink(name string) (string, error)
	Names(dir string, limit int) ([]string, error)
}

// diagFunc asks the kernel for the TCP sockets with these inodes, in our own
// network namespace.
type diagFunc func(ctx context.Context, wanted owners) ([]row, error)

// owner is the process that a socket belongs to.
type owner struct {
	pid  int
	role string
}

// owners are processes by the inode of their sockets.
type owners map[uint32]owner

// row is one socket of a table.
type row struct {
	inode uint32
	fact.Socket
}

type reader struct {
	files
	diag  diagFunc
	count int   // descriptors looked at
	err   error // the first that was not a process's end
}

// Sockets lists the TCP sockets of the agent's processes, its session workers
// among them, that are connected or about to be. It takes a few milliseconds.
func Sockets(ctx context.Context, o Options) fact.Channel {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	r := &reader{files: o.files, diag: o.diag}
	realRoot := o.files == nil && (o.Root == "" || o.Root == "/")
	switch {
	case realRoot && runtime.GOOS != "linux":
		return fact.Channel{Outcome: fact.Skip("not Linux")}
	case o.UID != 0:
		return fact.Channel{Outcome: fact.Skip("needs root")}
	case ctx.Err() != nil:
		return fact.Channel{Outcome: classify.NotBegun(ctx.Err())}
	case realRoot && r.diag == nil:
		r.diag = diag // of the kernel that we run on: it knows nothing of another root
	}
	if r.files == nil {
		r.files = sysfile.Root(o.Root)
	}
	start := now()
	procs := append(slices.Clone(o.Procs), r.helpers(ctx, o.Procs)...)
	if len(procs) == 0 {
		return fact.Channel{Outcome: fact.Skip("the agent is not running")}
	}
	var ch fact.Channel
	var detail string
	ch.Sockets, detail = r.sockets(ctx, procs)
	ch.Files = r.count
	if ch.Files == 0 && r.err == nil && ctx.Err() == nil {
		return fact.Channel{Outcome: fact.Skip("the agent's processes ended before they were looked at")}
	}
	ch.Outcome = classify.Outcome(r.err, start, now().Sub(start))
	if err := ctx.Err(); err != nil {
		ch.Outcome = classify.Outcome(err, start, now().Sub(start))
		ch.CutByBudget = true
	}
	if r.err == nil && detail != "" {
		ch.Detail = classify.Clean(detail, 200)
	}
	return ch
}

// fail remembers the first error that says something: a process that ended
// while it was looked at says nothing.
func (r *reader) fail(err error) {
	if r.err == nil && err != nil && !gone(err) {
		r.err = err
	}
}

// sockets joins descriptors with the socket tables, one network namespace at a
// time: a container's or a snap's table is not ours.
func (r *reader) sockets(ctx context.Context, procs []fact.AgentProc) (out []fact.Socket, detail string) {
	ours, _ := r.Readlink("/proc/self/ns/net")
	spaces := map[string]owners{}
	var order []string
	for _, p := range procs {
		space, err := r.Readlink(procDir(p.PID) + "ns/net")
		if err != nil {
			if gone(err) {
				continue
			}
			// Whose table it is then matters less than seeing it.
			space = "of process " + strconv.Itoa(p.PID)
		}
		if spaces[space] == nil {
			spaces[space] = owners{}
			order = append(order, space)
		}
		r.inodes(ctx, p, spaces[space])
	}
	if r.count >= maxFiles {
		detail = "more file descriptors than the limit of 4,096; the others were not looked at"
	}
	for _, space := range order {
		rows, err := r.table(ctx, spaces[space], space == ours)
		if err != nil {
			detail = "read from /proc: " + err.Error()
		}
		for _, w := range rows {
			who := spaces[space][w.inode]
			w.PID, w.Role = who.pid, who.role
			out = append(out, w.Socket)
		}
	}
	slices.SortStableFunc(out, func(a, b fact.Socket) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.PID, b.PID), a.Remote.Compare(b.Remote), a.Local.Compare(b.Local))
	})
	return out[:min(len(out), maxSockets)], detail
}

// rank puts first what tells most, should there be too many sockets.
func rank(s fact.Socket) int { return slices.Index(states[:], s.State) }

// table is what the kernel says of the wanted sockets. The error tells why the
// better of the two ways was not open, when that was tried.
func (r *reader) table(ctx context.Context, wanted owners, here bool) (rows []row, refused error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	if here && r.diag != nil {
		if rows, refused = r.diag(ctx, wanted); refused == nil {
			return rows, nil
		}
	}
	var pids []int
	for _, o := range wanted {
		pids = append(pids, o.pid)
	}
	slices.Sort(pids)
	for _, pid := range slices.Compact(pids) {
		rows, err := r.procTable(ctx, pid, wanted)
		if err == nil {
			return rows, refused
		}
		r.fail(err)
	}
	return nil, refused
}

// Match names the far end of each socket by the answers of today: a socket
// without a name goes to an address that DNS no longer gives.
func Match(ch *fact.Channel, answers []fact.Answer) {
	for i := range ch.Sockets {
		s := &ch.Sockets[i]
		s.Hosts = nil
		for _, a := range answers {
			if slices.Contains(a.Addrs, s.Remote.Addr()) && !slices.Contains(s.Hosts, a.Name) && len(s.Hosts) < maxHosts {
				s.Hosts = append(s.Hosts, a.Name)
			}
		}
		slices.Sort(s.Hosts)
	}
}

func procDir(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/" }

// gone tells whether a file of a process is missing because the process is:
// no such file while opening, no such process while reading.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoProcess) }

// unmap joins an address and a port; an IPv4 address in IPv6 form is IPv4.
func unmap(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Unmap(), port) }
