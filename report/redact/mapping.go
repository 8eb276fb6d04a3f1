package redact

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// Forms of what names itself.
var (
	awsID   = form(`^([a-z]{1,8}(?:-[a-z]{2,8})*)-([0-9a-f]{17}|[0-9a-f]{8})(?:-([0-9a-z]+)(-[0-9a-z-]+)?)?$`)
	account = form(`^[0-9]{12}$`)
	uuid    = form(`^(mrk-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	digest  = form(`^[0-9a-fA-F]{32,64}$`)
	macForm = form(`^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$`)
	ipLabel = form(`^ip-([0-9]{1,3})-([0-9]{1,3})-([0-9]{1,3})-([0-9]{1,3})$`)
	remark  = form(`comment "[^"]*"|/\*.*?\*/`)
	ours    = form(`^(i-0+|vpcdoctor.*)$`) // the dummy node of probes, and our own labels
)

// form makes a pattern, compiled when it is first asked for: most runs redact
// nothing.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// mapping is what is known of one set of facts.
type mapping struct {
	names   bool // resource ids and addresses stay
	v4, v6  space
	ids     map[string]string // AWS's ids, accounts, MACs, digests, by kind and value
	words   map[string]bool   // names to be replaced where they stand alone
	labels  map[string]bool   // labels of host names, replaced inside those only
	domains map[string]bool   // host names that are not AWS's, with their parents
	phrases []string          // names with characters that no token has
	public  map[string]bool   // labels of AWS's names, hosts of the catalogue
	to      map[string]string // substitute of a word, label or phrase
}

func newMapping(s *fact.Set) *mapping {
	m := &mapping{
		ids: map[string]string{}, words: map[string]bool{}, labels: map[string]bool{}, domains: map[string]bool{},
		public: map[string]bool{}, to: map[string]string{},
	}
	cat := catalog.Embedded()
	for _, r := range cat.Regions() {
		m.public[r] = true
	}
	for _, x := range cat.Services(s.Place.Region) {
		m.public[x.ID] = true
		for _, h := range slices.Concat(x.Hosts, x.Extra, x.NotCovered) {
			for l := range strings.SplitSeq(h, ".") {
				m.public[l] = true
			}
		}
	}
	for _, t := range s.Targets {
		if t.Origin == "catalogue" {
			m.public[t.Host], m.public[t.ID] = true, true
			continue
		}
		if t.ID != "" {
			m.word(t.ID)
		}
	}
	for _, x := range s.Run.Services {
		m.word(x)
	}
	return m
}

// collect makes a string of the facts known before anything is replaced.
func (m *mapping) collect(parent, key, v string) {
	switch kindOf(parent, key) {
	case word, prose:
		return
	case host:
		for h := range strings.FieldsSeq(v) {
			m.host(h)
		}
	case url:
		m.urls(v, key == "via")
	case name:
		m.name(v)
	case dn:
		m.subject(v)
	case path:
		m.file(v)
	case value:
		switch {
		case strings.HasPrefix(v, "/"):
			m.file(v)
		case strings.ContainsAny(v, ":,"):
			m.urls(v, false)
		default:
			m.name(v)
		}
	}
	m.scan(v, m.learn)
}

// name takes a customer's name apart at slashes and colons: log groups, key
// aliases and ARNs are made of parts.
func (m *mapping) name(v string) {
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '/' || r == ':' }) {
		m.word(part)
	}
}

// word makes a name known.
func (m *mapping) word(s string) {
	low := strings.ToLower(s)
	switch {
	case len(s) < 2 || known[low] || m.public[low] || selfNamed(s):
	case strings.HasPrefix(s, "AWS") || strings.HasPrefix(s, "Amazon") || strings.HasPrefix(s, "SSM-"):
	case strings.IndexFunc(s, notToken) >= 0:
		if !slices.Contains(m.phrases, s) {
			m.phrases = append(m.phrases, s)
		}
	default:
		m.words[s] = true
	}
}

// selfNamed tells whether a token needs no list to be recognised.
func selfNamed(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if _, err := strconv.Atoi(s); err == nil {
		return true
	}
	return ours().MatchString(s) || awsID().MatchString(s) || account().MatchString(s) || uuid().MatchString(s) || digest().MatchString(s) || ipLabel().MatchString(s)
}

// host makes a host name known with its parent domains.
func (m *mapping) host(h string) {
	h = strings.ToLower(strings.Trim(strings.TrimPrefix(h, "*."), "."))
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.Contains(h[:i], ":") {
		h = h[:i] // host:port
	}
	if _, err := netip.ParseAddr(h); err == nil || h == "" || strings.ContainsFunc(h, notToken) || m.public[h] {
		return
	}
	rest, aws := awsName(h)
	for l := range strings.SplitSeq(rest, ".") {
		if l != "" && !m.stays(l, aws) && !selfNamed(l) {
			m.labels[l] = true
		}
	}
	if aws {
		return
	}
	if !strings.Contains(h, ".") {
		m.word(h)
		return
	}
	for d := h; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		m.domains[d] = true
	}
}

