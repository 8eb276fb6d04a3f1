package denial

import (
	"strings"
	"testing"
)

func TestBody(t *testing.T) {
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
		if code, message := Body([]byte(body)); code != want[0] || message != want[1] {
			t.Errorf("%s: %q, %q", body, code, message)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"__type":"a#AccessDeniedException","Message":"Signature expired"}`, "<?xml?><Error><Code>A</Code><Message>m</Message></Error>",
		"<AccessDeniedException/>", "<", "<!a><Code></Code>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if code, _ := Body(b); len(code) > 100 || strings.ContainsAny(code, " \n\x1b<") {
			t.Errorf("%q", code)
		}
	})
}
