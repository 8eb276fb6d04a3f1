package signed

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// Planned is one call that is to be made, or one that is not, with the reason.
type Planned struct {
	Service   string      // signing name
	Operation string      // as AWS names it
	Purpose   string      // fact.Call.Purpose
	Resource  string      // fact.Call.Resource
	Region    string      // to sign for
	Target    fact.Target // where to send it
	Skipped   string      // why it is not made; empty: it is

	method, path, query string
	contentType, target string // headers
	body                []byte
	take                func(f *fact.Call, h http.Header, body []byte) // reads an answer of any status; keeps nothing of body
}

// jsonCall is a call of a service that speaks JSON 1.1, whose operation is in
// the X-Amz-Target header.
func jsonCall(service, prefix, operation string, input any) *Planned {
	body, err := json.Marshal(input)
	if err != nil {
		panic(err) // maps of strings and numbers always marshal
	}
	return &Planned{
		Service: service, Operation: operation, method: http.MethodPost, path: "/",
		contentType: "application/x-amz-json-1.1", target: prefix + "." + operation, body: body,
	}
}

// The calls. None changes anything; sources are the API references of the
// services (read 2026-11), for ec2messages and ssmmessages, which have none,
// the agent's source (ssm-agent.md 4.6 and 4.7).

// listInstanceAssociations is what the agent asks every 10 minutes.
func listInstanceAssociations(node string) *Planned {
	return jsonCall("ssm", "AmazonSSM", "ListInstanceAssociations", map[string]any{"InstanceId": node, "MaxResults": 1})
}

// getEndpoint asks ec2messages where to poll; agents before 3.3 may.
func getEndpoint(node string) *Planned {
	return jsonCall("ec2messages", "EC2WindowsMessageDeliveryService", "GetEndpoint", map[string]any{"Destination": node})
}

// getCallerIdentity needs no permission.
func getCallerIdentity() *Planned {
	return &Planned{
		Service: "sts", Operation: "GetCallerIdentity", method: http.MethodPost, path: "/",
		contentType: "application/x-www-form-urlencoded; charset=utf-8",
		body:        []byte("Action=GetCallerIdentity&Version=2011-06-15"),
		take: func(f *fact.Call, _ http.Header, body []byte) {
			if arn := denial.Element(string(body), "Arn"); f.Status == fact.OK && strings.HasPrefix(arn, "arn:") {
				f.Identity = classify.Clean(arn, maxARN)
			}
		},
	}
}

// createControlChannel asks for a token of the control channel, which is thrown
// away; no channel is opened with it.
func createControlChannel(node string) *Planned {
	body, _ := json.Marshal(map[string]string{"MessageSchemaVersion": "1.0", "RequestId": uuid()}) // strings always marshal
	return &Planned{
		Service: "ssmmessages", Operation: "CreateControlChannel", method: http.MethodPost,
		path: "/v1/control-channel/" + node, contentType: "application/json", body: body,
	}
}

// uuid is a random one (RFC 9562, version 4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand documentation, Go 1.24)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// GetDocument reads a document of Systems Manager. take gets its content, which
// it must not keep.
func GetDocument(name string, take func(content string)) *Planned {
	p := jsonCall("ssm", "AmazonSSM", "GetDocument", map[string]any{"Name": name, "DocumentFormat": "JSON"})
	p.Resource = name
	p.take = func(f *fact.Call, _ http.Header, body []byte) {
		var out struct{ Content *string }
		if f.Status != fact.OK {
			return
		}
		if json.Unmarshal(body, &out) != nil || out.Content == nil {
			f.Status, f.Class, f.Detail = fact.Failed, fact.Malformed, "the answer holds no document"
			return
		}
		take(*out.Content)
	}
	return p
}

// Key is what DescribeKey tells of a KMS key.
type Key struct{ ARN, State string }

