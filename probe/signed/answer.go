package signed

import (
	"encoding/json"
	"net/http"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// refusal fills f with what AWS says about a call that it did not carry out.
// The message itself is read and not kept: it quotes names of the account.
func refusal(f *fact.Call, h http.Header, body []byte) {
	code, message := parseError(body)
	if name, _, _ := strings.Cut(h.Get("X-Amzn-Errortype"), ":"); name != "" {
		code = codeWord(name)
	}
	if code == "" && f.RequestID != "" { // no body, as after HEAD: the status is all there is
		code = strings.ReplaceAll(http.StatusText(f.HTTPStatus), " ", "")
	}
	f.Code = code
	f.Denial = denial.Parse(message)
	f.Skew = skewed(code, message)
}

// parseError takes code and message out of the body of an error: JSON of the
// services that speak it, XML of the others.
func parseError(body []byte) (code, message string) {
	text := strings.TrimLeft(string(body), " \t\r\n")
	if strings.HasPrefix(text, "{") {
		var e struct {
			Type    string `json:"__type"`
			Code    string `json:"code"`
			Message string `json:"message"` // or Message: names are matched without case
		}
		if json.Unmarshal(body, &e) != nil {
			return "", ""
		}
		if e.Type != "" {
			e.Code = e.Type[strings.LastIndexByte(e.Type, '#')+1:]
		}
		return codeWord(e.Code), e.Message
	}
	if code = codeWord(element(text, "Code")); code == "" {
		code = codeWord(exception(text))
	}
	message = element(text, "Message")
	if message == "" {
		message = element(text, "message")
	}
	return code, message
}

// exception is the name of the outermost element when it is an error's own
// name: ssmmessages answers <AccessDeniedException><Message>.
func exception(text string) string {
	for strings.HasPrefix(text, "<?") || strings.HasPrefix(text, "<!") {
		_, rest, ok := strings.Cut(text, ">")
		if !ok {
			return ""
		}
		text = strings.TrimLeft(rest, " \t\r\n")
	}
	if !strings.HasPrefix(text, "<") {
		return ""
	}
	end := strings.IndexAny(text, " />")
	if end < 0 {
		return ""
	}
	name := text[1:end]
	if strings.HasSuffix(name, "Exception") {
		return name
	}
	return ""
}

// element is the text of the first element of that name which holds text only.
// It is no XML parser: what AWS sends is flat, and all else gives an empty
// string.
func element(text, name string) string {
	_, rest, ok := strings.Cut(text, "<"+name+">")
	if !ok {
		return ""
	}
	inner, _, ok := strings.Cut(rest, "</"+name+">")
	if !ok || strings.ContainsRune(inner, '<') {
		return ""
	}
	return entities.Replace(inner)
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#34;", `"`, "&apos;", "'", "&#39;", "'", "&amp;", "&")

// codeWord is an error code, or empty when s is not one word of a code's
// characters.
func codeWord(s string) string {
	const longest = 100
	for _, c := range []byte(s) {
		ok := c == '.' || c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !ok {
			return ""
		}
	}
	return classify.Clean(s, longest)
}

// skewed tells whether the time of the signature was refused. The JSON services
// put it into the message of a general code, S3 and the query services have
// codes for it (General Reference, "Troubleshooting Signature Version 4", read
// 2026-11).
func skewed(code, message string) bool {
	switch code {
	case "RequestTimeTooSkewed", "RequestExpired":
		return true
	}
	return strings.Contains(message, "Signature expired") || strings.Contains(message, "Signature not yet current")
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
