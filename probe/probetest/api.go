package probetest

import (
	"cmp"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// APIOptions describes an account as the services of AWS know it. The zero
// value is a healthy one: a role with the keys that IMDS serves and the
// permissions of AmazonSSMManagedInstanceCore, Default Host Management off.
type APIOptions struct {
	Region, Partition, Account string // empty: us-east-1, aws, 111122223333
	InstanceID                 string // of the default credentials; empty: i-0123456789abcdef0

	Now     func() time.Time // AWS's clock; nil: time.Now
	DateLie time.Duration    // added to the Date of every answer, by a device on the path

	Credentials []APICredential // nil: the keys of IMDS as the role "ssm-instance"
	SCPs        []*Policy       // service control policies; nil: none
	RCPs        []*Policy       // resource control policies; nil: none
	Managed     string          // role of Default Host Management; empty: off

	OptedOut bool     // the account did not enable this Region: no keys are known
	Throttle []string // "ssm:*", "kms:DescribeKey": answered with ThrottlingException
	Terse    []string // answered "not authorized to perform" without the layer, as some services still do

	Documents map[string]string    // content by name
	Buckets   map[string]APIBucket // by name
	Keys      []APIKey
	LogGroups map[string]APILogGroup // by name

	Faults []APIFault         // calls that fail although they would work
	Quotas map[string]float64 // "logs:CreateLogStream": calls a second; others are not limited

	Log io.Writer // one APICall per line, as JSON; nil: none
}

// APIBucket is an S3 bucket.
type APIBucket struct {
	Region  string  // empty: the account's
	Account string  // of the owner; empty: the account itself
	SSE     string  // AES256 | aws:kms; empty: AES256, the default of all buckets; "none" as before 2023
	KMSKey  string  // with aws:kms
	Policy  *Policy // nil: none
}

// APIKey is a KMS key.
type APIKey struct {
	ID      string
	Region  string   // empty: the account's
	Account string   // of the owner; empty: the account itself
	Aliases []string // "alias/session"
	State   string   // empty: Enabled
	Policy  *Policy  // nil: the account's identity-based policies decide
}

// APILogGroup is a CloudWatch log group.
type APILogGroup struct {
	KMSKey        string
	Class         string   // empty: STANDARD
	RetentionDays int      // 0: events never expire
	Streams       []string // that exist already
}

// APISource is the way by which a connection came.
type APISource struct {
	Endpoint string       // vpce-…; empty: not through a VPC endpoint
	VPC      string       // of that endpoint
	Policy   *Policy      // of that endpoint; nil: full access
	Address  string       // of the caller as AWS sees it, where it is not private
	Front    http.Handler // answers what is not signed; nil: AWSHandler
}

// APICall is one request that reached the API.
type APICall struct {
	Time       time.Time
	Host       string
	Service    string // signing name
	Operation  string // empty: not known
	Path       string
	Resource   string `json:",omitempty"` // ARN
	Signed     bool
	Principal  string `json:",omitempty"` // ARN; only with a right signature
	Credential string `json:",omitempty"` // APICredential.Source
	Endpoint   string `json:",omitempty"` // vpce-…
	Status     int    // of the answer; 0: left to the front end
	Code       string `json:",omitempty"` // of an error
	UserAgent  string `json:",omitempty"`

	Delivered *APIDelivery `json:",omitempty"` // what the call brought
}

// API answers for the services that the SSM Agent and a session use, and those
// that reports are delivered to: ssm, ssmmessages, ec2messages, sts, kms, s3, logs
// and monitoring. It checks signatures, keeps the account's policies, enforces
// the documented limits of what is put, and answers in the protocol of each
// service.
//
// Requests without a signature are the front end's (AWSHandler), except a
// websocket upgrade, which is refused.
//
// Sources of the answers: the API references of the services ("Common Errors",
// "Error responses"), IAM User Guide "Troubleshoot access denied error
// messages", and answers quoted in public issues (aws/amazon-ssm-agent 144,
// 374; widdix/aws-cf-templates 348; awslabs/landing-zone-accelerator-on-aws 330;
// awslabs/awsome-distributed-ai 496), read 2026-11. Until about 2020 ssmmessages
// answered <BadRequest><message>Unauthorized request.</message> instead
// (aws/amazon-ssm-agent 121); the fake does not.
type API struct {
	o     APIOptions
	front http.Handler
	ids   counter
	mu    sync.Mutex
	calls []APICall
	// tokens are those that CreateControlChannel gave out.
	tokens []string

	logs         logStore
	metrics      []APIMetric
	wrongMetrics []string
	objects      []APIObject
	records      []APIRecord
	faults       []APIFault
	buckets      map[string]*quotaBucket
}

// NewAPI returns the API of an account.
func NewAPI(o APIOptions) *API {
	o.Region, o.Partition = cmp.Or(o.Region, "us-east-1"), cmp.Or(o.Partition, "aws")
	o.Account, o.InstanceID = cmp.Or(o.Account, "111122223333"), cmp.Or(o.InstanceID, "i-0123456789abcdef0")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Credentials == nil {
		o.Credentials = []APICredential{{
			Keys: ProfileKeys, Source: "instance profile", Session: o.InstanceID,
			Role: APIRole{Name: "ssm-instance", Policies: []*Policy{MustPolicy(ManagedInstanceCore)}},
		}}
	}
	return &API{
		o: o, front: AWSHandler(AWSOptions{Offset: time.Until(o.Now()) + o.DateLie}),
		logs: newLogStore(o.LogGroups), faults: slices.Clone(o.Faults), buckets: map[string]*quotaBucket{},
	}
}

// Calls are the requests so far, in the order of their answers.
func (a *API) Calls() []APICall {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// ServeHTTP answers a request that did not come through an endpoint.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.serve(w, r, APISource{Front: a.front})
}

// Via answers requests that come by one way.
func (a *API) Via(s APISource) http.Handler {
	if s.Front == nil {
		s.Front = a.front
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, s) })
}

