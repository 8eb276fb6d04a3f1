package trust

import (
	_ "embed"
	"encoding/hex"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The reference set is the Mozilla root program as golang.org/x/crypto ships
// it. That bundle has Amazon Root CA 1 to 4 and Starfield Services Root CA G2;
// TestEmbedded fails if a later one drops them. Added here are the roots that
// AWS has used or announced and that the bundle does not have:
//
//   - Starfield Class 2, the oldest anchor under which AWS certificates were
//     cross-signed; the bytes are those of Debian's ca-certificates 20230311.
//   - Amazon ECDSA 256 Root EU M1 of the European Sovereign Cloud, as listed in
//     the CCADB inclusion requests.
//
// The other two EU roots (Amazon RSA 2048 Root EU M1, Amazon ECDSA 384 Root EU
// M1) are not embedded: their bytes could not be had and checked when this was
// written (2026-11). Amazon Trust Services states that Sovereign Cloud servers
// present them cross-signed by Amazon Root CA 1, 3 and 4
// (amazontrust.com/repository), so such chains verify without them.

//go:embed roots/starfield-class-2.pem
var starfieldClass2 []byte

//go:embed roots/amazon-ecdsa-256-root-eu-m1.pem
var amazonECDSA256EU []byte

// amazonRoots are the roots that AWS asks every custom trust store to have
// (amazontrust.com/repository, 2026-11), by SHA-256 of the certificate.
// Starfield Class 2 and the EU roots are not among them: their absence from a
// store is normal.
var amazonRoots = []struct{ name, sha256 string }{
	{"Amazon Root CA 1", "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"},
	{"Amazon Root CA 2", "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4"},
	{"Amazon Root CA 3", "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4"},
	{"Amazon Root CA 4", "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092"},
	{"Starfield Services Root Certificate Authority - G2", "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5"},
}

func embedded() *set {
	s := newSet()
	for r := range bundle.Roots() {
		s.add(r.Certificate, r.Constraint)
	}
	s.addPEM(starfieldClass2)
	s.addPEM(amazonECDSA256EU)
	return s
}

// missingAmazon names the Amazon roots that a set lacks.
func missingAmazon(s *set) []string {
	var missing []string
	for _, a := range amazonRoots {
		sum, err := hex.DecodeString(a.sha256)
		if err != nil || len(sum) != 32 {
			continue // a test guards the table
		}
		if !s.sums[[32]byte(sum)] {
			missing = append(missing, a.name)
		}
	}
	return missing
}
