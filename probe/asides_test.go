package probe

import (
	"net/netip"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestWaysToS3(t *testing.T) {
	const elsewhere = "s3.cn-northwest-1.amazonaws.com.cn"
	refused := fact.Object{Outcome: fact.Outcome{Status: fact.OK}, HTTPStatus: 403, Addr: netip.MustParseAddrPort("54.222.1.5:443")}
	fine, silent, listed := refused, refused, refused
	fine.HTTPStatus = 200
	silent.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Timeout}
	listed.Outcome = fact.Skip("not asked")
	for _, tt := range []struct {
		name    string
		object  fact.Object
		class   fact.AddrClass
		private bool
		regions []string
		want    string
	}{
		{"refused on a public way", refused, fact.PublicAWS, false, chinaRegions, elsewhere},
		{"refused by an interface endpoint", refused, fact.OwnVPC, false, chinaRegions, ""},
		{"given", fine, fact.PublicAWS, false, chinaRegions, ""},
		{"no answer", silent, fact.PublicAWS, false, chinaRegions, ""},
		{"not asked", listed, fact.PublicAWS, false, chinaRegions, ""},
		{"--require-private", refused, fact.PublicAWS, true, chinaRegions, ""},
		{"a partition of one Region", refused, fact.PublicAWS, false, chinaRegions[:1], ""},
	} {
		s := newScene()
		s.Run.Private = tt.private
		s.Objects = []fact.Object{tt.object}
		s.Addresses = []fact.Address{{Addr: tt.object.Addr.Addr(), Class: tt.class}}
		here, there := waysToS3(&s.Set, tt.regions)
		if there != tt.want || here.IsValid() != (tt.want != "") {
			t.Errorf("%s: %v, %q", tt.name, here, there)
		}
	}
}
