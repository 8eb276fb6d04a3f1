// Package host reads what the operating system tells about itself: hardware
// identity, container hints, interfaces, routes, the kernel's clock state and
// TCP counters, and the proxy variables of our own environment.
//
// In goes the root directory and a look-up for environment variables, out
// comes a fact.Host. It reads files and makes system calls only: it must never
// send a packet, run a program or judge what it reads. What a system does not
// have or does not show stays at its zero value, which means "not known".
package host

import (
	"context"
	"os"
	"runtime"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/probe/host/sysfile"
)

// Options says where to look.
type Options struct {
	Root   string                   // directory that stands for "/"; empty means the real one
	Getenv func(name string) string // our own environment; nil: no variable is set
}

// maxName bounds names that the system reports: host, vendor, product. Linux
// allows a host name of 64 bytes, DMI strings have no limit worth keeping.
const maxName = 128

// Read gathers the facts of the host. Before is filled, After is for the end
// of the run. The context is looked at between the steps; each step reads a
// few small files and ends by itself.
func Read(ctx context.Context, o Options) fact.Host {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	root := sysfile.Root(o.Root)
	h := fact.Host{
		OS: runtime.GOOS, Arch: runtime.GOARCH,
		Before: Counters(o.Root),
		Proxy:  proxyenv.Read(o.Getenv, "environment").Setting,
	}
	if name, err := os.Hostname(); err == nil {
		h.Hostname = classify.Clean(name, maxName)
	}
	if ctx.Err() != nil {
		h.Clock.Outcome = fact.Skip("the run ended")
		return h
	}
	h.Interfaces = interfaces()
	h.Clock = clock()
	if runtime.GOOS != "linux" {
		return h
	}
	h.Vendor, h.Product, h.EC2 = hardware(root)
	h.Container = container(root, o.Getenv)
	h.OtherNetNS = otherNetNS(root)
	h.Routes = routes(root)
	h.IPv6Off = line(root, "/proc/sys/net/ipv6/conf/all/disable_ipv6") == "1"
	return h
}

// otherNetNS compares our network namespace with that of PID 1. Without root
// the link of PID 1 is not readable, and the answer is "not known".
func otherNetNS(root sysfile.Root) bool {
	theirs, err := root.Readlink("/proc/1/ns/net")
	if err != nil {
		return false
	}
	ours, err := root.Readlink("/proc/self/ns/net")
	return err == nil && ours != theirs
}
