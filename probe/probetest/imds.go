package probetest

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// IMDSMode is one way in which a metadata service behaves. Modes that concern
// different things can be combined.
type IMDSMode struct {
	TokensOptional bool // GETs without a token are answered too (HttpTokens=optional)
	V1Only         bool // no token support: PUT 404, GETs without a token are answered
	Disabled       bool // 403 to everything (HttpEndpoint=disabled)
	TokenSilent    bool // connections are accepted, the PUT is never answered (hop limit)
	Silent         bool // nothing is ever answered
	HangUp         bool // connections are closed without an answer

	Clock     time.Duration // how far the Date of the answers is off
	Delay     time.Duration // before each answer
	HTML      bool          // a web page, 200, to everything: a captive portal
	Huge      bool          // 10 MB to every GET
	Endless   bool          // a body without an end to every GET
	Proxied   bool          // answers carry a proxy's headers
	ProxyDeny bool          // a proxy answers everything with 403 and its own page

	RoleEmpty bool   // the profile exists and lists no role
	RoleCode  string // Code of the credentials document instead of Success
	NoIAMRole bool   // the profile is listed, its credentials are 404

	NoDocument bool              // the identity document is 404
	Bodies     map[string]string // path → body, 200, instead of the true one: hostile values
	Statuses   map[string]int    // path → status with the service's error page
}

// IMDSCounts is what an IMDS was asked so far.
type IMDSCounts struct {
	Puts, Gets int
	Conns      int // opened so far
	MaxConns   int // open at the same time
}

// IMDS is a metadata service for one instance. It is an http.Handler; Server
// makes an http.Server of it that also counts connections. Set Mode before it
// serves.
//
// Source of its behaviour: EC2 User Guide, "Use the Instance Metadata Service
// to access instance metadata" (tokens, status codes, TTL) and "Instance
// metadata categories" (paths), read 2026-11.
type IMDS struct {
	Mode IMDSMode

	tree map[string]string // full path of each value → body

	mu     sync.Mutex
	tokens map[string]time.Time // token → its end
	counts IMDSCounts
	open   int
	log    []string
}

// NewIMDS returns the metadata service of an instance, as a new instance has
// it: tokens required.
func NewIMDS(i IMDSInstance) *IMDS {
	return &IMDS{tree: i.tree(), tokens: map[string]time.Time{}}
}

// Server returns a server that can be given any listener.
func (m *IMDS) Server() *http.Server {
	return &http.Server{Handler: m, ConnState: m.connState, ReadHeaderTimeout: time.Minute}
}

// Counts returns what was asked so far.
func (m *IMDS) Counts() IMDSCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// Log returns "METHOD path" of each request in the order of arrival.
func (m *IMDS) Log() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

func (m *IMDS) connState(_ net.Conn, s http.ConnState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch s {
	case http.StateNew:
		m.open++
		m.counts.Conns++
		m.counts.MaxConns = max(m.counts.MaxConns, m.open)
	case http.StateClosed, http.StateHijacked:
		m.open--
	case http.StateActive, http.StateIdle:
	}
}

