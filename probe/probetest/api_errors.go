package probetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// requestID is the n-th request id.
func requestID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// What query services and S3 call the errors that JSON services name with
// "Exception" at the end.
var (
	queryCodes = map[string]string{
		"UnrecognizedClientException": "InvalidClientTokenId", "InvalidSignatureException": "SignatureDoesNotMatch",
		"ExpiredTokenException": "ExpiredToken", "ThrottlingException": "Throttling", "AccessDeniedException": "AccessDenied",
		"IncompleteSignatureException": "IncompleteSignature", "MissingAuthenticationTokenException": "MissingAuthenticationToken",
	}
	s3Codes = map[string]string{
		"UnrecognizedClientException": "InvalidAccessKeyId", "InvalidSignatureException": "SignatureDoesNotMatch",
		"ExpiredTokenException": "ExpiredToken", "ThrottlingException": "SlowDown", "AccessDeniedException": "AccessDenied",
		"IncompleteSignatureException": "AccessDenied", "MissingAuthenticationTokenException": "AccessDenied",
		"UnknownOperationException": "MethodNotAllowed",
	}
	// statuses are those that are not what most errors of the protocol have.
	statuses = map[string]int{
		"NoSuchBucket": http.StatusNotFound, "ServerSideEncryptionConfigurationNotFoundError": http.StatusNotFound,
		"MethodNotAllowed": http.StatusMethodNotAllowed, "SlowDown": http.StatusServiceUnavailable,
		"InvalidAction": http.StatusBadRequest, "Throttling": http.StatusBadRequest, "AuthorizationHeaderMalformed": http.StatusBadRequest,
		"DryRunOperationException": http.StatusPreconditionFailed, "UnknownOperationException": http.StatusNotFound,
		"InvalidParameterValue": http.StatusBadRequest, "InvalidRequest": http.StatusBadRequest, "KeyTooLongError": http.StatusBadRequest,
	}
)

// fail is an error in the protocol of the called service. code is the one of
// JSON services.
func (c *call) fail(code, message string) reply {
	switch c.at.service {
	case "sts", "monitoring":
		return c.failQuery(renamed(queryCodes, code), message)
	case "s3":
		return c.failS3(renamed(s3Codes, code), message)
	case "ssmmessages":
		// The root element is the code (agent logs in public issues: awslabs/
		// landing-zone-accelerator-on-aws 330). Its HTTP status is documented
		// nowhere, and the agent takes all but 201 alike: 403 is a guess.
		out := reply{status: status(code, http.StatusForbidden), kind: "application/xml", code: code}
		out.body = "<" + code + ">\n  <Message>" + escapeXML(message) + "</Message>\n</" + code + ">\n"
		return out
	}
	// Services differ in the case of the key; a denial has the capital one.
	key := "message"
	if code == "AccessDeniedException" {
		key = "Message"
	}
	b, err := json.Marshal(map[string]string{"__type": code, key: message})
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return reply{status: status(code, http.StatusBadRequest), kind: "application/x-amz-json-1.1", body: string(b), code: code}
}

func (c *call) failQuery(code, message string) reply {
	return reply{status: status(code, http.StatusForbidden), kind: "text/xml", code: code,
		body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + "</Code><Message>" +
			escapeXML(message) + "</Message></Error><RequestId>" + requestID(0) + "</RequestId></ErrorResponse>"}
}

func (c *call) failS3(code, message string) reply {
	extra := ""
	switch {
	case strings.HasPrefix(message, "The difference between the request time"):
		code = "RequestTimeTooSkewed"
	case strings.HasPrefix(message, "The authorization header is malformed"):
		code, extra = "AuthorizationHeaderMalformed", "<Region>"+c.at.region+"</Region>"
	case code == "InvalidAccessKeyId":
		message = "The AWS Access Key Id you provided does not exist in our records."
	case code == "ExpiredToken":
		message = "The provided token has expired."
	}
	out := reply{status: status(code, http.StatusForbidden), kind: "application/xml", code: code}
	if code == "ExpiredToken" {
		out.status = http.StatusBadRequest
	}
	out.body = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + escapeXML(message) + "</Message>" + extra +
		"<RequestId>" + requestID(0) + "</RequestId><HostId>aG9zdCBpZCBvZiBhIGZha2UgUzM=</HostId></Error>"
	return out
}

func renamed(names map[string]string, code string) string {
	if n, ok := names[code]; ok {
		return n
	}
	return code
}

func status(code string, otherwise int) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return otherwise
}

func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
