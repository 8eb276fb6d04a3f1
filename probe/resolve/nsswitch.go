package resolve

import (
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
)

// maxSources bounds the hosts line; the longest that distributions ship has
// eight words.
const maxSources = 24

// parseNSSwitch is the "hosts:" line of nsswitch.conf word by word, a
// criterion such as [NOTFOUND=return] being one word. Nil: no such line. As in
// glibc the last line of a database wins.
func parseNSSwitch(data []byte) []string {
	var order []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		db, sources, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(db) != "hosts" {
			continue
		}
		order = nssWords(sources)
	}
	return order
}

func nssWords(s string) []string {
	var words []string
	for s = strings.TrimSpace(s); s != "" && len(words) < maxSources; s = strings.TrimSpace(s) {
		var w string
		if s[0] == '[' {
			w, s, _ = strings.Cut(s, "]")
			w = "[" + strings.Join(strings.Fields(w[1:]), " ") + "]"
		} else {
			end := strings.IndexAny(s, " \t\r\n[")
			if end < 0 {
				end = len(s)
			}
			w, s = s[:end], s[end:]
		}
		words = append(words, classify.Clean(w, 64))
	}
	return words
}

// order is the way a lookup takes between the hosts file and DNS.
type order int

const (
	filesThenDNS order = iota
	dnsThenFiles
	filesOnly
	dnsOnly
)

// lookupOrder reads a hosts line as Go's own resolver does, which is the one
// in a CGO-free SSM Agent: files and dns count, criteria do not, and where dns
// is absent any other source (resolve, sss) stands for it, because it ends in
// DNS. glibc agrees in every configuration that distributions ship.
func lookupOrder(hosts []string) order {
	var files, dns bool
	first := ""
	note := func(source string) {
		if first == "" {
			first = source
		}
	}
	hasDNS := slices.Contains(hosts, "dns")
	for _, w := range hosts {
		switch {
		case strings.HasPrefix(w, "["):
		case w == "files":
			files = true
			note("files")
		case w == "dns" || !hasDNS:
			dns = true
			note("dns")
		}
	}
	switch {
	case files && dns && first == "dns":
		return dnsThenFiles
	case files && !dns:
		return filesOnly
	case dns && !files:
		return dnsOnly
	}
	return filesThenDNS
}
