package probe

import (
	"slices"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
)

// usualProfile is what a run looks at when nothing was chosen and --auto found
// nothing either.
const usualProfile = "session-manager"

// addSoftware adds the profiles and services of the programs that were found
// to those that the user chose.
func (r *runner) addSoftware() {
	for _, s := range r.set.Software {
		r.opt.Profiles = union(r.opt.Profiles, s.Profiles)
		r.opt.Services = union(r.opt.Services, s.Services)
	}
	if len(r.opt.Profiles)+len(r.opt.Services) == 0 && !r.opt.All {
		r.opt.Profiles = []string{usualProfile}
	}
	r.set.Run.Profiles, r.set.Run.Services = r.opt.Profiles, r.opt.Services
}

func union(a, b []string) []string {
	a = slices.Clone(a) // the caller's own
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// overrideSoftwareHosts puts the endpoints that programs were told to use in
// the place of the catalogue's. A host that the SSM Agent dials as well stays
// beside it.
func overrideSoftwareHosts(ts []fact.Target, programs []fact.Software) []fact.Target {
	for _, s := range programs {
		for _, o := range s.Override {
			host, port := splitOverride(o.Host)
			i := slices.IndexFunc(ts, func(t fact.Target) bool { return t.ID == o.Service })
			if i < 0 || ts[i].Host == host {
				continue
			}
			t := ts[i]
			t.Instead, t.Host, t.Origin, t.Wildcard, t.Agent = t.Host, host, s.ID+" config", false, false
			if port != 0 {
				t.Ports = []fact.Port{{Number: port, TLS: true, HTTP: true}}
			}
			if ts[i].Agent {
				ts = append(ts, t)
			} else {
				ts[i] = t
			}
		}
	}
	return ts
}

// splitOverride takes host[:port] of a fact.Override apart; port 0 when there
// is none.
func splitOverride(s string) (host string, port uint16) {
	host, text, found := strings.Cut(s, ":")
	if !found {
		return host, 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return host, 0
	}
	return host, uint16(n)
}
