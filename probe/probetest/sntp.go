package probetest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// SNTPMode is how a time server behaves.
type SNTPMode string

// Behaviours of a time server.
const (
	SNTPFine     SNTPMode = ""
	SNTPSilent   SNTPMode = "silent"
	SNTPUnsynced SNTPMode = "unsynchronised" // leap indicator 3, stratum 16
	SNTPKiss     SNTPMode = "kiss"           // kiss-o'-death RATE
	SNTPGarbage  SNTPMode = "garbage"        // bytes that are no NTP packet
	SNTPShort    SNTPMode = "short"          // an answer cut after 47 bytes
	SNTPOrigin   SNTPMode = "origin"         // repeats another request's number, as a spoofer must
	SNTPZero     SNTPMode = "zero"           // no transmit time
	SNTPBackward SNTPMode = "backward"       // sent before it was received
	SNTPSpoofed  SNTPMode = "spoofed"        // garbage and a wrong number first, then the right answer
)

// SNTP is a time server of a few lines. Fields are set before the first
// request; the methods may be called at any time.
type SNTP struct {
	Offset  time.Duration // added to its clock: the world's time minus ours
	Mode    SNTPMode
	Stratum int // 0: 3, as the Amazon Time Sync Service's

	mu    sync.Mutex
	asked int
}

// Answer is what the server sends for a request that came at a time, which is
// its own clock without Offset. Nothing is sent for what is not a request.
func (s *SNTP) Answer(request []byte, at time.Time) [][]byte {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	const clientMode = 3
	if len(request) < 48 || request[0]&7 != clientMode || s.Mode == SNTPSilent {
		return nil
	}
	right := s.packet(request, at)
	wrong := append([]byte(nil), right...)
	wrong[24]++
	garbage := []byte("this is not a time, it is just words of 48 bytes.")
	switch s.Mode {
	case SNTPGarbage:
		return [][]byte{garbage}
	case SNTPShort:
		return [][]byte{right[:47]}
	case SNTPOrigin:
		return [][]byte{wrong}
	case SNTPSpoofed:
		return [][]byte{garbage, wrong, right}
	}
	return [][]byte{right}
}

func (s *SNTP) packet(request []byte, at time.Time) []byte {
	b := make([]byte, 48)
	b[0], b[1] = 0<<6|4<<3|4, 3
	if s.Stratum != 0 {
		b[1] = byte(s.Stratum)
	}
	copy(b[12:], []byte{169, 254, 169, 122})
	copy(b[24:32], request[40:48])
	now := at.Add(s.Offset)
	binary.BigEndian.PutUint64(b[32:], NTPTime(now))
	binary.BigEndian.PutUint64(b[40:], NTPTime(now))
	switch s.Mode {
	case SNTPUnsynced:
		b[0], b[1] = b[0]|3<<6, 16
	case SNTPKiss:
		b[1] = 0
		copy(b[12:], "RATE")
	case SNTPZero:
		clear(b[32:48])
	case SNTPBackward:
		binary.BigEndian.PutUint64(b[40:], NTPTime(now.Add(-time.Minute)))
	}
	return b
}

// NTPTime is t as an NTP timestamp: seconds since 1900 and a binary fraction.
func NTPTime(t time.Time) uint64 {
	const from1900to1970 = 2208988800
	return uint64(t.Unix()+from1900to1970)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// Serve answers requests on conn until it is closed.
func (s *SNTP) Serve(conn net.PacketConn) {
	var buf [1024]byte
	for {
		n, from, err := conn.ReadFrom(buf[:])
		if err != nil {
			return
		}
		for _, b := range s.Answer(buf[:n], time.Now()) {
			_, _ = conn.WriteTo(b, from) // a client that has gone is not the server's business
		}
	}
}

// Asked is how many datagrams came.
func (s *SNTP) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// ListenSNTP serves s on 127.0.0.1 until the test ends, and returns where.
func ListenSNTP(tb testing.TB, s *SNTP) netip.AddrPort {
	tb.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(conn)
	}()
	tb.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