// DescribeKey describes a KMS key, named by id, alias or ARN.
func DescribeKey(key string, out *Key) *Planned {
	p := jsonCall("kms", "TrentService", "DescribeKey", map[string]any{"KeyId": key})
	p.Resource = key
	p.take = func(f *fact.Call, _ http.Header, body []byte) {
		var a struct {
			KeyMetadata struct{ Arn, KeyState string }
		}
		if f.Status == fact.OK && json.Unmarshal(body, &a) == nil {
			*out = Key{ARN: classify.Clean(a.KeyMetadata.Arn, maxARN), State: denial.Code(a.KeyMetadata.KeyState)}
		}
	}
	return p
}

// LogGroup is what DescribeLogGroups tells of one log group.
type LogGroup struct{ Exists, Encrypted bool }

// DescribeLogGroups looks for one log group as the agent does, by its name as
// the prefix. Answers are in the order of their names, so that the group stands
// before all that its name begins.
func DescribeLogGroups(group string, out *LogGroup) *Planned {
	p := jsonCall("logs", "Logs_20140328", "DescribeLogGroups", map[string]any{"logGroupNamePrefix": group, "limit": 5})
	p.Resource = group
	p.take = func(f *fact.Call, _ http.Header, body []byte) {
		var a struct {
			LogGroups []struct {
				LogGroupName string
				KmsKeyID     string `json:"kmsKeyId"`
			}
		}
		if f.Status != fact.OK || json.Unmarshal(body, &a) != nil {
			return
		}
		for _, g := range a.LogGroups {
			if g.LogGroupName == group {
				*out = LogGroup{Exists: true, Encrypted: g.KmsKeyID != ""}
			}
		}
	}
	return p
}

// Bucket is what S3 tells of a bucket.
type Bucket struct {
	Region    string // x-amz-bucket-region or the location; empty: not told
	Encrypted string // yes | no, as the agent judges it; empty: not told
}

// HeadBucket asks whether a bucket may be listed. S3 names the bucket's Region
// also when it refuses. path is "/" for a host that begins with the bucket.
func HeadBucket(bucket, path string, out *Bucket) *Planned {
	p := &Planned{Service: "s3", Operation: "HeadBucket", Resource: bucket, method: http.MethodHead, path: path}
	p.take = func(_ *fact.Call, h http.Header, _ []byte) { out.Region = region(h.Get("X-Amz-Bucket-Region")) }
	return p
}

// GetBucketLocation asks for the Region of a bucket where HeadBucket did not
// tell it. An empty constraint is us-east-1, EU is eu-west-1.
func GetBucketLocation(bucket, path string, out *Bucket) *Planned {
	p := &Planned{Service: "s3", Operation: "GetBucketLocation", Resource: bucket, method: http.MethodGet, path: path, query: "location="}
	p.take = func(f *fact.Call, _ http.Header, body []byte) {
		text := string(body)
		i := strings.Index(text, "<LocationConstraint")
		if f.Status != fact.OK || i < 0 {
			return
		}
		_, rest, _ := strings.Cut(text[i:], ">")
		name, _, closed := strings.Cut(strings.TrimSpace(rest), "<")
		switch {
		case !closed || name == "":
			out.Region = "us-east-1"
		case name == "EU":
			out.Region = "eu-west-1"
		default:
			out.Region = region(name)
		}
	}
	return p
}

// GetBucketEncryption asks for a bucket's default encryption. The agent takes
// AES256 and aws:kms for encrypted and nothing else (agent source,
// agent/s3util/s3util.go, release 3.3), although others exist.
func GetBucketEncryption(bucket, path string, out *Bucket) *Planned {
	p := &Planned{Service: "s3", Operation: "GetBucketEncryption", Resource: bucket, method: http.MethodGet, path: path, query: "encryption="}
	p.take = func(f *fact.Call, _ http.Header, body []byte) {
		switch algorithm := denial.Element(string(body), "SSEAlgorithm"); {
		case f.Status == fact.OK && (algorithm == "AES256" || algorithm == "aws:kms"):
			out.Encrypted = "yes"
		case f.Status == fact.OK && algorithm != "", f.Code == "ServerSideEncryptionConfigurationNotFoundError":
			out.Encrypted = "no"
		}
	}
	return p
}

// region is s when it has the form of a Region's id.
func region(s string) string {
	if len(s) > 32 || strings.Count(s, "-") < 2 {
		return ""
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return s
}