// maxBody is more than any call of ours has: a full batch of log events with
// every quote escaped has below 3 MB.
const maxBody = 8 << 20

// call is a request on its way through the API.
type call struct {
	api    *API
	source APISource
	r      *http.Request
	body   []byte
	at     target
	op     operation
	who    *APICredential
	log    APICall
}

// reply is an answer that is not written yet.
type reply struct {
	status int
	kind   string // Content-Type
	body   string
	code   string // of an error
	header map[string]string
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, s APISource) {
	at := locate(r, a.o.Region)
	c := &call{api: a, source: s, r: r, at: at}
	c.log = APICall{
		Time: a.o.Now(), Host: at.host, Service: at.service, Path: r.URL.Path, Endpoint: s.Endpoint, UserAgent: r.UserAgent(),
		Signed: r.Header.Get("Authorization") != "",
	}
	if !c.log.Signed && !isUpgrade(r) || at.service == "" {
		c.log.Operation = operationOf(at, r, nil).name
		a.record(c.log)
		s.Front.ServeHTTP(w, r)
		return
	}
	var err error
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return
	}
	c.op = operationOf(at, r, c.body)
	c.log.Operation = c.op.name
	mode := a.faulty(at.service + ":" + c.op.name)
	var out reply
	switch mode {
	case "", APITruncated:
		out = c.answer()
	case APIThrottle:
		out = c.fail("ThrottlingException", "Rate exceeded")
	}
	c.log.Status, c.log.Code = out.status, out.code
	a.record(c.log)
	if mode != "" && mode != APIThrottle {
		c.misanswer(w, mode, out)
		return
	}
	c.write(w, out)
	if out.status == http.StatusSwitchingProtocols {
		a.holdChannel(w)
	}
}

// answer goes through the stages of a request.
func (c *call) answer() reply {
	if matchAny(c.api.o.Throttle, c.at.service+":"+c.op.name) || c.api.overQuota(c.at.service+":"+c.op.name) {
		return c.fail("ThrottlingException", "Rate exceeded")
	}
	if out, ok := c.authenticate(); !ok {
		return out
	}
	c.log.Principal, c.log.Credential = c.principal(), c.who.Source
	if c.op.do == nil {
		return c.fail("UnknownOperationException", "")
	}
	c.log.Resource = c.op.resource(c)
	if denied := c.authorise(); denied != "" {
		return c.fail("AccessDeniedException", denied)
	}
	return c.op.do(c)
}

// write sends a reply. A websocket's is sent by holdChannel.
func (c *call) write(w http.ResponseWriter, out reply) {
	h := w.Header()
	h.Set("Date", c.api.o.Now().Add(c.api.o.DateLie).UTC().Format(http.TimeFormat))
	id := c.api.ids.next()
	if c.at.service == "s3" {
		h.Set("Server", "AmazonS3")
		raw(w, "x-amz-request-id", strings.ToUpper(strings.ReplaceAll(id, "-", ""))[16:])
		raw(w, "x-amz-id-2", "aG9zdCBpZCBvZiBhIGZha2UgUzM=")
	} else {
		raw(w, "x-amzn-RequestId", id)
	}
	for k, v := range out.header {
		raw(w, k, v)
	}
	if out.status == http.StatusSwitchingProtocols {
		return
	}
	if c.r.Method == http.MethodHead {
		out.body = ""
	}
	answer(w, out.status, out.kind, out.body)
}

func (a *API) record(c APICall) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
	if a.o.Log != nil {
		_ = json.NewEncoder(a.o.Log).Encode(c) // a log that cannot be written shows in the test that reads it
	}
}

// target is where a request goes, by its Host header.
type target struct {
	host, service, region string
	bucket                string // of a virtual-hosted S3 name
}

// apiServices are the services behind the API.
var apiServices = []string{"ssm", "ssmmessages", "ec2messages", "sts", "kms", "s3", "logs", "monitoring"}

// locate reads the Host header: NAME.REGION.…, NAME-fips.REGION.…, and
// vpce-….NAME.REGION.vpce.….
func locate(r *http.Request, region string) target {
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	t := target{host: host, region: region}
	labels := strings.Split(host, ".")
	at := slices.IndexFunc(labels, func(l string) bool { return slices.Contains(apiServices, strings.TrimSuffix(l, "-fips")) })
	if s3 := slices.Index(labels, "s3"); s3 > at { // a bucket may be called "logs"
		at = s3
	}
	if at < 0 {
		return t
	}
	t.service = strings.TrimSuffix(labels[at], "-fips")
	if t.service == "s3" {
		// An interface endpoint has "bucket.vpce-…" between the bucket and s3.
		before := slices.DeleteFunc(slices.Clone(labels[:at]), func(l string) bool { return l == "bucket" || strings.HasPrefix(l, "vpce-") })
		t.bucket = strings.Join(before, ".")
	}
	for _, l := range labels[at+1:] {
		if ok, err := path.Match("[a-z][a-z]*-*-[0-9]", l); ok && err == nil {
			t.region = l
		}
	}
	return t
}

// counter makes request ids.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return requestID(c.n)
}

func matchAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return wildcardMatch(p, text) })
}
