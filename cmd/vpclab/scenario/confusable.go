package scenario

// Confusable is a set of causes that look the same to a program that just
// connects. vpcdoctor tells them apart, or says that it cannot: then one
// finding carries the others as alternatives, with the call that decides.
//
// Source: field guide B.18 and its neighbours in B.2 to B.15.
type Confusable struct {
	Name  string
	Looks string // what the plain program sees, in each of the scenarios
	Cases []Case
}

// Case is one scenario of a set and what is found there.
type Case struct {
	Scenario   string
	Code       string // of the first cause; empty: healthy, with no cause above info
	Confidence string
	Or         []string // alternatives that the finding must name
}

// What a plain program sees.
const (
	NameSilent  = "the name cannot be resolved: no answer"
	NameAbsent  = "the name does not exist"
	Silent      = "connect times out"
	Refused     = "connect is refused"
	Unreachable = "network is unreachable"
	Stalls      = "the TLS handshake stalls"
	Cut         = "the TLS handshake is cut off"
	Untrusted   = "the certificate is refused"
	DateOff     = "the Date of the answers is not ours"
	NoMetadata  = "no metadata"
	Forbidden   = "S3 answers 403"
	Offline     = "the agent holds no connection: the console says ConnectionLost"
	Denied      = "AccessDenied"
	Works       = "it works"
)

