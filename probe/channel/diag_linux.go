package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// diagTimeout ends one exchange: the kernel fills some 10,000 sockets in a
	// millisecond and waits for nothing.
	diagTimeout = 500 * time.Millisecond
	// maxDatagram is the largest that the kernel makes for a dump.
	maxDatagram = 32 << 10
	// maxDatagrams bounds a dump: more than 250,000 sockets of some 120 bytes.
	maxDatagrams = 1024
)

var errTooMany = errors.New("more sockets than the limit")

// diag finds the wanted sockets among all of this namespace and then asks for
// the details of each. Details of all in one go would hold the lock of every
// busy socket of the host for a moment.
func diag(ctx context.Context, wanted owners) ([]row, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("opening a sock_diag socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	limit := unix.NsecToTimeval(diagTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return nil, fmt.Errorf("limiting a sock_diag socket: %w", err)
	}
	var (
		rows []row
		ids  [][]byte // family, then struct inet_diag_sockid
		q    = query{ctx: ctx, fd: fd}
	)
	for _, family := range []byte{familyInet, familyInet6} {
		err := q.ask(diagRequest(family, nil), unix.NLM_F_DUMP, func(b []byte) error {
			w, err := parseDiag(b)
			if _, ok := wanted[w.inode]; err != nil || !ok || w.State == "" {
				return err
			}
			rows = append(rows, w)
			ids = append(ids, append([]byte{family}, b[diagIDOff:diagIDOff+diagIDLen]...))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i, id := range ids[:min(len(ids), maxSockets)] {
		// One that is gone by now stays what it was in the dump.
		_ = q.ask(diagRequest(id[0], id[1:]), 0, func(b []byte) error {
			w, err := parseDiag(b)
			if err == nil && w.inode == rows[i].inode && w.State != "" {
				rows[i] = w
			}
			return err
		})
	}
	return rows, nil
}

// query is a conversation on one socket.
type query struct {
	ctx context.Context
	fd  int
	seq uint32
}

// ask sends one request and gives the body of each answer to take. A dump ends
// with its last message, anything else with its first.
func (q *query) ask(body []byte, flags uint16, take func([]byte) error) error {
	q.seq++
	msg := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	binary.NativeEndian.PutUint32(msg, uint32(cap(msg)))
	binary.NativeEndian.PutUint16(msg[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(msg[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(msg[8:], q.seq)
	if err := unix.Sendto(q.fd, append(msg, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("asking sock_diag: %w", err)
	}
	buf := make([]byte, maxDatagram)
	for range maxDatagrams {
		if err := q.ctx.Err(); err != nil {
			return err
		}
		n, from, err := unix.Recvfrom(q.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return context.DeadlineExceeded
		case err != nil:
			return fmt.Errorf("reading sock_diag: %w", err)
		}
		if peer, ok := from.(*unix.SockaddrNetlink); !ok || peer.Pid != 0 {
			continue // any process may write to our socket; the kernel is port 0
		}
		if done, err := takeAll(buf[:n], q.seq, take); done || err != nil {
			return err
		}
	}
	return errTooMany
}

// takeAll reads the messages of one datagram.
func takeAll(b []byte, seq uint32, take func([]byte) error) (done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return true, errMessage
	}
	for _, m := range messages {
		if m.Header.Seq != seq {
			continue // of an earlier question
		}
		switch m.Header.Type {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if len(m.Data) < 4 {
				return true, errMessage
			}
			if errno := -int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
				return true, fmt.Errorf("sock_diag: %w", unix.Errno(errno))
			}
			return true, nil
		case sockDiagByFamily:
			if err := take(m.Data); err != nil {
				return true, err
			}
			if m.Header.Flags&unix.NLM_F_MULTI == 0 {
				return true, nil
			}
		}
	}
	return false, nil
}
