package dial

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// smallMSS is the segment size of the variant: what every IPv4 host must accept
// (576 bytes less two headers, RFC 879 and RFC 9293 section 3.7.1), so no path
// that carries the SYN is too narrow for it.
const smallMSS = 536

// mssSupported tells whether limitMSS works on this system.
const mssSupported = true

// limitMSS sets TCP_MAXSEG before the connect. The SYN then announces it, which
// limits the peer's segments, and the kernel takes it for ours as well; once
// connected it would limit neither.
func limitMSS(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, smallMSS)
	}); e != nil {
		return e
	}
	return err
}
