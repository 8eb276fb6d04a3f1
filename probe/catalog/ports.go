package catalog

import (
	"slices"

	"vpcdoctor/probe/fact"
)

// maxPorts is the most ports that are probed at one address (decisions.md, "Do
// no harm").
const maxPorts = 4

// tlsPorts speak TLS from the first byte, besides 443: CQL, SMTP in a TLS
// wrapper, WebSocket and HTTPS of transcription and IoT, MQTT.
var tlsPorts = []uint16{9142, 465, 8443, 8883}

// skippedPorts are never probed: 25 is what a mail relay's alarm watches, and
// 587 and 2587 need an SMTP dialogue before TLS. 2465 serves the same as 465.
var skippedPorts = []uint16{25, 587, 2587, 2465}

// portsOf are the ports to probe. Ports other than 443 are dialled only when
// the user named the service: anything else would look like a port scan.
func portsOf(ports []uint16, named bool) []fact.Port {
	var out []fact.Port
	for _, n := range ports {
		switch {
		case slices.Contains(skippedPorts, n), n != 443 && !named:
		case len(out) == maxPorts:
		default:
			out = append(out, fact.Port{Number: n, TLS: n == 443 || slices.Contains(tlsPorts, n), HTTP: n == 443})
		}
	}
	return out
}
