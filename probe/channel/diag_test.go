package channel

import (
	"encoding/binary"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// message builds a struct inet_diag_msg with a struct tcp_info after it.
func message(family, state, timer, retrans byte, inode uint32, info []byte) []byte {
	b := make([]byte, diagMsgLen)
	b[0], b[1], b[2], b[3] = family, state, timer, retrans
	binary.BigEndian.PutUint16(b[4:], 50000)
	binary.BigEndian.PutUint16(b[6:], 443)
	copy(b[8:], []byte{10, 0, 0, 2})
	copy(b[24:], []byte{10, 0, 0, 5})
	binary.NativeEndian.PutUint32(b[68:], inode)
	if info != nil {
		// An attribute before it, whose length asks for padding.
		b = binary.NativeEndian.AppendUint16(b, 5)
		b = binary.NativeEndian.AppendUint16(b, 8) // INET_DIAG_SHUTDOWN
		b = append(b, 3, 0, 0, 0)
		b = binary.NativeEndian.AppendUint16(b, uint16(4+len(info)))
		b = binary.NativeEndian.AppendUint16(b, inetDiagInfo)
		b = append(b, info...)
	}
	return b
}

func tcpInfo() []byte {
	info := make([]byte, 104)
	info[2] = 3                                          // tcpi_retransmits
	binary.NativeEndian.PutUint32(info[24:], 7)          // tcpi_unacked
	binary.NativeEndian.PutUint32(info[52:], 54000)      // tcpi_last_data_recv
	binary.NativeEndian.PutUint32(info[68:], 1250)       // tcpi_rtt
	binary.NativeEndian.PutUint32(info[100:], 11)        // tcpi_total_retrans
	return append(info, 0xff, 0xff, 0xff, 0xff, 1, 2, 3) // what newer kernels add
}

func TestParseDiag(t *testing.T) {
	w, err := parseDiag(message(familyInet, 1, 0, 0, 4242, tcpInfo()))
	want := fact.Socket{
		State: "ESTABLISHED", Local: ap("10.0.0.2:50000"), Remote: ap("10.0.0.5:443"), Retransmits: 3, TotalRetrans: 11, Unacked: 7,
		RTT: fact.Duration(1250 * time.Microsecond), LastRecv: fact.Duration(54 * time.Second),
	}
	if err != nil || w.inode != 4242 || w.State != want.State || w.Local != want.Local || w.Remote != want.Remote || w.Retransmits != 3 ||
		w.TotalRetrans != 11 || w.Unacked != 7 || w.RTT != want.RTT || w.LastRecv != want.LastRecv {
		t.Errorf("%+v, %v", w, err)
	}
	// In SYN-SENT nothing was ever received: the kernel counts from the boot.
	if w, err = parseDiag(message(familyInet, 2, timerRetry, 5, 1, tcpInfo())); err != nil || w.State != "SYN-SENT" || w.LastRecv != 0 || w.Unacked != 7 {
		t.Errorf("%+v, %v", w, err)
	}
	// Without the attribute the timer's count is all there is; another timer's is something else.
	if w, _ = parseDiag(message(familyInet, 2, timerRetry, 5, 1, nil)); w.Retransmits != 5 {
		t.Errorf("%+v", w)
	}
	if w, _ = parseDiag(message(familyInet, 1, 2, 5, 1, nil)); w.Retransmits != 0 {
		t.Errorf("keep-alive probes are no retransmits: %+v", w)
	}
	for _, state := range []byte{0, 7, 10, 12, 255} {
		if w, err = parseDiag(message(familyInet, state, 0, 0, 1, nil)); err != nil || w.State != "" {
			t.Errorf("state %d: %+v, %v", state, w, err)
		}
	}
}

func TestParseDiagMalformed(t *testing.T) {
	good := message(familyInet, 1, 0, 0, 1, tcpInfo())
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"cut in the header":     good[:diagMsgLen-1],
		"cut in an attribute":   good[:len(good)-1],
		"attribute of no bytes": append(message(familyInet, 1, 0, 0, 1, nil), 0, 0, 2, 0),
		"family":                message(1, 1, 0, 0, 1, nil),
	} {
		if w, err := parseDiag(b); err == nil {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

func FuzzParseDiag(f *testing.F) {
	f.Add(message(familyInet, 1, 0, 0, 4242, tcpInfo()))
	f.Add(message(familyInet6, 2, timerRetry, 9, 1, tcpInfo()[:70]))
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := parseDiag(b); err == nil {
			check(t, w)
		}
	})
}
