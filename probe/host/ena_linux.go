package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtoolRequest is struct ifreq with its pointer member. The pointer keeps its
// type so that the garbage collector knows the memory that the kernel writes to.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte // the rest of ifreq's union, which the kernel copies
}

const (
	ethSSStats   = 1 // string set of the counters' names
	stringsHead  = 12
	statsHead    = 8
	drvinfoStats = 180 // offset of n_stats in struct ethtool_drvinfo
	drvinfoSize  = 196
)

var errNoStats = errors.New("the driver lists no counters, or too many")

// driverStats asks an interface's driver for its counters: how many, their
// names, their values. These three questions are open to every user.
func driverStats(iface string) (names, values []byte, err error) {
	if iface == "" || len(iface) >= unix.IFNAMSIZ {
		return nil, nil, unix.ENODEV
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("opening a socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	info := make([]byte, drvinfoSize)
	if err := ethtool(fd, iface, unix.ETHTOOL_GDRVINFO, info); err != nil {
		return nil, nil, err
	}
	n := int(binary.NativeEndian.Uint32(info[drvinfoStats:]))
	if n <= 0 || n > maxStats {
		return nil, nil, errNoStats
	}
	// The kernel writes as many entries as the driver has at that moment, not as
	// many as we made room for: twice as much absorbs queues that are added now.
	room := 2*n + 64
	text := make([]byte, stringsHead+room*statName)
	binary.NativeEndian.PutUint32(text[4:], ethSSStats)
	binary.NativeEndian.PutUint32(text[8:], uint32(n))
	if err := ethtool(fd, iface, unix.ETHTOOL_GSTRINGS, text); err != nil {
		return nil, nil, err
	}
	nums := make([]byte, statsHead+room*8)
	binary.NativeEndian.PutUint32(nums[4:], uint32(n))
	if err := ethtool(fd, iface, unix.ETHTOOL_GSTATS, nums); err != nil {
		return nil, nil, err
	}
	// Names and values belong together only if neither count has changed.
	if int(binary.NativeEndian.Uint32(text[8:])) != n || int(binary.NativeEndian.Uint32(nums[4:])) != n {
		return nil, nil, errNoStats
	}
	return text[stringsHead : stringsHead+n*statName], nums[statsHead : statsHead+n*8], nil
}

// ethtool makes one SIOCETHTOOL call; the command is the first word of buf.
func ethtool(fd int, iface string, command uint32, buf []byte) error {
	binary.NativeEndian.PutUint32(buf, command)
	req := ethtoolRequest{data: unsafe.Pointer(&buf[0])}
	copy(req.name[:], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(buf)
	if errno != 0 {
		return fmt.Errorf("asking the driver of an interface: %w", errno)
	}
	return nil
}
