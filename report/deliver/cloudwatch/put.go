package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"vpcdoctor/report/deliver/awscall"
)

// put sends the batch, and makes the stream when there is none.
func (s *Sink) put(ctx context.Context, b *batch) (*types.RejectedLogEventsInfo, error) {
	rejected, err := s.putOnce(ctx, b)
	if !awscall.Is(err, awscall.Missing) {
		return rejected, s.explain("PutLogEvents", err)
	}
	if err := s.create(ctx); err != nil {
		return nil, err
	}
	for n := range 3 { // what was just made may not be seen everywhere at once
		if rejected, err = s.putOnce(ctx, b); !awscall.Is(err, awscall.Missing) || !awscall.Wait(ctx, time.Second<<n) {
			break
		}
	}
	return rejected, s.explain("PutLogEvents", err)
}

func (s *Sink) putOnce(ctx context.Context, b *batch) (rejected *types.RejectedLogEventsInfo, err error) {
	err = awscall.Retry(ctx, s.o.Clock, func(ctx context.Context) error {
		out, err := s.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: &s.o.Group, LogStreamName: &s.stream, LogEvents: b.events(s.stampOf),
		})
		if err != nil {
			return fault(s.host, err)
		}
		if id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); id == "" {
			return &awscall.Fault{Kind: awscall.NotAWS, Host: s.host, Status: 200} // whoever took it, it was not CloudWatch
		}
		rejected = out.RejectedLogEventsInfo
		return nil
	})
	return rejected, err
}

// create makes the stream, and before it the group when that is wanted.
func (s *Sink) create(ctx context.Context) error {
	err := s.createStream(ctx)
	if awscall.Is(err, awscall.Missing) && s.o.CreateGroup {
		err = awscall.Retry(ctx, s.o.Clock, func(ctx context.Context) error {
			_, err := s.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &s.o.Group})
			return made(s.host, err)
		})
		if err != nil {
			return s.explain("CreateLogGroup", err)
		}
		err = s.createStream(ctx)
	}
	return s.explain("CreateLogStream", err)
}

func (s *Sink) createStream(ctx context.Context) error {
	return awscall.Retry(ctx, s.o.Clock, func(ctx context.Context) error {
		_, err := s.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &s.o.Group, LogStreamName: &s.stream})
		return made(s.host, err)
	})
}

// made is fault for something that may exist already: somebody else was faster.
func made(host string, err error) error {
	var exists *types.ResourceAlreadyExistsException
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return fault(host, err)
}

// fault turns an error of the SDK into one of ours.
func fault(host string, err error) error {
	var resp *awshttp.ResponseError
	if !errors.As(err, &resp) || resp.HTTPResponse() == nil || resp.HTTPStatusCode() < http.StatusMultipleChoices { // 0: no answer
		return awscall.Broken(host, err)
	}
	code, message := "", ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), api.ErrorMessage()
	}
	return awscall.Refused(host, resp.HTTPStatusCode(), resp.HTTPResponse().Header, code, message)
}

// explain adds to a fault what to do about it here.
func (s *Sink) explain(operation string, err error) error {
	group, region := s.o.Group, s.o.Place.Region
	command := func(verb string) string {
		return "aws logs " + verb + " --region " + region + " --log-group-name " + group
	}
	switch {
	case awscall.Is(err, awscall.Missing) && operation == "PutLogEvents":
		return fmt.Errorf("the stream was made and is not seen yet: %w", err)
	case awscall.Is(err, awscall.Missing):
		return fmt.Errorf("log group %s does not exist in %s: %s, or --create-log-group: %w", group, region, command("create-log-group"), err)
	case awscall.Is(err, awscall.Denied) && operation == "CreateLogStream":
		return fmt.Errorf("log stream %s of %s does not exist, and to make it is %w: allow logs:CreateLogStream, or once: %s --log-stream-name %s", s.stream, group, err, command("create-log-stream"), s.stream)
	}
	return awscall.Explain("logs:"+operation, "log group "+group, err)
}
