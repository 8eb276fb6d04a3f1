package main

import (
	"fmt"
	"strings"

	"vpcdoctor/probe"
)

// writePlan prints what a run would send.
func (a *app) writePlan(p probe.Preview, s *settings) error {
	region := p.Place.Region
	if region == "" {
		region = "not known yet; the metadata service will tell"
	} else {
		region += " (from " + p.Place.Source + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Nothing was sent. A run would do this:\n\n")
	fmt.Fprintf(&b, "Region       %s\n", region)
	fmt.Fprintf(&b, "IMDS         %s\n", p.IMDSPackets)
	fmt.Fprintf(&b, "DNS servers  %s\n", strings.Join(p.Servers, " "))
	fmt.Fprintf(&b, "DNS packets  %d, on trouble at most %d; never more than %d in one second\n", p.DNSPackets, p.DNSMost, probe.MaxPacketsPerSecond)
	fmt.Fprintf(&b, "Connections  about %d, on trouble at most %d more; at most %d at once, one HTTPS\n             request a host\n",
		p.Connections, p.Further, probe.MaxConnections)
	switch {
	case p.Signed > 0:
		fmt.Fprintf(&b, "Signed calls at most %d that read, with the SSM Agent's own credentials\n", p.Signed)
	default:
		fmt.Fprintf(&b, "Signed calls none\n")
	}
	fmt.Fprintf(&b, "Time         one question to the Amazon Time Sync Service\n")
	fmt.Fprintf(&b, "Worst case   %.1f s\n", p.Worst.Seconds())
	if s.watch || s.wait > 0 {
		fmt.Fprintf(&b, "Repeated     %s\n", repeated(s))
	}
	b.WriteByte('\n')
	for _, t := range p.Targets {
		var ports []string
		for _, port := range t.Ports {
			ports = append(ports, port.String())
		}
		fmt.Fprintf(&b, "%-12s %s %s\n", t.Need, t.Host, strings.Join(ports, " "))
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

// repeated says how often a run is made with --wait or --watch.
func repeated(s *settings) string {
	end := "until Ctrl-C"
	if s.wait > 0 {
		end = fmt.Sprintf("until the exit code is 0, for at most %v", s.wait)
	}
	return fmt.Sprintf("after pauses of about 2 to 30 s, %s;\n             signed calls only when the rest has changed, and at the end", end)
}
