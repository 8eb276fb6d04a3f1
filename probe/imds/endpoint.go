package imds

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxEndpoint bounds the endpoint's text: a host name has at most 253 bytes.
const maxEndpoint = 300

// CheckEndpoint refuses a value of AWS_EC2_METADATA_SERVICE_ENDPOINT that
// nothing could be sent to. Its errors name the variable, not the value.
func CheckEndpoint(text string) error {
	_, err := parseEndpoint(text)
	return err
}

// parseEndpoint takes http://host[:port] with an optional final slash, as the
// AWS SDKs document it for AWS_EC2_METADATA_SERVICE_ENDPOINT. Its errors never
// repeat the text, which may carry a password.
func parseEndpoint(text string) (*url.URL, error) {
	const name = "AWS_EC2_METADATA_SERVICE_ENDPOINT: "
	if len(text) > maxEndpoint {
		return nil, errors.New(name + "too long")
	}
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, errors.New(name + "not a URL")
	case u.Scheme != "http":
		return nil, errors.New(name + "want http://host[:port]")
	case u.User != nil:
		return nil, errors.New(name + "a user name or password has no place here")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "":
		return nil, errors.New(name + "want http://host[:port] without a path")
	case !validHost(u.Hostname()):
		return nil, errors.New(name + "not a host name or address")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, errors.New(name + "not a port")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, errors.New(name + "not a port")
	}
	return &url.URL{Scheme: "http", Host: u.Host}, nil
}

// validHost tells whether h is an address or a host name in ASCII.
func validHost(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return true
	}
	return h != "" && len(h) <= 253 && strings.Trim(h, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}
