package awscall

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Signer signs by a Clock, whatever time it is asked to sign for.
type Signer struct {
	clock *Clock
	v4    *v4.Signer
}

// NewSigner returns a signer for the client of an SDK.
func NewSigner(c *Clock) *Signer { return &Signer{c, v4.NewSigner()} }

// SignHTTP signs a request.
func (s *Signer) SignHTTP(ctx context.Context, keys aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, options ...func(*v4.SignerOptions)) error {
	return s.v4.SignHTTP(ctx, keys, r, payloadHash, service, region, s.clock.Now(), options...)
}
