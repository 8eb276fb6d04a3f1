package resolve

import (
	"strings"

	"vpcdoctor/probe/fact"
)

// maxHostsLines bounds what is kept: names of the run times a few addresses.
// A hosts file that names more of them than this says nothing new with each.
const maxHostsLines = 256

// parseHosts is every line of a hosts file that gives one of names an address,
// as canonical name or alias, in the file's order.
func parseHosts(data []byte, names []string) []fact.HostsLine {
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[strings.ToLower(strings.TrimSuffix(n, "."))] = true
	}
	var out []fact.HostsLine
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		addr, ok := parseAddr(f[0])
		if !ok {
			continue
		}
		seen := ""
		for _, name := range f[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if !wanted[name] || name == seen {
				continue
			}
			seen = name
			if out = append(out, fact.HostsLine{Line: number, Addr: addr, Name: name}); len(out) == maxHostsLines {
				return out
			}
		}
	}
	return out
}
