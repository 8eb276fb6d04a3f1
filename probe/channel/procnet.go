package channel

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

const (
	// maxTable bounds /proc/PID/net/tcp: some 200,000 lines of 150 bytes.
	maxTable = 32 << 20
	// maxLine bounds one of its lines.
	maxLine = 1024
)

// procTable finds the wanted sockets in a process's own view of the tables,
// which is that of its network namespace. It knows less than sock_diag: no
// timing, no count of segments.
func (r *reader) procTable(ctx context.Context, pid int, wanted owners) ([]row, error) {
	var rows []row
	for i, name := range []string{"net/tcp", "net/tcp6"} {
		f, err := r.Open(procDir(pid) + name)
		if err != nil {
			if i > 0 && gone(err) {
				continue // a kernel without IPv6
			}
			return nil, err
		}
		found, err := readTable(ctx, f, wanted)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s%s: %w", procDir(pid), name, err)
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// readTable reads one table. Lines that do not parse are left out.
func readTable(ctx context.Context, f io.Reader, wanted owners) (rows []row, err error) {
	limited := &io.LimitedReader{R: f, N: maxTable}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	for n := 0; lines.Scan(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return rows, ctx.Err()
		}
		w, ok := parseLine(lines.Text())
		if _, ours := wanted[w.inode]; ok && ours {
			rows = append(rows, w)
		}
	}
	if limited.N <= 0 {
		return rows, sysfile.ErrTooLarge
	}
	return rows, lines.Err()
}

// parseLine reads one line of /proc/net/tcp or tcp6:
//
//	sl local remote st tx:rx tr:when retrnsmt uid timeout inode …
//
// It is not ok when it is the heading, or of a socket that is not connected.
func parseLine(line string) (w row, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return row{}, false
	}
	state, err := strconv.ParseUint(f[3], 16, 8)
	if err != nil || int(state) >= len(states) || states[state] == "" {
		return row{}, false
	}
	local, ok1 := parseEnd(f[1])
	remote, ok2 := parseEnd(f[2])
	retrans, err1 := strconv.ParseUint(f[6], 16, 8)
	inode, err2 := strconv.ParseUint(f[9], 10, 32)
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return row{}, false
	}
	return row{inode: uint32(inode), Socket: fact.Socket{
		State: states[state], Local: local, Remote: remote, Retransmits: int(retrans),
	}}, true
}

// parseEnd reads "0100007F:01BB": an address as words of 32 bits in the
// machine's order, and a port.
func parseEnd(s string) (netip.AddrPort, bool) {
	text, port, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(text)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return unmap(a, uint16(p)), true
}
