package scenario

import (
	"slices"

	"vpcdoctor/cmd/vpclab/world"
)

// pathScenarios are the situations that a plain connect or a single question
// cannot tell apart: each stands beside another one that looks the same.
func pathScenarios() []Scenario {
	return slices.Concat(packetSizes(), inspection(), appliances(), clocks(), ephemeralPorts(), dnsLayers(), dnsServers(),
		waysToS3(), waysToDynamoDB(), customPaths(), silences(), ipv6Paths())
}

// onEveryPath puts a middlebox on every path.
func onEveryPath(m world.Middlebox) func(*world.World, *Seed) {
	return func(w *world.World, _ *Seed) { w.Middleboxes = []world.Middlebox{m} }
}

// both makes two changes, in order.
func both(a, b func(*world.World, *Seed)) func(*world.World, *Seed) {
	return func(w *world.World, s *Seed) { a(w, s); b(w, s) }
}
