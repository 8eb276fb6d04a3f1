package signed

import (
	"net/http"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

func TestParseError(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"__type":"AccessDeniedException","Message":"m"}`:               {"AccessDeniedException", "m"},
		`{"__type":"com.amazonaws.ssm#InvalidInstanceId","message":"m"}`: {"InvalidInstanceId", "m"},
		` {"code":"Throttling"}`:                                         {"Throttling", ""},
		`{"__type":"a b"}`:                                               {"", ""},
		`{"__type":`:                                                     {"", ""},
		`<AccessDeniedException><Message>a &quot;b&quot; &amp;lt;</Message></AccessDeniedException>`:                   {"AccessDeniedException", `a "b" &lt;`},
		"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>m</Message></Error>":                        {"NoSuchBucket", "m"},
		`<ErrorResponse xmlns="x"><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>m</Message></Error></E>`: {"ExpiredToken", "m"},
		`<html><body>blocked</body></html>`: {"", ""},
		`<Message>a<b>c</b></Message>`:      {"", ""},
		`<?`:                                {"", ""},
		``:                                  {"", ""},
	} {
		if code, message := parseError([]byte(body)); code != want[0] || message != want[1] {
			t.Errorf("%s: %q, %q", body, code, message)
		}
	}
}

func TestRefusal(t *testing.T) {
	f := fact.Call{HTTPStatus: 400, RequestID: "a"}
	h := http.Header{"X-Amzn-Errortype": {"AccessDeniedException:http://internal.amazon.com/coral/"}}
	refusal(&f, h, []byte(`{"Message":"User: arn:aws:sts::1:assumed-role/r/i is not authorized to perform: ssm:X because no VPC endpoint policy allows the ssm:X action"}`))
	if f.Code != "AccessDeniedException" || f.Denial == nil || f.Denial.Layer != fact.LayerEndpoint || !refused(&f) {
		t.Errorf("%+v", f)
	}
	f = fact.Call{HTTPStatus: 403, RequestID: "a"}
	refusal(&f, http.Header{}, []byte(`<Error><Code>RequestTimeTooSkewed</Code></Error>`))
	if !f.Skew || refused(&f) {
		t.Errorf("%+v", f)
	}
}

func FuzzParseError(f *testing.F) {
	for _, s := range []string{
		`{"__type":"a#AccessDeniedException","Message":"Signature expired"}`, "<?xml?><Error><Code>A</Code><Message>m</Message></Error>",
		"<AccessDeniedException/>", "<", "<!a><Code></Code>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := fact.Call{HTTPStatus: 400}
		refusal(&c, http.Header{}, b)
		if len(c.Code) > 100 || strings.ContainsAny(c.Code, " \n\x1b<") {
			t.Errorf("%q", c.Code)
		}
	})
}