// awsName cuts AWS's suffix off a name.
func awsName(h string) (rest string, ok bool) {
	for _, s := range suffixes {
		if h == s {
			return "", true
		}
		if rest, ok := strings.CutSuffix(h, "."+s); ok {
			return rest, true
		}
	}
	return h, false
}

// stays tells whether a label is AWS's or nobody's.
func (m *mapping) stays(l string, aws bool) bool {
	zone := strings.TrimRight(l, "abcdef")
	return ours().MatchString(l) || m.public[zone] && len(l)-len(zone) <= 1 && strings.Count(l, "-") >= 2 || aws && (m.public[l] || known[l]) || l == "localhost"
}

// urls finds the hosts of a URL, of a list of them, or of a Via header.
func (m *mapping) urls(v string, via bool) {
	for i, f := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if _, after, ok := strings.Cut(f, "://"); ok {
			f = after
		} else if via && i%2 == 0 {
			continue // "1.1"
		}
		f, rest, _ := strings.Cut(f, "/")
		if strings.HasPrefix(f, "(") {
			continue
		}
		m.host(strings.TrimPrefix(f, "."))
		for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("/?&=#", r) }) {
			if _, err := strconv.Atoi(part); err != nil {
				m.word(part)
			}
		}
	}
}

// subject finds what names an owner in the subject of a certificate.
func (m *mapping) subject(v string) {
	for rdn := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == '+' }) {
		key, val, ok := strings.Cut(strings.TrimSpace(rdn), "=")
		switch {
		case !ok:
			val = rdn
		case key == "C":
			continue
		}
		if slices.ContainsFunc(publicNames, func(p string) bool { return strings.Contains(val, p) }) {
			continue
		}
		if strings.Contains(val, ".") && !strings.Contains(val, " ") {
			m.host(val)
		} else {
			m.word(val)
		}
	}
}

// file finds the parts of a path that not every system has.
func (m *mapping) file(v string) {
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '/' || r == ' ' || r == '\\' }) {
		own := strings.ContainsFunc(part, func(rune) bool { return true })
		for w := range strings.FieldsFuncSeq(strings.ToLower(part), func(r rune) bool { return strings.ContainsRune("-._@{}:", r) }) {
			if _, err := strconv.Atoi(w); err != nil && !pathWords[w] && !known[w] {
				own = false
			}
		}
		if !own {
			m.word(part)
		}
	}
}

// id makes a value known under a kind of its own.
func (m *mapping) id(kind, v string) {
	if v != "" {
		m.ids[kind+" "+v] = ""
	}
}

// solve chooses all substitutes: numbers in the order of the real values.
func (m *mapping) solve() {
	m.v4.solve(32)
	m.v6.solve(128)
	numbers := map[string]int{}
	for _, k := range sortedKeys(m.ids) {
		kind, v, _ := strings.Cut(k, " ")
		numbers[kind]++
		m.ids[k] = substitute(kind, v, numbers[kind])
	}
	all := map[string]bool{}
	for _, s := range m.phrases {
		all[s] = true
	}
	for _, from := range []map[string]bool{m.words, m.labels} {
		for s := range from {
			all[s] = true
		}
	}
	keys := sortedKeys(all)
	width := len(strconv.Itoa(len(keys)))
	for i, s := range keys {
		n := strconv.Itoa(i + 1)
		m.to[s] = "name" + strings.Repeat("0", width-len(n)) + n
	}
	slices.SortFunc(m.phrases, func(a, b string) int { return len(b) - len(a) }) // the longest first
}

func sortedKeys[V any](in map[string]V) []string {
	out := make([]string, 0, len(in))
	for k := range in {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// substitute has the form of what it stands for.
func substitute(kind, v string, n int) string {
	pad := func(n, width, base int) string {
		s := strconv.FormatInt(int64(n), base)
		return strings.Repeat("0", max(0, width-len(s))) + s
	}
	switch kind {
	case "account":
		return pad(n, 12, 10)
	case "uuid":
		return "00000000-0000-4000-8000-" + pad(n, 12, 16)
	case "digest":
		return pad(n, len(v), 16)
	case "mac":
		return "02:00:00:00:" + pad(n>>8&255, 2, 16) + ":" + pad(n&255, 2, 16)
	}
	return kind + "-" + pad(n, len(v), 16) // an id of AWS; v is its hex part
}
