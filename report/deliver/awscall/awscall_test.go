package awscall

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// TestHostsAreTheSDKs holds our host names against those of the SDK's rules.
func TestHostsAreTheSDKs(t *testing.T) {
	resolver := cloudwatchlogs.NewDefaultEndpointResolverV2()
	for _, p := range []Place{
		{Region: "us-east-1"}, {Region: "us-east-1", FIPS: true}, {Region: "us-east-1", DualStack: true}, {Region: "us-west-2", FIPS: true, DualStack: true},
		{Region: "cn-north-1", Suffix: "amazonaws.com.cn", DualStackSuffix: "api.amazonwebservices.com.cn"},
		{Region: "cn-northwest-1", Suffix: "amazonaws.com.cn", DualStackSuffix: "api.amazonwebservices.com.cn", DualStack: true},
		{Region: "us-gov-west-1"}, {Region: "us-gov-west-1", FIPS: true}, {Region: "us-gov-east-1", FIPS: true, DualStack: true},
		{Region: "eusc-de-east-1", Suffix: "amazonaws.eu", DualStackSuffix: "api.amazonwebservices.eu"},
	} {
		got, err := resolver.ResolveEndpoint(t.Context(), cloudwatchlogs.EndpointParameters{Region: &p.Region, UseFIPS: &p.FIPS, UseDualStack: &p.DualStack})
		if err != nil || got.URI.Host != p.Host("logs") {
			t.Errorf("%+v: the SDK has %s (%v), we have %s", p, got.URI.Host, err, p.Host("logs"))
		}
	}
	for p, want := range map[Place]string{
		{Region: "us-east-1"}:                              "s3.us-east-1.amazonaws.com",
		{Region: "us-gov-west-1", FIPS: true}:              "s3-fips.us-gov-west-1.amazonaws.com",
		{Region: "us-east-1", FIPS: true, DualStack: true}: "s3-fips.dualstack.us-east-1.amazonaws.com",
	} {
		if got := p.Host("s3"); got != want {
			t.Errorf("%+v: %s, want %s", p, got, want)
		}
	}
}

// TestRetryKeepsToTheDeadline in a bubble of time: attempts stay apart by
// jittered pauses that grow, and none begins that the deadline would cut.
func TestRetryKeepsToTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start, last, n := time.Now(), time.Now(), 0
		err := Retry(ctx, NewClock(0), func(context.Context) error {
			if pause := time.Since(last); pause > 30*time.Second {
				t.Errorf("attempt %d after %v", n, pause)
			}
			last = time.Now()
			n++
			return &Fault{Kind: Throttled, Host: "h", Status: 400, Code: "ThrottlingException"}
		})
		if time.Since(start) > time.Minute || n < 3 || err == nil || !strings.Contains(err.Error(), "attempts") || !Is(err, Throttled) {
			t.Errorf("%d attempts in %v: %v", n, time.Since(start), err)
		}
	})
}

// TestSilenceDoesNotTakeAll: a half-open connection costs one attempt.
func TestSilenceDoesNotTakeAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n := 0
		err := Retry(ctx, NewClock(0), func(ctx context.Context) error {
			if n++; n == 1 {
				<-ctx.Done()
				return Broken("h", ctx.Err())
			}
			return nil
		})
		if err != nil || n != 2 {
			t.Errorf("%d attempts: %v", n, err)
		}
	})
}

func TestWhatIsNotRepeated(t *testing.T) {
	for _, k := range []Kind{Denied, Missing, BadKeys, NoKeys, NotAWS, Invalid, Untrusted, Ended, Skewed} {
		n := 0
		if err := Retry(t.Context(), NewClock(0), func(context.Context) error { n++; return &Fault{Kind: k, cause: errors.New("x")} }); err == nil || n != 1 {
			t.Errorf("%s: %d attempts, %v", k, n, err)
		}
	}
}

// TestRefused reads answers as AWS and others give them.
func TestRefused(t *testing.T) {
	id := http.Header{"X-Amzn-Requestid": {"1"}}
	for _, tt := range []struct {
		status        int
		h             http.Header
		code, message string
		want          Kind
	}{
		{400, id, "AccessDeniedException", "User: arn:aws:sts::1:x is not authorized to perform: logs:PutLogEvents because no VPC endpoint policy allows the logs:PutLogEvents action", Denied},
		{400, id, "InvalidSignatureException", "Signature expired: 20200101T000000Z is now earlier than", Skewed},
		{400, id, "InvalidSignatureException", "The request signature we calculated does not match", BadKeys},
		{403, id, "RequestTimeTooSkewed", "", Skewed},
		{400, id, "ThrottlingException", "Rate exceeded", Throttled}, {429, nil, "", "", Throttled},
		{500, id, "InternalFailure", "", ServerFault}, {502, nil, "", "", ServerFault},
		{403, nil, "", "", NotAWS}, {302, nil, "", "", NotAWS}, {407, nil, "", "", NotAWS},
		{400, id, "InvalidParameterException", "", Invalid}, {400, id, "a b\x1b", "", Invalid},
	} {
		f := Refused("h\x1b.example", tt.status, tt.h, tt.code, tt.message)
		if f.Kind != tt.want {
			t.Errorf("%d %s: %s, want %s", tt.status, tt.code, f.Kind, tt.want)
		}
		if text := f.Error(); strings.ContainsAny(text, "\x1b\n") || strings.Contains(text, "arn:") || text == "" {
			t.Errorf("%q", text)
		}
	}
	if f := Refused("h", 400, id, "AccessDeniedException", "x is not authorized to perform: logs:PutLogEvents because no VPC endpoint policy allows the logs:PutLogEvents action"); f.Allow("logs:PutLogEvents") != "allow logs:PutLogEvents in the VPC endpoint policy" {
		t.Errorf("%s", f.Allow("logs:PutLogEvents"))
	}
}

func TestEnvironment(t *testing.T) {
	vars := map[string]string{}
	p := Environment(func(k string) string { return vars[k] })
	if _, err := p.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("%v", err)
	}
	vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], vars["AWS_SESSION_TOKEN"] = "a", "b", "c"
	if c, err := p.Retrieve(t.Context()); err != nil || c.AccessKeyID != "a" || c.SecretAccessKey != "b" || c.SessionToken != "c" {
		t.Errorf("%v", err)
	}
	if _, err := Keys(nil).Retrieve(t.Context()); err == nil {
		t.Error("keys out of nothing")
	}
	failing := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no role") })
	if _, err := Keys(failing).Retrieve(t.Context()); Broken("h", err).Error() != "no credentials: no role" {
		t.Errorf("%v", err)
	}
}

func TestParseEndpoint(t *testing.T) {
	for s, ok := range map[string]bool{
		"https://vpce-1.logs.us-east-1.vpce.amazonaws.com": true, "https://10.0.0.1:8443": true, "https://h/": true,
		"http://h": false, "https://": false, "h": false, "https://u:p@h": false, "https://h/x": false, "https://h?q": false, "\x00": false,
	} {
		if _, err := ParseEndpoint(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}
