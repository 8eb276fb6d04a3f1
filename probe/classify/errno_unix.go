//go:build unix

package classify

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"vpcdoctor/probe/fact"
)

// errnoClass is what each errno of a socket call means. What Linux answers for
// which local obstacle was measured: a blackhole route gives EINVAL, a prohibit
// route EACCES, a packet filter EPERM (field guide C.3).
var errnoClass = map[syscall.Errno]fact.Class{
	syscall.ECONNREFUSED:    fact.Refused,
	syscall.ECONNRESET:      fact.Reset,
	syscall.EPIPE:           fact.Reset,
	syscall.ECONNABORTED:    fact.Reset,
	syscall.ENETUNREACH:     fact.NetUnreachable,
	syscall.ENETDOWN:        fact.NetUnreachable,
	syscall.EHOSTUNREACH:    fact.HostUnreachable,
	syscall.EHOSTDOWN:       fact.HostUnreachable,
	syscall.EPERM:           fact.NotPermitted,
	syscall.EACCES:          fact.NotPermitted,
	syscall.EADDRNOTAVAIL:   fact.NoAddress,
	syscall.EADDRINUSE:      fact.NoAddress,
	syscall.EMFILE:          fact.NoDescriptors,
	syscall.ENFILE:          fact.NoDescriptors,
	syscall.EINVAL:          fact.Invalid,
	syscall.ETIMEDOUT:       fact.Timeout,
	syscall.ENOENT:          fact.NotFound,
	syscall.EAFNOSUPPORT:    fact.Unsupported,
	syscall.EPROTONOSUPPORT: fact.Unsupported,
	syscall.ENOPROTOOPT:     fact.Unsupported,
}

func errnoName(e syscall.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return "errno " + strconv.Itoa(int(e))
}
