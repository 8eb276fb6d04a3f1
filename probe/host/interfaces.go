package host

import (
	"net"
	"net/netip"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

const (
	// maxInterfaces: an instance has a handful of ENIs, but a container host has
	// one veth per container, and each costs a netlink dump to ask for its
	// addresses.
	maxInterfaces = 64
	// maxAddrs: an ENI of a container host holds some 50 addresses. The first
	// ones are its own, and enough as evidence.
	maxAddrs = 32
)

// interfaces lists the interfaces that are up, with their addresses.
func interfaces() []fact.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []fact.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		if len(out) == maxInterfaces {
			break
		}
		addrs, _ := i.Addrs() // an interface that went away has none
		out = append(out, fact.Interface{
			Name: classify.Clean(i.Name, maxName), MTU: i.MTU,
			MAC: i.HardwareAddr.String(), Addrs: prefixes(addrs),
		})
	}
	return out
}

// prefixes turns the addresses of an interface into address and prefix length.
func prefixes(addrs []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || len(out) == maxAddrs {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ones, bits := n.Mask.Size()
		if !ok || bits == 0 {
			continue
		}
		ip = ip.Unmap()
		out = append(out, netip.PrefixFrom(ip, min(ones, ip.BitLen())))
	}
	return out
}
