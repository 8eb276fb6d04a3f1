package probetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// operation is one operation of a service. Those without do are known by name
// only, so that a test can see them in the log of calls.
type operation struct {
	name     string
	action   string // that it needs; empty: none
	resource func(*call) string
	owner    func(*call) (account string, policy *Policy) // of the resource
	do       func(*call) reply
}

// Operations of ssmmessages, which are told apart by method and path.
const (
	createControlChannel = "CreateControlChannel"
	openControlChannel   = "OpenControlChannel"
	createDataChannel    = "CreateDataChannel"
	openDataChannel      = "OpenDataChannel"
)

// actionNames are actions whose name is not the operation's.
var actionNames = map[string]string{
	"s3:GetBucketEncryption": "s3:GetEncryptionConfiguration", "s3:HeadBucket": "s3:ListBucket", "sts:GetCallerIdentity": "",
	"monitoring:PutMetricData": "cloudwatch:PutMetricData",
}

// operationOf finds out what a request asks for.
func operationOf(t target, r *http.Request, body []byte) operation {
	o := operation{owner: ownAccount, resource: wholeService}
	switch t.service {
	case "ssm", "ec2messages", "kms", "logs":
		_, o.name, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	case "ssmmessages":
		o.name = channelOperation(r)
	case "sts", "monitoring":
		form, err := url.ParseQuery(string(body))
		if err != nil || !form.Has("Action") {
			form = r.URL.Query()
		}
		o.name = form.Get("Action")
	case "s3":
		o.name = bucketOperation(t, r)
	}
	o.action = t.service + ":" + o.name
	if a, ok := actionNames[o.action]; ok {
		o.action = a
	}
	switch t.service {
	case "ssm":
		o.resource, o.do = ssmResource, ssmOperations[o.name]
	case "ec2messages":
		o.do = messageOperations[o.name]
	case "kms":
		o.resource, o.owner, o.do = keyResource, keyOwner, keyOperations[o.name]
	case "logs":
		o.resource, o.do = logsResource, logsOperations[o.name]
	case "ssmmessages":
		o.do = channelOperations[o.name]
	case "sts":
		o.action, o.do = "", callerIdentity
	case "monitoring":
		o.resource = func(*call) string { return "*" }
		if o.name == "PutMetricData" {
			o.do = (*call).putMetricData
		}
	case "s3":
		o.resource, o.owner, o.do = bucketResource, bucketOwner, bucketOperations[o.name]
		if strings.HasSuffix(o.name, "Object") {
			o.resource = objectResource
		}
	}
	return o
}

func ownAccount(c *call) (string, *Policy) { return c.api.o.Account, nil }

// wholeService is the resource of actions that have none. ec2messages names
// ssm's in its messages (kubernetes-sigs/cluster-api-provider-aws issue 3361).
func wholeService(c *call) string {
	service := c.at.service
	if service == "ec2messages" {
		service = "ssm"
	}
	return c.arn(service, "*")
}

// arn is the ARN of something in the account and the called Region.
func (c *call) arn(service, rest string) string {
	return "arn:" + c.api.o.Partition + ":" + service + ":" + c.at.region + ":" + c.api.o.Account + ":" + rest
}

// field is a string field of a JSON request.
func (c *call) field(name string) string {
	var m map[string]any
	_ = json.Unmarshal(c.body, &m) // a body that is no object has no field
	s, _ := m[name].(string)
	return s
}

// jsonReply is a success of a JSON service.
func jsonReply(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only maps and strings come here
	}
	return reply{status: http.StatusOK, kind: "application/x-amz-json-1.1", body: string(b)}
}

type object = map[string]any

// ssmOperations answer for ssm.
var ssmOperations = map[string]func(*call) reply{
	"ListInstanceAssociations": func(*call) reply { return jsonReply(object{"Associations": []any{}}) },
	"ListAssociations":         func(*call) reply { return jsonReply(object{"Associations": []any{}}) },
	"GetParameters": func(*call) reply {
		return jsonReply(object{"InvalidParameters": []any{}, "Parameters": []any{}})
	},
	"GetDocument": func(c *call) reply {
		name := c.field("Name")
		content, ok := c.api.o.Documents[name]
		if !ok {
			return c.fail("InvalidDocument", "Document with name "+name+" does not exist.")
		}
		return jsonReply(object{
			"Content": content, "DocumentFormat": "JSON", "DocumentType": "Session", "DocumentVersion": "1", "Name": name, "Status": "Active",
		})
	},
	"UpdateInstanceInformation": func(*call) reply { return jsonReply(object{}) },
	"PutInventory":              (*call).putInventory,
	"PutComplianceItems":        (*call).putComplianceItems,
	"RegisterManagedInstance":   func(c *call) reply { return jsonReply(object{"InstanceId": c.who.Session}) },
	"RequestManagedInstanceRoleToken": func(c *call) reply {
		if c.api.o.Managed == "" {
			return c.fail("AccessDeniedException", "Systems Manager's instance management role is not configured for account: "+c.api.o.Account)
		}
		return jsonReply(object{
			"AccessKeyId": ManagedKeys.ID, "SecretAccessKey": ManagedKeys.Secret, "SessionToken": ManagedKeys.Token,
			"TokenExpirationDate": float64(c.api.o.Now().Unix() + 3600), "UpdateKeyPair": false,
		})
	},
}

