// Package proxyenv reads proxy variables the way Go programs do: the SSM Agent
// is one, and so are we. Scopes finds the places of a host that set them.
//
// In goes a function that looks a variable up, out come the setting as a fact,
// free of user names and passwords, and the parsed URLs, which may carry both
// and live in memory only. It must never put a part of a URL other than
// scheme, host and port into the fact.
package proxyenv

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Names are the variables that Read looks at.
var Names = []string{
	"HTTPS_PROXY", "https_proxy",
	"HTTP_PROXY", "http_proxy",
	"NO_PROXY", "no_proxy",
	"ALL_PROXY", "all_proxy",
}

// Proxy is a set of proxy variables. The URLs may hold credentials.
type Proxy struct {
	Setting fact.ProxySetting
	HTTPS   *url.URL // for https and wss requests; nil: direct
	HTTP    *url.URL // for http requests; nil: direct
	NoProxy string   // as it was set
}

// maxNoProxy bounds no_proxy in a fact. A kernel environment string may be
// 128 kB; lists of real hosts stay below a few hundred bytes.
const maxNoProxy = 4096

// Read evaluates the proxy variables that get finds. Where both spellings of a
// variable are set, the upper-case one wins, as in Go's httpproxy package
// (golang.org/x/net v0.62.0, FromEnvironment); curl does the opposite.
func Read(get func(string) string, source string) Proxy {
	var p Proxy
	https, httpsURL := p.server(get, "HTTPS_PROXY", "https_proxy")
	http, httpURL := p.server(get, "HTTP_PROXY", "http_proxy")
	all, _ := p.server(get, "all_proxy", "ALL_PROXY") // only curl and its kin read it, lower case first
	p.HTTPS, p.HTTP = httpsURL, httpURL
	_, p.NoProxy = first(get, "NO_PROXY", "no_proxy")
	p.Setting.HTTPS, p.Setting.HTTP, p.Setting.All = https, http, all
	p.Setting.No = cleanList(p.NoProxy)
	if p.Setting != (fact.ProxySetting{}) {
		p.Setting.Source = source
	}
	return p
}

// server parses one variable. A value that is no proxy address is named in
// Malformed.
func (p *Proxy) server(get func(string) string, names ...string) (string, *url.URL) {
	name, value := first(get, names...)
	if value == "" {
		return "", nil
	}
	u := parse(value)
	if u == nil {
		p.Setting.Malformed = name
		// The sign of a user name that did not parse: a reader must know that
		// the value has to be handled as a secret.
		p.Setting.Credentials = p.Setting.Credentials || strings.Contains(value, "@")
		return "", nil
	}
	p.Setting.Credentials = p.Setting.Credentials || u.User != nil
	return Address(u), u
}

// first returns the first of the variables that is not empty.
func first(get func(string) string, names ...string) (name, value string) {
	for _, n := range names {
		if v := get(n); v != "" {
			return n, v
		}
	}
	return "", ""
}

// parse reads a proxy URL, with or without a scheme, or returns nil.
func parse(value string) *url.URL {
	u, err := url.Parse(value)
	if (err != nil || u.Scheme == "" || u.Host == "") && !strings.Contains(value, "://") {
		// Go tries this for a broken URL too and then takes "http" for the
		// host. Nobody means that: such a value counts as malformed.
		u, err = url.Parse("http://" + value)
	}
	if err != nil || !validHost(u.Hostname()) || !validPort(u.Port()) {
		return nil
	}
	// An unescaped "/", "?" or "#" in a password ends the host part early, and
	// what Go takes for the host is then the user name. The "@" left over
	// gives such a value away.
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return nil
	}
	return u
}

// Address is scheme://host:port of a proxy, with the port that net/http adds
// where the URL has none.
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "http":
			port = "80"
		case "https":
			port = "443"
		case "socks5", "socks5h":
			port = "1080"
		default: // net/http refuses any other scheme
			return u.Scheme + "://" + u.Host
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

// validHost accepts an IP address, or labels of letters, digits, hyphen and
// the underscore that internal names often have.
func validHost(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return !strings.Contains(h, "%")
	}
	if h == "" || len(h) > 253 { // RFC 1035, 2.3.4
		return false
	}
	for i := range len(h) {
		c := h[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// validPort accepts no port or a number from 1 to 65535.
func validPort(p string) bool {
	if p == "" {
		return true
	}
	n, err := strconv.ParseUint(p, 10, 16)
	return err == nil && n > 0
}

// cleanList makes a no_proxy value printable, and drops what stands before an
// "@": somebody pasted a proxy URL there, user name and all.
func cleanList(s string) string {
	if strings.Contains(s, "@") {
		entries := strings.Split(s, ",")
		for i, e := range entries {
			entries[i] = e[strings.LastIndexByte(e, '@')+1:]
		}
		s = strings.Join(entries, ",")
	}
	return classify.Clean(s, maxNoProxy)
}
