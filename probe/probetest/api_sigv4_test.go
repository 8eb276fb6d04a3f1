package probetest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// vector is one of AWS's published examples: what is signed and the signature.
type vector struct {
	name, method, path, query string
	headers                   []string // "Name: value", besides host and X-Amz-Date
	body                      string
	signed                    string
	want                      string
}

const (
	vectorSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	vectorToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

// vectors are figures of the "AWS Signature Version 4 test suite": requests to
// example.amazonaws.com at 2015-08-30 12:36:00 UTC, us-east-1, "service". Paths
// stand as the suite has them, not encoded yet.
var vectors = []vector{
	{"get-vanilla", "GET", "/", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", nil, "", "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", nil, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-query-unreserved", "GET", "/", "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", nil, "", "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-vanilla-utf8-query", "GET", "/", "\u1234=bar", nil, "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", nil, "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-utf8", "GET", "/\u1234", "", nil, "", "host;x-amz-date", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{"get-header-key-duplicate", "GET", "/", "", []string{"My-Header1: value2", "My-Header1: value2", "My-Header1: value1"}, "", "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-order", "GET", "/", "", []string{"My-Header1: value4", "My-Header1: value1", "My-Header1: value3", "My-Header1: value2"}, "", "host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{"get-header-value-trim", "GET", "/", "", []string{"My-Header1:  value1", `My-Header2:  "a   b   c"`}, "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"normalize-path/get-relative", "GET", "/example/..", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"normalize-path/get-relative-relative", "GET", "/example1/example2/../..", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"normalize-path/get-slash", "GET", "//", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"normalize-path/get-slash-dot-slash", "GET", "/./", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"normalize-path/get-slash-pointless-dot", "GET", "/./example", "", nil, "", "host;x-amz-date", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{"normalize-path/get-slashes", "GET", "//example//", "", nil, "", "host;x-amz-date", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
	{"normalize-path/get-space", "GET", "/example space/", "", nil, "", "host;x-amz-date", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
	{"post-vanilla", "POST", "/", "", nil, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-header-key-sort", "POST", "/", "", []string{"My-Header1: value1"}, "", "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", "", []string{"My-Header1: VALUE1"}, "", "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-sts-header-before", "POST", "/", "", []string{"X-Amz-Security-Token: " + vectorToken}, "", "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{"post-sts-header-after", "POST", "/", "", nil, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/", "Param1=value1", nil, "", "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-x-www-form-urlencoded", "POST", "/", "", []string{"Content-Type: application/x-www-form-urlencoded"}, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{"post-x-www-form-urlencoded-parameters", "POST", "/", "", []string{"Content-Type: application/x-www-form-urlencoded; charset=utf8"}, "Param1=value1", "content-type;host;x-amz-date", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
}

func TestPublishedVectors(t *testing.T) {
	a := authorization{date: "20150830", region: "us-east-1", service: "service", terminator: sigTerminator}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			h := http.Header{"X-Amz-Date": {"20150830T123600Z"}}
			for _, line := range v.headers {
				name, value, _ := strings.Cut(line, ":")
				h.Add(name, value)
			}
			canonical := canonicalRequest(v.method, canonicalPath(v.path), v.query, "example.amazonaws.com", h, strings.Split(v.signed, ";"), hashHex([]byte(v.body)))
			if got := signatureOf(vectorSecret, a, "20150830T123600Z", canonical); got != v.want {
				t.Errorf("signature %s, want %s of\n%s", got, v.want, canonical)
			}
		})
	}
}

// noon is the clock of the tests.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func fixedClock() time.Time { return noon }

// signedRequest is a request as the SDK signs it. edit changes it before the
// signature, spoil after it; both may be nil.
func signedRequest(t testing.TB, k APIKeys, service, region, method, url, body string, at time.Time, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	r.RequestURI = ""
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	options := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }
	hash := hashHex([]byte(body))
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	credentials := aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}
	if err := v4.NewSigner(options).SignHTTP(t.Context(), credentials, r, hash, service, region, at); err != nil {
		t.Fatal(err)
	}
	return r
}

// listAssociations is the call that most tests make.
func listAssociations(t testing.TB, k APIKeys, at time.Time) *http.Request {
	t.Helper()
	return signedRequest(t, k, "ssm", "us-east-1", "POST", "https://ssm.us-east-1.amazonaws.com/", `{"InstanceId":"i-0123456789abcdef0"}`, at,
		"X-Amz-Target", "AmazonSSM.ListInstanceAssociations", "Content-Type", "application/x-amz-json-1.1")
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSignatures(t *testing.T) {
	expired := func(o *APIOptions) {
		o.Credentials = []APICredential{{Keys: ProfileKeys, Expires: noon.Add(-time.Minute)}}
	}
	wrongKey, wrongToken, noToken, stranger := ProfileKeys, ProfileKeys, ProfileKeys, ProfileKeys
	wrongKey.Secret += "x"
	wrongToken.Token += "x"
	noToken.Token = ""
	stranger.ID = "ASIASOMEBODYELSE0000"
	call := func(k APIKeys, skew time.Duration, spoil func(*http.Request)) func(t *testing.T) *http.Request {
		return func(t *testing.T) *http.Request {
			r := listAssociations(t, k, noon.Add(skew))
			if spoil != nil {
				spoil(r)
			}
			return r
		}
	}
	scoped := func(service, region string) func(t *testing.T) *http.Request {
		return func(t *testing.T) *http.Request {
			return signedRequest(t, ProfileKeys, service, region, "POST", "https://ssm.us-east-1.amazonaws.com/", "{}", noon, "X-Amz-Target", "AmazonSSM.ListInstanceAssociations")
		}
	}
	tests := []struct {
		name    string
		options func(*APIOptions)
		request func(*testing.T) *http.Request
		status  int
		says    string
	}{
		{"right", nil, call(ProfileKeys, 0, nil), 200, `{"Associations":[]}`},
		{"four minutes behind", nil, call(ProfileKeys, -4*time.Minute, nil), 200, "Associations"},
		{"six minutes behind", nil, call(ProfileKeys, -6*time.Minute, nil), 400,
			`"Signature expired: 20261121T115400Z is now earlier than 20261121T115500Z (20261121T120000Z - 5 min.)"`},
		{"six minutes ahead", nil, call(ProfileKeys, 6*time.Minute, nil), 400,
			`"Signature not yet current: 20261121T120600Z is still later than 20261121T120500Z (20261121T120000Z + 5 min.)"`},
		{"wrong key", nil, call(wrongKey, 0, nil), 400, `InvalidSignatureException","message":"The request signature we calculated`},
		{"changed body", nil, call(ProfileKeys, 0, func(r *http.Request) {
			r.Body = http.NoBody
		}), 400, "InvalidSignatureException"},
		{"changed header", nil, call(ProfileKeys, 0, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "AmazonSSM.UpdateInstanceInformation")
		}), 400, "InvalidSignatureException"},
		{"changed path", nil, call(ProfileKeys, 0, func(r *http.Request) { r.URL.Path = "/other" }), 400, "InvalidSignatureException"},
		{"changed query", nil, call(ProfileKeys, 0, func(r *http.Request) { r.URL.RawQuery = "a=b" }), 400, "InvalidSignatureException"},
		{"header not signed", nil, call(ProfileKeys, 0, func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }), 400, "not signed: x-amz-extra"},
		{"wrong Region", nil, scoped("ssm", "eu-west-1"), 400, "Credential should be scoped to a valid Region."},
		{"wrong service", nil, scoped("ec2messages", "us-east-1"), 400, "Credential should be scoped to correct service: 'ssm'."},
		{"wrong day", nil, call(ProfileKeys, 0, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/20261121/", "/20261120/", 1))
		}), 400, "Date in Credential scope does not match"},
		{"wrong terminator", nil, call(ProfileKeys, 0, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "aws4_request", "aws5_request", 1))
		}), 400, "valid terminator"},
		{"half an Authorization", nil, call(ProfileKeys, 0, func(r *http.Request) { r.Header.Set("Authorization", sigAlgorithm+" Credential=x") }), 400, "IncompleteSignatureException"},
		{"no date", nil, call(ProfileKeys, 0, func(r *http.Request) { r.Header.Del("X-Amz-Date") }), 400, "IncompleteSignatureException"},
		{"missing token", nil, call(noToken, 0, nil), 400, "UnrecognizedClientException"},
		{"wrong token", nil, call(wrongToken, 0, nil), 400, "UnrecognizedClientException"},
		{"unknown key", nil, call(stranger, 0, nil), 400, `UnrecognizedClientException","message":"The security token included in the request is invalid."`},
		{"expired token", expired, call(ProfileKeys, 0, nil), 400, `ExpiredTokenException","message":"The security token included in the request is expired"`},
		{"Region not enabled", func(o *APIOptions) { o.OptedOut = true }, call(ProfileKeys, 0, nil), 400, "UnrecognizedClientException"},
		{"throttled", func(o *APIOptions) { o.Throttle = []string{"ssm:*"} }, call(ProfileKeys, 0, nil), 400, `ThrottlingException","message":"Rate exceeded"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := APIOptions{Now: fixedClock}
			if tt.options != nil {
				tt.options(&o)
			}
			w := do(NewAPI(o), tt.request(t))
			if w.Code != tt.status || !strings.Contains(strings.ReplaceAll(w.Body.String(), "\\u0026", "&"), tt.says) {
				t.Errorf("status %d, body %s", w.Code, w.Body)
			}
			if requestIDOf(w) == "" || w.Header().Get("Date") != "Sat, 21 Nov 2026 12:00:00 GMT" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// TestSignsAnyPath holds the verifier against the SDK's signer for paths and
// queries that have to be encoded. That signer leaves dot segments and empty ones
// as they are, so those are the vectors' alone.
func TestSignsAnyPath(t *testing.T) {
	api := NewAPI(APIOptions{Now: fixedClock, Buckets: map[string]APIBucket{}})
	for _, url := range []string{
		"https://ssmmessages.us-east-1.amazonaws.com/v1/control-channel/i-0123456789abcdef0",
		"https://ssmmessages.us-east-1.amazonaws.com/v1/control-channel/a%20b%2Fc/d?x=%2B%20y&b&a=1&a=0",
	} {
		r := signedRequest(t, ProfileKeys, "ssmmessages", "us-east-1", "POST", url, "{}", noon)
		if w := do(api, r); strings.Contains(w.Body.String(), "Signature") {
			t.Errorf("%s: %s", url, w.Body)
		}
	}
	for _, url := range []string{"https://s3.us-east-1.amazonaws.com/b/a%20b/../c?encryption=", "https://s3.us-east-1.amazonaws.com/b//c"} {
		r := signedRequest(t, ProfileKeys, "s3", "us-east-1", "GET", url, "", noon)
		if w := do(api, r); strings.Contains(w.Body.String(), "SignatureDoesNotMatch") {
			t.Errorf("%s: %s", url, w.Body)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	f.Add(sigAlgorithm+" Credential=A/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "/a/../b", "a=b&%zz")
	f.Add("", "", "")
	f.Add(sigAlgorithm+" Credential=////, SignedHeaders=;, Signature==", "//..//", "&&=&")
	f.Fuzz(func(t *testing.T, header, path, query string) {
		if a, ok := parseAuthorization(header); ok && (a.accessKey == "" || len(a.signedHeaders) == 0) {
			t.Errorf("%q is taken as %+v", header, a)
		}
		if p := canonicalPath(path); !strings.HasPrefix(p, "/") || strings.Contains(p, "//") {
			t.Errorf("%q becomes %q", path, p)
		}
		if q := canonicalQuery(query); bytes.ContainsAny([]byte(q), " \n") {
			t.Errorf("%q becomes %q", query, q)
		}
	})
}
