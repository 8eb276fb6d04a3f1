package signed

import (
	"net/http"
	"strings"

	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// refusal fills f with what AWS says about a call that it did not carry out.
// The message itself is read and not kept: it quotes names of the account.
func refusal(f *fact.Call, h http.Header, body []byte) {
	code, message := denial.Body(body)
	if name, _, _ := strings.Cut(h.Get("X-Amzn-Errortype"), ":"); name != "" {
		code = denial.Code(name)
	}
	if code == "" && f.RequestID != "" { // no body, as after HEAD: the status is all there is
		code = strings.ReplaceAll(http.StatusText(f.HTTPStatus), " ", "")
	}
	f.Code = code
	f.Denial = denial.Parse(message)
	f.Skew = denial.Skewed(code, message)
}

// refused tells whether a call was answered by a denial, which is remembered.
// A code alone is no guide to the layer, but all of these mean "not allowed".
func refused(f *fact.Call) bool {
	if f.RequestID == "" || f.Skew {
		return false // not AWS's word, or not about permissions
	}
	switch f.Code {
	case "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException":
		return true
	}
	return f.Denial != nil
}
