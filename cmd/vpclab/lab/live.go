//go:build linux

package lab

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"vpcdoctor/cmd/vpclab/fabric"
	"vpcdoctor/cmd/vpclab/world"
)

// live is the world as it is now.
type live struct{ atomic.Pointer[world.World] }

// mendedTick is how soon a change of the world shows.
const mendedTick = 20 * time.Millisecond

// follow changes the world while the command runs: it is the mended one as long
// as a file exists. Rules, routes, records, the metadata service and the servers
// follow; which ports are served, real programs and the time server stay.
func follow(s *spec, now *live, fab *fabric.Fabric, servers *servers) {
	mended := false
	for ; ; time.Sleep(mendedTick) {
		_, err := os.Stat(s.Command.MendedBy)
		if mended == (err == nil) {
			continue
		}
		mended = !mended
		w := s.World
		if mended {
			w = s.Command.Mended
		}
		if err := servers.become(w); err != nil {
			fmt.Fprintf(os.Stderr, "vpclab: the world stays as it is: %v\n", err)
			return
		}
		now.Store(w)
		fab.Become(w)
	}
}
