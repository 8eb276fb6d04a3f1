package fabric

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxFrame holds the largest frame of a 9001-byte MTU with room to spare.
const maxFrame = 9216

// Socket is a packet socket on one interface.
type Socket struct{ fd int }

// Open binds a packet socket to an interface of the calling thread's network
// namespace. It sees incoming frames only.
func Open(ifindex int) (*Socket, error) {
	const all = unix.ETH_P_ALL
	proto := uint16(all&0xff)<<8 | all>>8 // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto))
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("packet socket, ignore outgoing: %w", err)
	}
	// A thousand hosts answer within one latency: room for a burst of frames.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<20)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: ifindex}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("binding a packet socket: %w", err)
	}
	return &Socket{fd}, nil
}

// Write sends one frame. A frame that the interface does not take is lost,
// as on any wire.
func (s *Socket) Write(frame []byte) { _, _ = unix.Write(s.fd, frame) }

// Read hands every frame to handle until the socket fails. The frame is only
// valid during the call.
func (s *Socket) Read(handle func([]byte)) error {
	buf := make([]byte, maxFrame)
	for {
		n, err := unix.Read(s.fd, buf)
		switch err {
		case nil:
			handle(buf[:n])
		case unix.EINTR, unix.ENETDOWN:
		default:
			return fmt.Errorf("reading frames: %w", err)
		}
	}
}

// Plain turns off everything that makes an interface hand over packets which
// are not as they would be on a wire: checksums left to the hardware and
// segments larger than the MTU.
func Plain(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a control socket: %w", err)
	}
	defer unix.Close(fd)
	for _, cmd := range []uint32{unix.ETHTOOL_STXCSUM, unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO} {
		v := struct{ cmd, data uint32 }{cmd, 0}
		r := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&v)}
		copy(r.name[:], name)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))); e != 0 && e != unix.EOPNOTSUPP {
			return fmt.Errorf("ethtool %#x on %s: %w", cmd, name, e)
		}
	}
	return nil
}
