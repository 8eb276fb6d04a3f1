package classify

import (
	"strconv"
	"syscall"

	"vpcdoctor/probe/fact"
)

// winsock are the Windows Sockets errors under their Unix names (winsock2.h).
// Only the offline verbs run on Windows; this keeps their tests honest there.
var winsock = map[syscall.Errno]struct {
	name  string
	class fact.Class
}{
	10013: {"EACCES", fact.NotPermitted},
	10022: {"EINVAL", fact.Invalid},
	10024: {"EMFILE", fact.NoDescriptors},
	10043: {"EPROTONOSUPPORT", fact.Unsupported},
	10047: {"EAFNOSUPPORT", fact.Unsupported},
	10048: {"EADDRINUSE", fact.NoAddress},
	10049: {"EADDRNOTAVAIL", fact.NoAddress},
	10050: {"ENETDOWN", fact.NetUnreachable},
	10051: {"ENETUNREACH", fact.NetUnreachable},
	10053: {"ECONNABORTED", fact.Reset},
	10054: {"ECONNRESET", fact.Reset},
	10060: {"ETIMEDOUT", fact.Timeout},
	10061: {"ECONNREFUSED", fact.Refused},
	10064: {"EHOSTDOWN", fact.HostUnreachable},
	10065: {"EHOSTUNREACH", fact.HostUnreachable},
}

var errnoClass = func() map[syscall.Errno]fact.Class {
	m := make(map[syscall.Errno]fact.Class, len(winsock))
	for e, w := range winsock {
		m[e] = w.class
	}
	return m
}()

func errnoName(e syscall.Errno) string {
	if w, ok := winsock[e]; ok {
		return w.name
	}
	return "errno " + strconv.Itoa(int(e))
}