// ServeHTTP answers one request.
func (m *IMDS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.count(r)
	if m.Mode.Delay > 0 {
		imdsWait(r.Context(), m.Mode.Delay)
	}
	switch {
	case m.Mode.Silent, m.Mode.TokenSilent && r.Method == http.MethodPut:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case m.Mode.HangUp:
		panic(http.ErrAbortHandler)
	case m.Mode.ProxyDeny:
		imdsProxyHeader(w)
		imdsPage(w, http.StatusForbidden, "<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>\n")
		return
	case m.Mode.HTML:
		imdsPage(w, http.StatusOK, "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Welcome to the network</body></html>\n")
		return
	}
	if m.Mode.Proxied {
		imdsProxyHeader(w)
	}
	w.Header().Set("Server", "EC2ws")
	w.Header().Set("Date", time.Now().Add(m.Mode.Clock).UTC().Format(http.TimeFormat))
	switch {
	case m.Mode.Disabled:
		imdsRefuse(w, http.StatusForbidden)
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		m.grant(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		imdsRefuse(w, http.StatusMethodNotAllowed)
	case !m.admitted(r):
		imdsRefuse(w, http.StatusUnauthorized)
	default:
		m.value(w, r)
	}
}

// grant answers the PUT for a token.
func (m *IMDS) grant(w http.ResponseWriter, r *http.Request) {
	const header = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	seconds, err := strconv.Atoi(r.Header.Get(header))
	switch {
	case m.Mode.V1Only:
		imdsRefuse(w, http.StatusNotFound)
		return
	case r.Header.Get("X-Forwarded-For") != "": // "does not allow tokens through proxies"
		imdsRefuse(w, http.StatusForbidden)
		return
	case err != nil || seconds < 1 || seconds > 21600:
		imdsRefuse(w, http.StatusBadRequest)
		return
	}
	token := "AQAEA" + rand.Text() + rand.Text()[:23] + "=="
	m.mu.Lock()
	m.tokens[token] = time.Now().Add(time.Duration(seconds) * time.Second)
	m.mu.Unlock()
	w.Header().Set(header, strconv.Itoa(seconds))
	imdsPlain(w, token)
}

// admitted tells whether a GET carries what it needs. A wrong token is refused
// even where tokens are optional.
func (m *IMDS) admitted(r *http.Request) bool {
	token := r.Header.Get("X-Aws-Ec2-Metadata-Token")
	if m.Mode.V1Only || token == "" && m.Mode.TokensOptional {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	end, ok := m.tokens[token]
	return ok && time.Now().Before(end)
}

// value answers a GET.
func (m *IMDS) value(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if status, ok := m.Mode.Statuses[path]; ok {
		imdsRefuse(w, status)
		return
	}
	if body, ok := m.Mode.Bodies[path]; ok {
		imdsPlain(w, body)
		return
	}
	switch {
	case m.Mode.Huge:
		imdsPlain(w, strings.Repeat("0123456789abcde\n", 10<<20/16))
		return
	case m.Mode.Endless:
		imdsEndless(r.Context(), w)
		return
	}
	if body, ok := m.lookup(path); ok {
		imdsPlain(w, body)
		return
	}
	imdsRefuse(w, http.StatusNotFound)
}

// lookup finds a value or the listing of a directory, as the mode has it.
func (m *IMDS) lookup(path string) (string, bool) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	if name, ok := strings.CutPrefix(path, roles); ok && m.tree["/latest/meta-data/iam/info"] != "" {
		switch {
		case m.Mode.RoleEmpty:
			return "", name == ""
		case name != "" && m.Mode.NoIAMRole:
			return "", false
		case name != "" && m.Mode.RoleCode != "" && m.tree[path] != "":
			return imdsRefusedCredentials(m.Mode.RoleCode), true
		}
	}
	if m.Mode.NoDocument && strings.HasPrefix(path, "/latest/dynamic/instance-identity/") {
		return "", false
	}
	if body, ok := m.tree[path]; ok {
		return body, true
	}
	return imdsListing(m.tree, path)
}

func (m *IMDS) count(r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, r.Method+" "+r.URL.Path)
	if r.Method == http.MethodPut {
		m.counts.Puts++
	} else {
		m.counts.Gets++
	}
}

// imdsWait waits until d has passed or the client has gone.
func imdsWait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func imdsPlain(w http.ResponseWriter, body string) { imdsSend(w, http.StatusOK, "text/plain", body) }

func imdsPage(w http.ResponseWriter, status int, body string) {
	imdsSend(w, status, "text/html; charset=utf-8", body)
}

// imdsRefuse answers with the service's own error page, which is XHTML.
func imdsRefuse(w http.ResponseWriter, status int) {
	title := strconv.Itoa(status) + " - " + http.StatusText(status)
	imdsSend(w, status, "text/html", `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>`+title+`</title>
 </head>
 <body>
  <h1>`+title+`</h1>
 </body>
</html>
`)
}

func imdsSend(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may have gone
}

// imdsProxyHeader adds what a Squid proxy adds.
func imdsProxyHeader(w http.ResponseWriter) {
	w.Header().Set("Server", "squid/6.10")
	w.Header().Set("Via", "1.1 proxy.corp.example (squid/6.10)")
	w.Header().Set("X-Cache", "MISS from proxy.corp.example")
}

// imdsEndless sends a body until the client has had enough.
func imdsEndless(ctx context.Context, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	chunk := []byte(strings.Repeat("x", 4096))
	for ctx.Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
