//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

func init() { roles["account"] = callAccount }

// jobFile tells the role "account" what to do.
const jobFile = "job.json"

// signedCall is one call that the role makes with the SDK's signer.
type signedCall struct {
	Service, Region, Host string
	Target, Body          string
	Skew                  time.Duration // of the caller's clock
}

// accountNote is what the role "account" found.
type accountNote struct {
	Answers []string          // "STATUS BODY" of each call, or the error
	Files   map[string]string // those of the job's that exist
	TCP     string            // /proc/net/tcp
}

type accountJob struct {
	Calls []signedCall
	Files []string
}

// callAccount makes signed calls as an SDK on the instance would, with the keys
// that the metadata service hands out.
func callAccount([]string) (any, error) {
	text, err := os.ReadFile(jobFile)
	if err != nil {
		return nil, err
	}
	var job accountJob
	if err := json.Unmarshal(text, &job); err != nil {
		return nil, err
	}
	note := accountNote{Files: map[string]string{}}
	keys, err := roleKeys()
	if err != nil {
		return nil, err
	}
	for _, c := range job.Calls {
		answer, err := c.make(keys)
		if err != nil {
			answer = err.Error()
		}
		note.Answers = append(note.Answers, answer)
	}
	for _, f := range job.Files {
		if b, err := os.ReadFile(f); err == nil {
			note.Files[f] = string(b)
		}
	}
	tcp, err := os.ReadFile("/proc/net/tcp")
	note.TCP = string(tcp)
	return note, err
}

func roleKeys() (aws.Credentials, error) {
	const base = "http://169.254.169.254/latest/"
	token, err := fetch("PUT", base+"api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if err != nil {
		return aws.Credentials{}, err
	}
	role, err := fetch("GET", base+"meta-data/iam/security-credentials/", "X-Aws-Ec2-Metadata-Token", token)
	if err != nil {
		return aws.Credentials{}, err
	}
	doc, err := fetch("GET", base+"meta-data/iam/security-credentials/"+role, "X-Aws-Ec2-Metadata-Token", token)
	if err != nil {
		return aws.Credentials{}, err
	}
	var keys struct{ AccessKeyId, SecretAccessKey, Token string }
	err = json.Unmarshal([]byte(doc), &keys)
	return aws.Credentials{AccessKeyID: keys.AccessKeyId, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.Token}, err
}

func fetch(method, url, header, value string) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set(header, value)
	out, err := (&http.Client{Timeout: 2 * time.Second}).Do(r)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return string(b), err
}

func (c signedCall) make(keys aws.Credentials) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+c.Host+"/", strings.NewReader(c.Body))
	if err != nil {
		return "", err
	}
	r.Header.Set("X-Amz-Target", c.Target)
	sum := sha256.Sum256([]byte(c.Body))
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), c.Service, c.Region, time.Now().Add(c.Skew)); err != nil {
		return "", err
	}
	out, err := (&http.Client{Timeout: 3 * time.Second}).Do(r)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return fmt.Sprintf("%d %s", out.StatusCode, b), err
}

// asAccount runs the role in a world.
func asAccount(t *testing.T, w *world.World, job accountJob) (*captured, accountNote) {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	c := captureWith(t, w, "account", map[string]string{jobFile: string(text)})
	var note accountNote
	c.noted(t, &note)
	return c, note
}

func call(w *world.World, service, target, body string) signedCall {
	return signedCall{Service: service, Region: w.Region, Host: scenario.Host(w, service), Target: target, Body: body}
}

// TestAccount: what is signed with the keys of IMDS reaches the account behind
// the endpoints, and its policies decide.
func TestAccount(t *testing.T) {
	list := func(w *world.World) signedCall {
		return call(w, "ssm", "AmazonSSM.ListInstanceAssociations", `{"InstanceId":"`+w.Instance.ID+`"}`)
	}
	key := world.Key{ID: "0a1b2c3d-0000-4000-8000-000000000001"}
	tests := []struct {
		name   string
		change func(*world.World)
		call   func(*world.World) signedCall
		says   func(*world.World) string
	}{
		{"healthy", nil, list, func(*world.World) string { return `200 {"Associations":[]}` }},
		{"endpoint policy", func(w *world.World) { w.VPC.Endpoint("ssm").Policy = world.Allow("ssm:UpdateInstanceInformation") }, list,
			func(*world.World) string {
				return "because no VPC endpoint policy allows the ssm:ListInstanceAssociations action"
			}},
		{"service control policy", func(w *world.World) { w.IAM.SCPs = []world.Policy{world.Deny("ssm:*")} }, list,
			func(*world.World) string { return "with an explicit deny in a service control policy" }},
		{"minimal role", func(w *world.World) { w.IAM.Role = []world.Policy{world.MinimalInstance} }, list,
			func(w *world.World) string {
				return "User: arn:" + w.Partition + ":sts::" + w.Account + ":assumed-role/ssm-instance/" + w.Instance.ID + " is not authorized"
			}},
		{"perimeter, inside", func(w *world.World) { w.IAM.Role = []world.Policy{world.OnlyFrom("aws:SourceVpc", w.VPC.ID)} }, list,
			func(*world.World) string { return "200 " }},
		{"perimeter of another VPC", func(w *world.World) { w.IAM.Role = []world.Policy{world.OnlyFrom("aws:SourceVpc", "vpc-other")} }, list,
			func(*world.World) string { return "with an explicit deny in an identity-based policy" }},
		{"expired keys", func(w *world.World) { w.Instance.Expired = true }, list, func(*world.World) string { return "400 {\"__type\":\"ExpiredTokenException\"" }},
		{"instance's clock behind", func(w *world.World) { w.Clock = 6 * time.Minute }, list, func(*world.World) string { return "Signature expired: " }},
		{"no preferences", nil, func(w *world.World) signedCall {
			return call(w, "ssm", "AmazonSSM.GetDocument", `{"Name":"SSM-SessionManagerRunShell"}`)
		}, func(*world.World) string { return "400 {\"__type\":\"InvalidDocument\"" }},
		{"preferences", func(w *world.World) {
			w.Resources.Preferences = world.Preferences(map[string]any{"kmsKeyId": w.KeyARN(key)})
		}, func(w *world.World) signedCall {
			return call(w, "ssm", "AmazonSSM.GetDocument", `{"Name":"SSM-SessionManagerRunShell"}`)
		}, func(w *world.World) string { return w.KeyARN(key) }},
		{"key", func(w *world.World) {
			w.Resources.Keys = []world.Key{key}
			w.IAM.Role = []world.Policy{world.ManagedInstanceCore, world.Allow("kms:DescribeKey")}
		}, func(w *world.World) signedCall {
			return call(w, "kms", "TrentService.DescribeKey", `{"KeyId":"`+key.ID+`"}`)
		}, func(*world.World) string { return `"KeyState":"Enabled"` }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			if tt.change != nil {
				tt.change(w)
			}
			c, note := asAccount(t, w, accountJob{Calls: []signedCall{tt.call(w)}})
			if len(note.Answers) != 1 || !strings.Contains(note.Answers[0], tt.says(w)) {
				t.Fatalf("answered %q, want %q", note.Answers, tt.says(w))
			}
			service := tt.call(w).Service
			if len(c.calls) != 1 || !c.calls[0].Signed || c.calls[0].Service != service || c.calls[0].Endpoint != w.VPC.Endpoint(service).ID {
				t.Errorf("calls %+v", c.calls)
			}
		})
	}
}

