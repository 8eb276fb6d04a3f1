package agentlog

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// describe fills in what a message says besides its stem. Each field is set
// only to what has its exact form.
func describe(e *fact.LogEvent, s *stem, m string) {
	if s.errors {
		e.Host, e.Server = lookup(m)
		e.Addr = dialled(m)
		e.Operation, e.Code = operation(m), code(m)
		switch e.Reason {
		case fact.ReasonDenied, fact.ReasonNotConfigured:
			e.Denial = denial.Parse(m)
		case fact.ReasonProxyStatus:
			e.Status = proxyStatus(m)
		default:
			e.Status = httpStatus(m)
		}
		if e.Host == "" {
			e.Host = urlHost(m)
		}
	}
	e.Node = nodeOf([]byte(m))
	switch s.stem {
	case fact.LogConnected:
		e.Addr = addrPort(after(m, s.text))
	case fact.LogChannel:
		if c := word(after(m, s.text)); c == "ssmmessages" || c == "ec2messages" {
			e.Channel = c
		}
	case fact.LogSleep:
		e.Wait = duration(word(after(m, s.text)))
	case fact.LogBackoff:
		// It tries again every so many seconds, for a while.
		e.Wait = duration(word(after(m, s.text)) + "s")
	case fact.LogRotation:
		e.Wait = duration(word(after(m, s.text)) + "m")
	case fact.LogPollStopped:
		e.Wait = duration(word(after(m, "after ")) + "m")
	case fact.LogProxyVariables:
		e.Host = proxyHost(after(m, s.text))
	}
}

// after is what follows the first text in m.
func after(m, text string) string {
	_, rest, _ := strings.Cut(m, text)
	return rest
}

// word is the first word.
func word(s string) string {
	if i := strings.IndexAny(s, " \t\n,"); i >= 0 {
		s = s[:i]
	}
	return s
}

