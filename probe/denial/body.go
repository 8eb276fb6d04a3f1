package denial

import (
	"encoding/json"
	"strings"

	"vpcdoctor/probe/classify"
)

// Body takes code and message out of the body of an error: JSON of the
// services that speak it, XML of the others.
func Body(body []byte) (code, message string) {
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
		return Code(e.Code), e.Message
	}
	if code = Code(Element(text, "Code")); code == "" {
		code = Code(exception(text))
	}
	message = Element(text, "Message")
	if message == "" {
		message = Element(text, "message")
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

// Element is the text of the first element of that name which holds text only.
// It is no XML parser: what AWS sends is flat, and all else gives an empty
// string.
func Element(text, name string) string {
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

// Code is an error code, or empty when s is not one word of a code's
// characters.
func Code(s string) string {
	const longest = 100
	for _, c := range []byte(s) {
		ok := c == '.' || c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !ok {
			return ""
		}
	}
	return classify.Clean(s, longest)
}

// Skewed tells whether the time of the signature was refused. The JSON services
// put it into the message of a general code, S3 and the query services have
// codes for it (General Reference, "Troubleshooting Signature Version 4", read
// 2026-11).
func Skewed(code, message string) bool {
	switch code {
	case "RequestTimeTooSkewed", "RequestExpired":
		return true
	}
	return strings.Contains(message, "Signature expired") || strings.Contains(message, "Signature not yet current")
}
