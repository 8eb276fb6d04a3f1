//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// serveTime starts the Amazon Time Sync Service with the world's clock.
func serveTime(w *world.World) error {
	if w.NoTime {
		return nil
	}
	addrs := []netip.Addr{world.TimeAddr}
	if w.Instance.IPv6.IsValid() {
		addrs = append(addrs, world.TimeAddrV6)
	}
	for _, a := range addrs {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 123)))
		if err != nil {
			return fmt.Errorf("listening for NTP: %w", err)
		}
		s := &probetest.SNTP{Offset: w.Clock}
		go s.Serve(c) // ends with the process
	}
	return nil
}
