package probetest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// APIFront serves an API over HTTPS on loopback, under every name it is asked
// for, with certificates of its own CA.
type APIFront struct {
	Server *TLSServer
	CA     *CA
	Leaf   LeafOptions // of its certificates; the name is added. Set before the first connection

	l      net.Listener
	mu     sync.Mutex
	leaves map[string]*tls.Certificate
	dialed int
}

// NewAPIFront starts to listen; Close ends it.
func NewAPIFront(h http.Handler) (*APIFront, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	f := &APIFront{CA: NewCA("Lab AWS CA"), l: l, leaves: map[string]*tls.Certificate{}}
	f.Server = &TLSServer{Handler: away(h), CertificateFor: f.leaf}
	go f.Server.Serve(l) //nolint:errcheck // ends with the listener
	return f, nil
}

// link is how far away the front is. On loopback an answer can be there before
// the client has noticed that it has sent its request, and net/http then gives
// the connection up; no AWS is that near.
const link = 5 * time.Millisecond

func away(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(link)
		h.ServeHTTP(w, r)
	})
}

func (f *APIFront) leaf(name string) *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaves[name] == nil {
		o := f.Leaf
		o.Names = []string{name}
		c := f.CA.Leaf(o)
		f.leaves[name] = &c
	}
	return f.leaves[name]
}

// Dial connects to the front, whatever address is wanted: it stands in for DNS
// and the network between.
func (f *APIFront) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	f.mu.Lock()
	f.dialed++
	f.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, network, f.l.Addr().String())
}

// Dialed is how many connections Dial was asked for.
func (f *APIFront) Dialed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dialed
}

// Close ends the listener and all connections.
func (f *APIFront) Close() { f.l.Close() }

// Address is where it listens.
func (f *APIFront) Address() string { return f.l.Addr().String() }
