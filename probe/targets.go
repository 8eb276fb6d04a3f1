package probe

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/resolve"
)

// targets lists what is to be reached: the catalogue's names for the profiles
// and services, changed by what the agent's config file overrides, and the
// user's own endpoints. The notes say what was asked for and cannot be had.
func (r *runner) targets() ([]fact.Target, []string) {
	var out []fact.Target
	var notes []string
	if r.set.Place.Region != "" {
		ts, n, err := r.cat.Targets(catalog.Selection{
			Region: r.set.Place.Region, AccountID: r.set.IMDS.AccountID, Label: randomLabel(),
			Profiles: r.opt.Profiles, Services: r.opt.Services, All: r.opt.All,
			FIPS: r.opt.FIPS, DualStack: r.opt.DualStack,
		})
		// Names were checked when the command line was read; what is left is a
		// service that this Region does not have.
		r.set.Absent = absent(err)
		if err != nil && len(r.set.Absent) == 0 {
			notes = append(notes, err.Error())
		}
		out, notes = ts, append(notes, n...)
	} else {
		notes = append(notes, "the Region is not known, so no AWS host name can be formed; give it with --region")
	}
	out = overrideAgentHosts(out, r.set.Agent.Config, r.set.Place)
	out = overrideSoftwareHosts(out, r.set.Software)
	for _, e := range r.opt.Endpoints {
		out = append(out, e.Target())
	}
	return out, notes
}

// absent collects the services that the Region does not have out of the
// catalogue's joined errors.
func absent(err error) []fact.Absent {
	const most = 8 // Regions named; a line or two of text
	var out []fact.Absent
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, absent(e)...)
		}
		return out
	}
	if missing, ok := errors.AsType[*catalog.NotInRegionError](err); ok {
		out = append(out, fact.Absent{Name: missing.Name, ID: missing.ID, Known: missing.Known[:min(most, len(missing.Known))]})
	}
	return out
}

// randomLabel is a name nobody has, for probing wildcard names. It says who
// asks, so that a DNS log explains itself.
func randomLabel() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand documentation, Go 1.24)
	return "vpcdoctor-" + hex.EncodeToString(b[:])
}

// overrideAgentHosts replaces the catalogue's host by the one the agent's own
// config file makes it dial. The agent never asks for the original, so a fault
// there is not a fault of this instance.
func overrideAgentHosts(ts []fact.Target, c fact.AgentConfig, p fact.Place) []fact.Target {
	byService := map[string]fact.Override{}
	for _, o := range c.Overrides {
		byService[o.Service] = o
	}
	out := make([]fact.Target, 0, len(ts))
	for _, t := range ts {
		if !t.Agent {
			out = append(out, t)
			continue
		}
		host, port := agentHost(t, byService, c, p)
		if host != "" && host != t.Host {
			t.Instead, t.Host, t.Origin = t.Host, host, "agent config"
			t.Wildcard = false
			if port != 0 {
				t.Ports = []fact.Port{{Number: port, TLS: true, HTTP: true}}
			}
		}
		if !slices.ContainsFunc(out, func(x fact.Target) bool { return x.Key() == t.Key() }) {
			out = append(out, t)
		}
	}
	return out
}

// agentHost is the host the agent dials for a target: an explicit endpoint
// wins over ServiceDomain, which wins over UseDualStackEndpoint (agent source,
// common/identity/endpoint, see ssm-agent.md 4.4).
func agentHost(t fact.Target, overrides map[string]fact.Override, c fact.AgentConfig, p fact.Place) (string, uint16) {
	service := strings.TrimSuffix(strings.TrimSuffix(t.ID, "-gateway"), "-interface")
	if o, ok := overrides[service]; ok {
		return splitOverride(o.Host)
	}
	label, ok := strings.CutSuffix(t.Host, "."+p.DNSSuffix)
	switch {
	case !ok:
		return "", 0
	case c.MGSRegion != "" && t.ID == "ssmmessages":
		// Mgs.Region changes the name of the message gateway alone.
		return "ssmmessages." + c.MGSRegion + "." + cmp.Or(c.Domain, p.DNSSuffix), 0
	case c.Domain != "":
		return label + "." + c.Domain, 0
	case c.DualStack && p.DualStackSuffix != "" && dualStackAgent(t.ID):
		return label + "." + p.DualStackSuffix, 0
	}
	return "", 0
}

// dualStackAgent tells which services the agent's UseDualStackEndpoint
// concerns (agent release notes 3.3.3270.0).
func dualStackAgent(id string) bool {
	return id == "ssm" || id == "ssmmessages" || id == "ec2messages"
}

// resolveSearch reads only the search list, before the targets are known.
func resolveSearch(r *runner) []string {
	return resolve.Config(resolve.ConfigOptions{ReadFile: r.readFile, Readlink: r.readlink}).Search
}