// Confusables is every set.
func Confusables() []Confusable {
	return []Confusable{{
		Name: "no private answer", Looks: Silent, Cases: []Case{
			{"no-endpoints", "DN-02", "likely", []string{"RT-01", "DN-01", "DN-03"}},
			{"private-dns-off", "DN-02", "likely", []string{"DN-01", "RT-01"}},
			{"dns-hostnames-off", "DN-02", "likely", []string{"DN-01", "DN-03"}},
			{"hub-zone-missing", "DN-13", "likely", nil},
			{"ssmmessages-missing", "EP-01", "likely", []string{"DN-01"}},
			{"custom-dns-public", "DN-05", "likely", nil},
			{"stub-cache-public", "DN-23", "likely", []string{"DN-18"}},
		},
	}, {
		Name: "every public address is silent", Looks: Silent, Cases: []Case{
			{"no-endpoints", "DN-02", "likely", []string{"RT-01"}},
			{"nat-failed", "DN-02", "likely", []string{"RT-01", "FW-01"}},
			{"igw-no-public-ip", "DN-02", "likely", []string{"RT-14"}},
			{"gwlb-dead", "DN-02", "likely", []string{"FW-01", "RT-01"}},
		},
	}, {
		Name: "every private address is silent", Looks: Silent, Cases: []Case{
			{"egress-closed", "SG-01", "likely", nil},
			{"endpoint-sg-all", "SG-02", "likely", []string{"SG-01"}},
			{"nacl-out", "SG-06", "likely", nil},
			{"nacl-ports-in", "SG-07", "proved", nil},
			{"nacl-other-az", "SG-08", "likely", []string{"SG-06"}},
			{"nacl-third-subnet", "SG-08", "likely", nil},
			{"hub-no-route", "RT-04", "likely", nil},
			{"docker-overlap", "RT-06", "likely", nil},
			{"local-drop", "OS-01", "proved", nil},
		},
	}, {
		Name: "one service is silent", Looks: Silent, Cases: []Case{
			{"endpoint-sg-one", "SG-02", "likely", []string{"EP-03"}},
			{"custom-pending", "SG-02", "likely", []string{"EP-03"}},
			{"stale-zone-elsewhere", "SG-02", "likely", []string{"DN-10"}},
			{"hosts-stale-stub", "DN-15", "proved", nil},
			{"stub-stale", "DN-18", "likely", []string{"DN-19"}},
			{"stub-cache-stale", "DN-19", "likely", []string{"DN-18"}},
			{"server-stale", "DN-05", "likely", nil},
			{"custom-az-silent", "PL-05", "likely", []string{"RT-08", "SG-08"}},
		},
	}, {
		Name: "S3 is silent", Looks: Silent, Cases: []Case{
			{"s3-route-missing", "GW-01", "likely", []string{"GW-02"}},
			{"s3-egress-missing", "GW-01", "likely", []string{"GW-02"}},
			{"s3-interface-closed", "SG-02", "likely", nil},
		},
	}, {
		Name: "S3 refuses public objects", Looks: Forbidden, Cases: []Case{
			{"s3-policy", "GW-05", "possible", []string{"SV-01"}},
			{"s3-policy-nat", "GW-05", "possible", []string{"SV-01"}},
			{"s3-nat-refused", "", "", nil},
		},
	}, {
		Name: "the network is unreachable", Looks: Unreachable, Cases: []Case{
			{"no-default-route", "RT-02", "likely", nil},
			{"ipv6-only-v4-names", "V6-02", "likely", nil},
		},
	}, {
		Name: "the connection is refused", Looks: Refused, Cases: []Case{
			{"local-reject", "OS-01", "likely", nil},
			{"custom-closed", "PL-06", "likely", nil},
			{"wrong-address", "RT-08", "likely", nil},
			{"custom-one-az", "PL-05", "likely", []string{"RT-08"}},
			{"public-all-reset", "EP-16", "possible", []string{"FW-01"}},
		},
	}, {
		Name: "no answer to the TLS greeting", Looks: Stalls, Cases: []Case{
			{"mtu-hole-out", "TL-07", "proved", nil},
			{"mtu-hole-in", "TL-07", "proved", nil},
			{"split-hello", "FW-03", "proved", nil},
			{"sni-drop", "FW-02", "proved", nil},
			{"hello-swallowed", "TL-14", "likely", nil},
		},
	}, {
		Name: "the TLS greeting is cut off", Looks: Cut, Cases: []Case{
			{"sni-reset", "FW-02", "proved", nil},
			{"hello-reset", "FW-05", "likely", nil},
			{"custom-reset", "PL-06", "likely", nil},
		},
	}, {
		Name: "an x509 error", Looks: Untrusted, Cases: []Case{
			{"tls-intercept", "TL-01", "proved", nil},
			{"tls-intercept-one", "FW-04", "proved", nil},
			{"store-lacks-root", "TL-02", "likely", nil},
			{"clock-ahead", "TL-03", "proved", nil},
			{"clock-behind", "TL-03", "proved", nil},
			{"certificate-expired", "TL-13", "likely", nil},
			{"certificate-early", "TL-13", "likely", nil},
			{"wrong-certificate", "TL-04", "likely", nil},
			{"custom-certificate", "PL-04", "likely", nil},
		},
	}, {
		Name: "the clocks differ", Looks: DateOff, Cases: []Case{
			{"clock-skew", "IA-16", "likely", nil},
			{"clock-skew-alone", "IA-16", "likely", nil},
			{"date-lies", "", "", nil},
			{"clock-refused", "IA-16", "likely", nil},
			{"clock-ahead", "TL-03", "proved", nil},
		},
	}, {
		Name: "the name does not exist", Looks: NameAbsent, Cases: []Case{
			{"parent-zone", "DN-11", "likely", nil},
			{"dns-firewall-nxdomain", "DN-22", "likely", nil},
			{"name-absent", "DN-31", "likely", nil},
			{"custom-name-missing", "PL-03", "likely", []string{"DN-31"}},
			{"custom-zonal-gone", "DN-28", "possible", []string{"EP-03"}},
		},
	}, {
		Name: "no answer to a DNS question", Looks: NameSilent, Cases: []Case{
			{"dns-support-off", "DN-04", "likely", nil},
			{"custom-dns-dead", "DN-07", "likely", nil},
			{"resolver-limit", "DN-21", "possible", nil},
			{"local-drop-dns", "OS-01", "likely", nil},
		},
	}, {
		Name: "no metadata", Looks: NoMetadata, Cases: []Case{
			{"imds-disabled", "IM-01", "proved", nil},
			{"imds-hop-limit", "IM-03", "likely", []string{"IM-04"}},
			{"imds-proxy-page", "IM-06", "likely", nil},
			{"imds-local-reject", "IM-04", "likely", nil},
			{"imds-local-drop", "IM-04", "likely", nil},
			{"imds-silent", "IM-13", "likely", []string{"IM-04", "IM-03", "IM-12"}},
			{"imds-stale-route", "IM-05", "likely", nil},
			{"ipv6-only-no-imds", "IM-09", "likely", []string{"IM-04"}},
		},
	}, {
		Name: "it works, and connects stall at first", Looks: Works, Cases: []Case{
			{"ipv6-group-v4", "V6-05", "likely", []string{"V6-01"}},
			{"ipv6-route-missing", "V6-01", "likely", []string{"V6-05"}},
			{"first-dns-dead", "DN-07", "likely", nil},
			{"dual-stack", "", "", nil},
		},
	}, {
		Name: "the node is offline", Looks: Offline, Cases: []Case{
			{"agent-stopped", "AG-02", "proved", nil},
			{"agent-loop-mended", "AG-02", "likely", nil},
			{"agent-sleeps", "AG-04", "likely", nil},
			{"agent-sleeps-network", "AG-04", "likely", nil},
			{"agent-hibernates", "AG-04", "likely", nil},
			{"agent-redials", "AG-04", "likely", nil},
			{"agent-trapped", "SG-02", "likely", []string{"EP-03"}},
			{"agent-early", "AG-16", "likely", nil},
			{"agent-no-worker", "AG-20", "likely", nil},
			{"websocket-blocked", "FW-08", "likely", nil},
		},
	}, {
		Name: "AWS refuses the agent", Looks: Denied, Cases: []Case{
			{"role-without-ssm", "IA-02", "likely", nil},
			{"role-other-partition", "IA-02", "likely", []string{"IA-17"}},
			{"role-terse", "IA-02", "possible", []string{"EP-08", "IA-09"}},
			{"role-without-channel", "IA-03", "likely", nil},
			{"role-deny", "IA-19", "likely", nil},
			{"endpoint-policy-forgets", "EP-08", "likely", nil},
			{"scp-region", "IA-09", "likely", nil},
			{"boundary", "IA-10", "likely", nil},
			{"perimeter-public", "IA-11", "likely", []string{"IA-19"}},
			{"perimeter-proxy", "IA-12", "likely", nil},
			{"role-minimal", "", "", nil},
		},
	}, {
		Name: "sessions are sluggish or die", Looks: Works, Cases: []Case{
			{"session-key-unreachable", "DN-02", "likely", []string{"DN-01"}}, // which explains SM-02
			{"session-key-elsewhere", "SM-12", "likely", nil},
			{"session-bucket-plain", "SM-04", "proved", nil},
			{"session-bucket-unreachable", "GW-01", "likely", []string{"GW-02"}}, // which explains SM-04
			{"session-logs-unreachable", "DN-02", "likely", []string{"DN-01"}},   // which explains SM-05
			{"session-defaults", "", "", nil},
		},
	}}
}
