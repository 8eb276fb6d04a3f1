package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// idleArgs keep connections silent for longer than the lab's devices remember.
var idleArgs = []string{"--idle", "4s"}

// silences are connections that work and are then silent for a while.
func silences() []Scenario {
	appliance := func(after time.Duration, rst bool) func(*world.World, *Seed) {
		return onEveryPath(world.Middlebox{Name: "appliance", Forgets: after, ForgetsRST: rst})
	}
	return []Scenario{{
		Name: "idle-dropped", Kind: Fault, Want: degraded("FW-06"), Args: idleArgs,
		Story:  "a device on the path forgets connections that are silent and drops what comes later",
		Change: appliance(2*time.Second, false),
	}, {
		Name: "idle-reset", Kind: Fault, Want: degraded("FW-06"), Args: idleArgs, NearOf: "idle-dropped",
		Story:  "the same, and the device answers with a reset",
		Change: appliance(2*time.Second, true),
	}, {
		Name: "idle-remembered", Kind: Healthy, Want: noFault.never("FW-06"), Args: idleArgs, NearOf: "idle-dropped",
		Story:  "the device remembers connections for longer than they are silent",
		Change: appliance(10*time.Second, false),
	}, {
		Name: "idle-not-asked", Kind: Healthy, Want: noFault.never("FW-06"), NearOf: "idle-dropped",
		Story:  "the device forgets, and nobody asked for a silent connection",
		Change: appliance(2*time.Second, false),
	}, {
		Name: "idle-custom-dropped", Kind: Fault, Want: degraded("FW-06"), Args: append(idleArgs[:2:2], customArgs...), NearOf: "idle-custom-closed",
		Story: "only the path to the custom service has a device that forgets silent connections",
		Change: func(w *world.World, s *Seed) {
			addCustom(w, s)
			w.Middleboxes = []world.Middlebox{{Name: "appliance", On: world.Match{Ports: []uint16{8443}}, Forgets: 2 * time.Second}}
		},
	}, {
		Name: "idle-custom-closed", Kind: Healthy, Want: noFault.never("FW-06"), Args: append(idleArgs[:2:2], customArgs...), NearOf: "idle-custom-dropped",
		Story:  "the custom service itself closes connections that are silent",
		Change: func(w *world.World, s *Seed) { addCustom(w, s).Server.CloseIdle = 2 * time.Second },
	}}
}