// duration reads a time that the agent announces. None of its waits is longer
// than a day.
func duration(s string) fact.Duration {
	if len(s) > 32 {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > 48*time.Hour {
		return 0
	}
	return fact.Duration(d)
}

// lookup reads "lookup HOST on SERVER:53: ...": the name and the server that
// the text blames.
func lookup(m string) (host string, server netip.AddrPort) {
	_, rest, ok := strings.Cut(m, "lookup ")
	if !ok {
		return "", server
	}
	name := word(rest)
	host = hostName(strings.TrimSuffix(name, ":"))
	if on, ok := strings.CutPrefix(rest[len(name):], " on "); ok {
		server = addrPort(word(on))
	}
	return host, server
}

// dialled reads "dial tcp A:443: ...", and the far end of an established
// connection: "read tcp A:1->B:2: ...".
func dialled(m string) netip.AddrPort {
	if _, rest, ok := strings.Cut(m, "dial tcp "); ok {
		return addrPort(word(rest))
	}
	for _, op := range []string{"read tcp ", "write tcp "} {
		if _, rest, ok := strings.Cut(m, op); ok {
			_, peer, _ := strings.Cut(word(rest), "->")
			return addrPort(peer)
		}
	}
	return netip.AddrPort{}
}

// addrPort reads an address and port with which a text begins.
func addrPort(s string) netip.AddrPort {
	s = strings.TrimSuffix(word(s), ":")
	if len(s) > 64 {
		return netip.AddrPort{}
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Addr().Zone() != "" {
		return netip.AddrPort{}
	}
	return a
}

// urlHost is the host of the first URL that a request was made to. The verb
// before it tells it from one that an answer quotes.
func urlHost(m string) string {
	for _, verb := range []string{"Post ", "Get ", "Put ", "Head ", "connection to: "} {
		_, rest, ok := strings.Cut(m, verb)
		if !ok {
			continue
		}
		scheme, rest, ok := strings.Cut(strings.TrimPrefix(rest, `"`), "://")
		if !ok || scheme != "https" && scheme != "http" && scheme != "wss" {
			continue
		}
		if i := strings.IndexAny(rest, "/\"?# \n"); i >= 0 {
			rest = rest[:i]
		}
		return hostName(bare(rest))
	}
	return ""
}

// proxyHost is the host in the value of a proxy variable. User name and
// password end at the last "@" before the path; without certainty about where
// they end, nothing is kept.
func proxyHost(v string) string {
	v = word(v)
	if _, rest, ok := strings.Cut(v, "://"); ok {
		v = rest
	}
	return hostName(bare(strings.TrimSuffix(v, "/")))
}

// bare takes user, password and port off the host of a URL.
func bare(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && leadingInt(s[i+1:], 5) > 0 {
		s = s[:i]
	}
	return s
}

// hostName keeps a host name of letters, digits, dots, hyphens and
// underscores, or an address.
func hostName(s string) string {
	if s == "" || len(s) > 253 || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

// operations of AWS that the agent calls and names in its errors.
var operations = []string{
	"RegisterManagedInstance", "RequestManagedInstanceRoleToken", "UpdateManagedInstancePublicKey",
	"UpdateInstanceInformation", "CreateControlChannel", "OpenControlChannel", "CreateDataChannel", "OpenDataChannel",
	"ListInstanceAssociations", "UpdateInstanceAssociationStatus", "GetMessages", "AcknowledgeMessage", "SendReply",
	"FailMessage", "DeleteMessage", "GetDocument", "DescribeDocument", "GetParameters", "PutInventory",
	"PutComplianceItems", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents", "GetEncryptionConfiguration", "PutObject", "Decrypt",
}

// operation is the call that failed: what AWS says was refused, else the
// first one that the text names.
func operation(m string) string {
	if d := denial.Parse(m); d != nil && d.Action != "" {
		if _, name, _ := strings.Cut(d.Action, ":"); len(name) <= 64 {
			return name
		}
	}
	best, found := len(m), ""
	for _, o := range operations {
		if i := strings.Index(m[:best], o); i >= 0 {
			best, found = i, o
		}
	}
	return found
}

// codes of AWS that do not end in "Exception".
var codes = map[string]bool{
	"AccessDenied": true, "AssumeRoleUnauthorizedAccess": true, "EC2RoleRequestError": true, "ExpiredToken": true,
	"InvalidClientTokenId": true, "RequestLimitExceeded": true, "Throttling": true, "InvalidInstanceId": true,
	"MachineFingerprintDoesNotMatch": true, "InstanceAlreadyRegistered": true, "NoSuchBucket": true, "InternalServerError": true,
	"UnauthorizedOperation": true, "SignatureDoesNotMatch": true, "RequestTimeTooSkewed": true, "InvalidDocument": true, "RequestExpired": true,
}

// code is the first code of AWS in the text.
func code(m string) string {
	for len(m) > 0 {
		i := strings.IndexFunc(m, func(r rune) bool { return r >= 'A' && r <= 'Z' })
		if i < 0 {
			return ""
		}
		m = m[i:]
		end := strings.IndexFunc(m, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') })
		if end < 0 {
			end = len(m)
		}
		w := m[:end]
		if codes[w] || len(w) <= 64 && len(w) > len("Exception") && strings.HasSuffix(w, "Exception") {
			return w
		}
		m = m[end:]
	}
	return ""
}

// named are the words behind which the agent names the node that it is.
var named = []string{"for instance: ", "instanceID=", "control-channel/", "channel Id ", "nstance-id: ", "InstanceId: ", "InstanceId ", "instance id ", ":instance/"}

// nodeOf is the node that a message names as the agent's own.
func nodeOf(m []byte) string {
	for at := 0; ; {
		i := bytes.Index(m[at:], []byte("i-"))
		if i < 0 {
			return ""
		}
		i += at
		at = i + 2
		start := i
		if i > 0 && m[i-1] == 'm' {
			start--
		}
		id := nodeID(m[start:])
		if id == "" {
			continue
		}
		for _, n := range named {
			if bytes.HasSuffix(m[:start], []byte(n)) {
				return id
			}
		}
	}
}

// nodeID reads "i-" or "mi-" and 8 or 17 hexadecimal digits.
func nodeID(b []byte) string {
	start := bytes.IndexByte(b, '-') + 1
	end := start
	for end < len(b) && strings.IndexByte("0123456789abcdef", b[end]) >= 0 {
		end++
	}
	if n := end - start; n != 8 && n != 17 {
		return ""
	}
	return string(b[:end])
}

// leadingInt is the number of at most width digits with which s begins.
func leadingInt(s string, width int) int {
	n, i := 0, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if i == width {
			return 0
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}
