package diagnose

import (
	"net/netip"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

// What the user chose by a flag or a variable is what the words speak of.

func TestWordsNameTheResolverOfTheFlag(t *testing.T) {
	w := healthy()
	own := newView(w.Set).configured()
	w.Resolver.Override = []netip.AddrPort{netip.MustParseAddrPort("10.9.9.9:53")}
	if got := newView(w.Set).configured(); got != "10.9.9.9 (--resolver)" {
		t.Errorf("the server that was asked is called %q; without the flag it is %q", got, own)
	}
}

func TestWordsNameTheMetadataEndpointOfTheVariable(t *testing.T) {
	w := healthy()
	w.IMDS = fact.IMDS{Endpoint: "http://10.1.2.3:80"}
	w.IMDS.Token.Outcome = failed(fact.Refused, ms)
	w.IMDS.V1.Outcome = failed(fact.Refused, ms)
	f := Run(w.Set, Options{}).Causes[0]
	if !strings.Contains(f.Summary, "10.1.2.3") || !strings.Contains(f.Action.Do, "AWS_EC2_METADATA_SERVICE_ENDPOINT") {
		t.Errorf("%s: %q, %q", f.Code, f.Summary, f.Action.Do)
	}
	w.IMDS.Endpoint = "http://169.254.169.254"
	if f := Run(w.Set, Options{}).Causes[0]; strings.Contains(f.Action.Do, "AWS_EC2") {
		t.Errorf("the variable is blamed though it was not set: %q", f.Action.Do)
	}
}

func TestHeadlineNamesWhatWasAccepted(t *testing.T) {
	w := healthy()
	for _, a := range w.Answers {
		if a.Name == host("ssmmessages") {
			for _, at := range a.Addrs {
				w.silent(at.String())
			}
		}
	}
	broken := Run(w.Set, Options{})
	if broken.Status != Broken {
		t.Fatalf("the fault does not fire: %s", outline(broken))
	}
	v := Run(w.Set, Options{Ignore: []Code{broken.Causes[0].Code}})
	if v.Status == Broken || !strings.Contains(v.Headline, string(broken.Causes[0].Code)) {
		t.Errorf("%s: headline %q hides what was accepted", v.Status, v.Headline)
	}
}