func ssmResource(c *call) string {
	if name := c.field("Name"); strings.HasSuffix(c.op.name, "Document") {
		return c.arn("ssm", "document/"+name)
	}
	id := c.field("InstanceId")
	if c.op.name == "PutComplianceItems" {
		id = c.field("ResourceId")
	}
	switch {
	case strings.HasPrefix(id, "mi-"):
		return c.arn("ssm", "managed-instance/"+id)
	case id != "":
		return c.arn("ec2", "instance/"+id)
	}
	return c.arn("ssm", "*")
}

// messageOperations answer for ec2messages.
var messageOperations = map[string]func(*call) reply{
	"GetEndpoint": func(c *call) reply {
		return jsonReply(object{"Endpoint": object{"Protocol": "https", "Endpoint": "https://" + c.at.host}})
	},
	// A long poll; the fake never has a message.
	"GetMessages": func(c *call) reply {
		imdsWait(c.r.Context(), longPoll)
		return jsonReply(object{"Destination": c.field("Destination"), "Messages": []any{}, "MessagesRequestId": requestID(0)})
	},
}

// keyOperations answer for kms.
var keyOperations = map[string]func(*call) reply{
	"DescribeKey": func(c *call) reply {
		k, out := c.key()
		if k == nil {
			return out
		}
		return jsonReply(object{"KeyMetadata": object{
			"AWSAccountId": c.keyAccount(k), "Arn": c.keyARN(k), "Enabled": k.state() == "Enabled", "KeyId": k.ID,
			"KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "KeyState": k.state(), "KeyUsage": "ENCRYPT_DECRYPT",
		}})
	},
	"GenerateDataKey": func(c *call) reply {
		if k, out := c.usableKey(); k == nil {
			return out
		}
		return jsonReply(object{"CiphertextBlob": "ZmFrZQ==", "Plaintext": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "KeyId": c.log.Resource})
	},
	"Decrypt": func(c *call) reply {
		if k, out := c.usableKey(); k == nil {
			return out
		}
		return c.fail("InvalidCiphertextException", "")
	},
}

// key finds the key that a call names by id, alias or ARN.
func (c *call) key() (*APIKey, reply) {
	name := c.field("KeyId")
	for i := range c.api.o.Keys {
		k := &c.api.o.Keys[i]
		if c.keyRegion(k) != c.at.region {
			continue
		}
		prefix := strings.TrimSuffix(c.keyARN(k), "key/"+k.ID)
		if name == k.ID || name == c.keyARN(k) {
			return k, reply{}
		}
		for _, a := range k.Aliases {
			if name == a || name == prefix+a {
				return k, reply{}
			}
		}
	}
	if strings.HasPrefix(name, "alias/") {
		return nil, c.fail("NotFoundException", "Alias "+c.arn("kms", name)+" is not found.")
	}
	if !strings.HasPrefix(name, "arn:") {
		name = c.arn("kms", "key/"+name)
	}
	return nil, c.fail("NotFoundException", "Key '"+name+"' does not exist")
}

