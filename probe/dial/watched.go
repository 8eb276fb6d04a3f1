package dial

import (
	"net"

	"vpcdoctor/probe/fact"
)

// watched is the connection under a handshake. It remembers what crypto/tls
// does not keep: how the peer's answer began (of one that is not TLS, crypto/tls
// keeps five bytes), and what the kernel knew of the connection at its end
// (crypto/tls itself closes it when the deadline passes, so afterwards is too
// late to ask).
type watched struct {
	net.Conn
	head []byte
	last *fact.TCPInfo
	done bool // the handshake completed: nothing more is remembered
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if room := maxFirst - len(w.head); !w.done && n > 0 && room > 0 {
		w.head = append(w.head, b[:min(n, room)]...)
	}
	return n, err
}

// Close looks at the connection before it is gone. A handshake that completed
// needs no look.
func (w *watched) Close() error {
	if !w.done && w.last == nil {
		w.last = TCPInfo(w.Conn)
	}
	return w.Conn.Close()
}

// NetConn is the connection itself, as (*tls.Conn).NetConn is.
func (w *watched) NetConn() net.Conn { return w.Conn }
