package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vpcdoctor/probe/fact"
)

// Endpoint is a custom PrivateLink service or any other host the user wants
// to be reached from here.
type Endpoint struct {
	Name    string // the user's word for it: "billing"
	Host    string // name or IP literal
	Port    uint16
	TLSName string // certificate name, when it is not Host
	Plain   bool   // TCP only
	CIDR    string // block the answer is expected in
	AZs     int    // addresses expected, one per zone; 0: any number
}

// ParseEndpoint reads name=host[:port], as --endpoint takes it, with what the
// configuration file can say of an endpoint after it:
// billing=vpce.example:8443,cidr=10.8.0.0/16,azs=3,tls-name=pay.example,plain.
// The port is 443 when it is not given.
func ParseEndpoint(s string) (Endpoint, error) {
	where, more, _ := strings.Cut(s, ",")
	name, rest, ok := strings.Cut(where, "=")
	if !ok || name == "" || rest == "" {
		return Endpoint{}, fmt.Errorf("endpoint %q: want name=host or name=host:port", s)
	}
	host, port, err := splitHostPort(rest)
	if err != nil {
		return Endpoint{}, fmt.Errorf("endpoint %q: %w", s, err)
	}
	e := Endpoint{Name: name, Host: host, Port: port}
	for more != "" {
		var word string
		word, more, _ = strings.Cut(more, ",")
		if err := e.set(word); err != nil {
			return Endpoint{}, fmt.Errorf("endpoint %q: %w", s, err)
		}
	}
	return e, e.Check()
}

// set takes one word that follows name=host.
func (e *Endpoint) set(word string) error {
	key, value, _ := strings.Cut(word, "=")
	switch {
	case word == "plain":
		e.Plain = true
		return nil
	case value == "":
	case key == "cidr":
		e.CIDR = value
		return nil
	case key == "tls-name":
		e.TLSName = strings.TrimSuffix(value, ".")
		return nil
	case key == "azs":
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return fmt.Errorf("azs is a number from 1 to %d", MaxAddresses)
		}
		e.AZs = int(n)
		return nil
	}
	return fmt.Errorf("%q: want cidr=BLOCK, azs=NUMBER, tls-name=NAME or plain", word)
}

// Check tells what is wrong with an endpoint, if anything.
func (e Endpoint) Check() error {
	switch {
	case !validLabel(e.Name):
		return fmt.Errorf("endpoint name %q: want letters, digits and hyphens", e.Name)
	case !validHost(e.Host):
		return fmt.Errorf("endpoint %s: %q is not a host name", e.Name, e.Host)
	case e.TLSName != "" && !validHost(e.TLSName):
		return fmt.Errorf("endpoint %s: tls_name %q is not a host name", e.Name, e.TLSName)
	case e.Port == 0:
		return fmt.Errorf("endpoint %s: port 0 cannot be dialled", e.Name)
	case e.Plain && e.TLSName != "":
		return fmt.Errorf("endpoint %s: tls_name %s and plain exclude each other", e.Name, e.TLSName)
	case e.Port == 25:
		return fmt.Errorf("endpoint %s: port 25 is never dialled (EC2 blocks it, and mail servers log it as abuse)", e.Name)
	}
	if e.AZs < 0 || e.AZs > MaxAddresses {
		return fmt.Errorf("endpoint %s: azs %d: want 1 to %d, or 0 for any number", e.Name, e.AZs, MaxAddresses)
	}
	if e.CIDR != "" {
		if _, err := netip.ParsePrefix(e.CIDR); err != nil {
			return fmt.Errorf("endpoint %s: cidr %q is not a block such as 10.0.0.0/16", e.Name, e.CIDR)
		}
	}
	return nil
}

// Target is the endpoint as a target of the run. What the user named is
// required: a report that called a dead custom endpoint healthy would be no use.
func (e Endpoint) Target() fact.Target {
	return fact.Target{
		ID: e.Name, Title: e.Name, Type: "Custom", Host: strings.ToLower(e.Host), TLSName: e.TLSName,
		Ports: []fact.Port{{Number: e.Port, TLS: !e.Plain}}, Need: fact.NeedRequired,
		PrivateDNS: "unknown", Confidence: "exact", Availability: "documented", Origin: "flag", CIDR: e.CIDR, AZs: e.AZs,
	}
}

func splitHostPort(s string) (host string, port uint16, err error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String(), 443, nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return strings.TrimSuffix(s, "."), 443, nil
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return "", 0, errors.New("the port is not a number from 1 to 65535")
	}
	return strings.TrimSuffix(strings.Trim(s[:i], "[]"), "."), uint16(n), nil
}

// validHost tells whether s can be a DNS name or an IP literal. Underscores
// are let through: private zones use them.
func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for l := range strings.SplitSeq(s, ".") {
		if !validLabel(l) {
			return false
		}
	}
	return true
}

func validLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for _, c := range []byte(l) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
