package imds

import (
	"errors"
	"net/http"
	"sync"
)

// The run's whole budget (decisions.md, "Do no harm"): a token costs the
// service more than a value, and other programs on the instance share both.
const (
	maxPuts = 1
	maxGets = 25
)

// errBudget says that a request was not sent because the budget is used up.
var errBudget = errors.New("budget of requests used up")

// budget is the one place where requests are counted and refused. Every
// request of this package passes through it, those of the SDK's client too.
type budget struct {
	next http.RoundTripper

	mu         sync.Mutex
	puts, gets int
	kept       int // GETs that are kept back for later
}

// RoundTrip sends r when the budget allows it. A request that then fails, even
// to connect, has been spent.
func (b *budget) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.spend(r.Method) {
		return nil, errBudget
	}
	return b.next.RoundTrip(r)
}

func (b *budget) spend(method string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case method == http.MethodPut && b.puts < maxPuts:
		b.puts++
		return true
	case method == http.MethodGet && b.gets < maxGets-b.kept:
		b.gets++
		return true
	}
	return false
}

// spent returns how many requests of each kind were sent.
func (b *budget) spent() (puts, gets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.puts, b.gets
}

// keep holds n of the GETs back until keep is called again with less.
func (b *budget) keep(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = n
}

// restart gives everything back: for requests that never left this host.
func (b *budget) restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts, b.gets = 0, 0
}
