package awscall

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Environment gives the credentials that stand in the environment, for people
// who run vpcdoctor by hand (--credentials env).
func Environment(getenv func(string) string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		c := aws.Credentials{
			AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
		}
		if !c.HasKeys() {
			return aws.Credentials{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and --credentials env takes no others")
		}
		return c, nil
	})
}

// Keys gives a provider whose errors a Fault knows as NoKeys.
func Keys(from aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if from == nil {
			return aws.Credentials{}, NoKeysError{}
		}
		c, err := from.Retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, NoKeysError{err}
		}
		return c, nil
	})
}