// harmless are the operations that a run may sign, and maxSigned how many calls
// without --rehearse. None of them changes anything.
var harmless = []string{
	"ssm:ListInstanceAssociations", "ssm:GetDocument", "ec2messages:GetEndpoint", "sts:GetCallerIdentity",
	"kms:DescribeKey", "s3:GetBucketEncryption", "s3:GetBucketLocation", "s3:HeadBucket",
	"logs:DescribeLogGroups", "logs:DescribeLogStreams",
}

const maxSigned = 6

// harmlessCalls: nothing is signed but what is harmless, and the upgrade without
// a signature names nobody's node.
func harmlessCalls(t *testing.T, c *captured, _ *fact.Set) {
	signed := 0
	for _, x := range c.calls {
		what := x.Service + ":" + x.Operation
		switch {
		case x.Signed && !slices.Contains(harmless, what):
			t.Errorf("%s was signed: %+v", what, x)
		case x.Signed:
			signed++
		case strings.HasPrefix(x.Path, "/v1/") && x.Path != "/v1/control-channel/i-00000000000000000":
			t.Errorf("asked %s for %s", x.Host, x.Path)
		}
	}
	if signed > maxSigned {
		t.Errorf("%d signed calls", signed)
	}
}

// TestAgentFiles: what a world says of the agent stands on the instance.
func TestAgentFiles(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "healthy")
	a := &w.Host.Agent
	a.Log = map[string]string{"amazon-ssm-agent.log": "{-20m} INFO Agent will take identity from EC2\n"}
	a.Registered, a.HybridKeys, a.Identity.Source = w.Instance.ID, true, "SSM"
	const state = "/var/lib/amazon/ssm/"
	_, note := asAccount(t, w, accountJob{Files: []string{
		"/var/log/amazon/ssm/amazon-ssm-agent.log", state + "credentials", state + "Vault/Store/EC2RegistrationKey", "/root/.aws/credentials",
	}})
	for name, want := range map[string]string{
		state + "credentials":                    probetest.ManagedKeys.Secret,
		state + "Vault/Store/EC2RegistrationKey": w.Instance.ID,
		"/root/.aws/credentials":                 probetest.HybridKeys.Token,
	} {
		if !strings.Contains(note.Files[name], want) {
			t.Errorf("%s: %q", name, note.Files[name])
		}
	}
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{4} INFO `).FindString(note.Files["/var/log/amazon/ssm/amazon-ssm-agent.log"])
	at, err := time.ParseInLocation("2006-01-02 15:04:05.0000 INFO ", stamp, time.Local)
	if age := time.Since(at); err != nil || age < 20*time.Minute || age > 22*time.Minute {
		t.Errorf("log %q is %s old, %v", note.Files, age, err)
	}
}

// States of TCP sockets in /proc/net/tcp.
const established, synSent = " 01 ", " 02 "

// TestAgentConnected: the worker's connection to ssmmessages can be seen.
func TestAgentConnected(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world.World)
		state  string
	}{
		"connected": {nil, established},
		"cut off":   {func(w *world.World) { w.VPC.SecurityGroups[0].Egress = nil }, synSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, "healthy")
			w.Host.Agent.Connected = true
			if tt.change != nil {
				tt.change(w)
			}
			_, note := asAccount(t, w, accountJob{})
			b := w.VPC.Endpoint("ssmmessages").Interfaces[0].Addr.As4()
			peer := fmt.Sprintf("%02X%02X%02X%02X:01BB", b[3], b[2], b[1], b[0])
			if !strings.Contains(note.TCP, peer+tt.state) {
				t.Errorf("no socket %q in\n%s", peer+tt.state, note.TCP)
			}
		})
	}
}
