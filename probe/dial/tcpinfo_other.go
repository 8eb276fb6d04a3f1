//go:build !linux

package dial

import (
	"net"

	"vpcdoctor/probe/fact"
)

// TCPInfo is nil: only Linux tells what a diagnosis needs.
func TCPInfo(net.Conn) *fact.TCPInfo { return nil }