// usableKey is key for an operation that uses it. A dry run that would have
// worked is an error, too.
func (c *call) usableKey() (*APIKey, reply) {
	k, out := c.key()
	switch {
	case k == nil:
		return nil, out
	case k.state() == "Disabled":
		return nil, c.fail("DisabledException", c.keyARN(k)+" is disabled.")
	case k.state() != "Enabled":
		return nil, c.fail("KMSInvalidStateException", c.keyARN(k)+" is pending deletion.")
	case strings.Contains(string(c.body), `"DryRun":true`):
		return nil, c.fail("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return k, reply{}
}

func (k *APIKey) state() string {
	if k.State == "" {
		return "Enabled"
	}
	return k.State
}

func (c *call) keyRegion(k *APIKey) string {
	if k.Region == "" {
		return c.api.o.Region
	}
	return k.Region
}

func (c *call) keyAccount(k *APIKey) string {
	if k.Account == "" {
		return c.api.o.Account
	}
	return k.Account
}

func (c *call) keyARN(k *APIKey) string {
	return "arn:" + c.api.o.Partition + ":kms:" + c.keyRegion(k) + ":" + c.keyAccount(k) + ":key/" + k.ID
}

func keyResource(c *call) string {
	if k, _ := c.key(); k != nil {
		return c.keyARN(k)
	}
	return c.arn("kms", "*")
}

func keyOwner(c *call) (string, *Policy) {
	k, _ := c.key()
	if k == nil {
		return ownAccount(c)
	}
	return c.keyAccount(k), k.Policy
}

// logsOperations answer for CloudWatch Logs.
var logsOperations = map[string]func(*call) reply{
	"DescribeLogGroups": func(c *call) reply {
		groups := []any{}
		c.api.mu.Lock()
		defer c.api.mu.Unlock()
		for name := range c.api.logs.groups {
			g := c.api.o.LogGroups[name]
			if !strings.HasPrefix(name, c.field("logGroupNamePrefix")) {
				continue
			}
			o := object{"arn": c.arn("logs", "log-group:"+name+":*"), "logGroupName": name, "storedBytes": 0}
			if g.KMSKey != "" {
				o["kmsKeyId"] = g.KMSKey
			}
			groups = append(groups, o)
		}
		return jsonReply(object{"logGroups": groups})
	},
	"DescribeLogStreams": func(c *call) reply {
		if _, ok := c.api.o.LogGroups[c.field("logGroupName")]; !ok {
			return c.fail("ResourceNotFoundException", "The specified log group does not exist.")
		}
		return jsonReply(object{"logStreams": []any{}})
	},
	"PutLogEvents":    (*call).putLogEvents,
	"CreateLogStream": (*call).createLogStream,
	"CreateLogGroup":  (*call).createLogGroup,
}

// logsResource is the ARN in the service's own messages
// (hashicorp/terraform-provider-aws issue 8804).
func logsResource(c *call) string {
	return c.arn("logs", "log-group:"+c.field("logGroupName")+":log-stream:"+c.field("logStreamName"))
}

// callerIdentity answers for sts.
func callerIdentity(c *call) reply {
	if c.op.name != "GetCallerIdentity" {
		return c.fail("InvalidAction", "Could not find operation "+c.op.name+" for version 2011-06-15")
	}
	return reply{status: http.StatusOK, kind: "text/xml", body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>` +
		c.principal() + `</Arn><UserId>AROAPROBETESTEXAMPLE:` + c.who.Session + `</UserId><Account>` + c.api.o.Account +
		`</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>` + requestID(0) + `</RequestId></ResponseMetadata></GetCallerIdentityResponse>`}
}

// bucketOperation is the operation of an S3 request; only those on buckets are
// known.
func bucketOperation(t target, r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if t.bucket != "" {
		key = strings.TrimPrefix(r.URL.Path, "/")
	}
	q := r.URL.Query()
	switch {
	case key != "":
		return r.Method[:1] + strings.ToLower(r.Method[1:]) + "Object"
	case r.Method == http.MethodHead:
		return "HeadBucket"
	case r.Method == http.MethodGet && q.Has("encryption"):
		return "GetBucketEncryption"
	case r.Method == http.MethodGet && q.Has("location"):
		return "GetBucketLocation"
	}
	return "ListBucket"
}

// bucket is the one that a request names.
func (c *call) bucket() (name string, b APIBucket, ok bool) {
	name = c.at.bucket
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), "/")
	}
	b, ok = c.api.o.Buckets[name]
	if b.Region == "" {
		b.Region = c.api.o.Region
	}
	return name, b, ok
}

func bucketResource(c *call) string {
	name, _, _ := c.bucket()
	return "arn:" + c.api.o.Partition + ":s3:::" + name
}

func bucketOwner(c *call) (string, *Policy) {
	_, b, ok := c.bucket()
	if !ok || b.Account == "" {
		return c.api.o.Account, b.Policy
	}
	return b.Account, b.Policy
}

// present answers for a bucket that exists in the called Region.
func present(do func(*call, APIBucket) reply) func(*call) reply {
	return func(c *call) reply {
		_, b, ok := c.bucket()
		if !ok {
			return c.fail("NoSuchBucket", "The specified bucket does not exist")
		}
		var out reply
		if b.Region != c.at.region {
			out = c.fail("PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.")
			out.status = http.StatusMovedPermanently
		} else {
			out = do(c, b)
		}
		out.header = map[string]string{"x-amz-bucket-region": b.Region}
		return out
	}
}

func xmlReply(body string) reply {
	return reply{status: http.StatusOK, kind: "application/xml", body: `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + body}
}

const s3Space = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// bucketOperations answer for S3.
var bucketOperations = map[string]func(*call) reply{
	"PutObject":  present((*call).putObject),
	"HeadBucket": present(func(*call, APIBucket) reply { return reply{status: http.StatusOK, kind: "application/xml"} }),
	"GetBucketLocation": present(func(_ *call, b APIBucket) reply {
		if b.Region == "us-east-1" {
			return xmlReply("<LocationConstraint" + s3Space + "/>")
		}
		return xmlReply("<LocationConstraint" + s3Space + ">" + b.Region + "</LocationConstraint>")
	}),
	"GetBucketEncryption": present(func(c *call, b APIBucket) reply {
		switch b.SSE {
		case "none":
			return c.fail("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")
		case "":
			b.SSE = "AES256"
		}
		key := ""
		if b.KMSKey != "" {
			key = "<KMSMasterKeyID>" + b.KMSKey + "</KMSMasterKeyID>"
		}
		return xmlReply("<ServerSideEncryptionConfiguration" + s3Space + "><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>" +
			b.SSE + "</SSEAlgorithm>" + key + "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>")
	}),
}
