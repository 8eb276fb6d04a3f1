//go:build linux

package lab

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/world"
)

// instanceNetwork configures the instance's interfaces, routes and firewall,
// in the instance's own namespace.
func instanceNetwork(w *world.World) error {
	v6 := w.Instance.IPv6.IsValid()
	if v6 {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/eth0/accept_dad", []byte("0"), 0)
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/eth0/accept_ra", []byte("0"), 0)
	} else {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", []byte("1"), 0)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	if err := fabric.Plain("eth0"); err != nil {
		return err
	}
	eth, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("finding eth0: %w", err)
	}
	if a := w.Instance.Addr; a.IsValid() {
		bits := w.VPC.Subnet(w.Instance.Subnet).CIDR.Bits()
		if a.IsLinkLocalUnicast() {
			bits = 16
		}
		addr := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, 32)}
		if err := netlink.AddrAdd(eth, &netlink.Addr{IPNet: addr}); err != nil {
			return fmt.Errorf("giving eth0 its address: %w", err)
		}
	}
	if v6 {
		a := &netlink.Addr{IPNet: hostNet(w.Instance.IPv6), Flags: unix.IFA_F_NODAD}
		if err := netlink.AddrAdd(eth, a); err != nil {
			return fmt.Errorf("giving eth0 its IPv6 address: %w", err)
		}
	}
	if err := netlink.LinkSetUp(eth); err != nil {
		return fmt.Errorf("bringing eth0 up: %w", err)
	}
	if err := sourcePorts(w.Host.PortRange); err != nil {
		return err
	}
	if err := bridges(w.Host.Links); err != nil {
		return err
	}
	if err := instanceRoutes(w, eth.Attrs().Index); err != nil {
		return err
	}
	return localFirewall(w.Host.Firewall)
}

// sourcePorts sets the range that the kernel chooses source ports from.
func sourcePorts(r [2]uint16) error {
	if r[1] == 0 {
		return nil
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", fmt.Appendf(nil, "%d %d", r[0], r[1]), 0); err != nil {
		return fmt.Errorf("setting the range of source ports: %w", err)
	}
	return nil
}

func bridges(links []world.HostLink) error {
	for _, l := range links {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = l.Name
		b := &netlink.Bridge{LinkAttrs: attrs}
		if err := netlink.LinkAdd(b); err != nil {
			return fmt.Errorf("creating %s: %w", l.Name, err)
		}
		a := &netlink.Addr{IPNet: &net.IPNet{IP: l.Addr.Addr().AsSlice(), Mask: net.CIDRMask(l.Addr.Bits(), l.Addr.Addr().BitLen())}}
		if err := netlink.AddrAdd(b, a); err != nil {
			return fmt.Errorf("giving %s its address: %w", l.Name, err)
		}
		if err := netlink.LinkSetUp(b); err != nil {
			return fmt.Errorf("bringing %s up: %w", l.Name, err)
		}
	}
	return nil
}

// routeKinds are the kernel's types of the routes a Host may list.
var routeKinds = map[string]int{
	"blackhole": unix.RTN_BLACKHOLE, "prohibit": unix.RTN_PROHIBIT, "unreachable": unix.RTN_UNREACHABLE, "unicast": unix.RTN_UNICAST,
}

func instanceRoutes(w *world.World, eth int) error {
	subnet := w.VPC.Subnet(w.Instance.Subnet)
	var routes []netlink.Route
	if w.Instance.IPv6.IsValid() {
		routes = append(routes, netlink.Route{Dst: prefixNet(subnet.IPv6), LinkIndex: eth})
	}
	if !w.Host.NoDefaultRoute {
		if !subnet.IPv6Only {
			gw := subnet.CIDR.Masked().Addr().Next()
			routes = append(routes, netlink.Route{Dst: ipNet("0.0.0.0/0"), Gw: gw.AsSlice(), LinkIndex: eth})
		}
		if w.Instance.IPv6.IsValid() {
			routes = append(routes, netlink.Route{Dst: ipNet("::/0"), Gw: fabric.RouterV6.AsSlice(), LinkIndex: eth})
		}
	}
	if w.Host.LinkLocalRoute {
		routes = append(routes, netlink.Route{Dst: ipNet("169.254.0.0/16"), LinkIndex: eth, Scope: netlink.SCOPE_LINK})
	}
	for _, r := range w.Host.Routes {
		n := netlink.Route{Dst: prefixNet(r.Dst), Type: routeKinds[r.Kind]}
		if r.Kind == "unicast" {
			n.LinkIndex = eth
			if r.Dev != "" {
				l, err := netlink.LinkByName(r.Dev)
				if err != nil {
					return fmt.Errorf("finding %s: %w", r.Dev, err)
				}
				n.LinkIndex = l.Attrs().Index
			}
			if r.Via.IsValid() {
				n.Gw = r.Via.AsSlice()
				if r.OnLink {
					n.SetFlag(netlink.FLAG_ONLINK)
				}
			} else {
				n.Scope = netlink.SCOPE_LINK
			}
		}
		routes = append(routes, n)
	}
	for i := range routes {
		if err := netlink.RouteAdd(&routes[i]); err != nil {
			return fmt.Errorf("adding the instance's route to %s: %w", routes[i].Dst, err)
		}
	}
	return nil
}
