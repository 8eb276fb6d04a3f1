//go:build !linux

package dial

import (
	"errors"
	"syscall"
)

// mssSupported tells whether limitMSS works on this system. Other systems treat
// TCP_MAXSEG differently (it may not limit what the peer sends), and a variant
// that does not do what it says would mislead.
const mssSupported = false

func limitMSS(string, string, syscall.RawConn) error { return errors.ErrUnsupported }
