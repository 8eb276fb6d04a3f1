package signed

import (
	"net/http"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
)

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
