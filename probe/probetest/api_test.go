package probetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// jsonCall is a signed call of a JSON service.
func jsonCall(t testing.TB, k APIKeys, service, target, body string) *http.Request {
	t.Helper()
	return signedRequest(t, k, service, "us-east-1", "POST", "https://"+service+".us-east-1.amazonaws.com/", body, noon,
		"X-Amz-Target", target, "Content-Type", "application/x-amz-json-1.1")
}

func s3Call(t testing.TB, method, url string) *http.Request {
	t.Helper()
	return signedRequest(t, ProfileKeys, "s3", "us-east-1", method, url, "", noon)
}

func stsCall(t testing.TB, k APIKeys) *http.Request {
	t.Helper()
	return signedRequest(t, k, "sts", "us-east-1", "POST", "https://sts.us-east-1.amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15", noon,
		"Content-Type", "application/x-www-form-urlencoded")
}

// requestIDOf reads a header that is not in canonical form.
func requestIDOf(w *httptest.ResponseRecorder) string {
	for name, v := range w.Header() {
		if name == "x-amzn-RequestId" {
			return v[0]
		}
	}
	return ""
}

// account has one of everything.
func account() APIOptions {
	everything := []*Policy{AllowAll}
	return APIOptions{
		Now: fixedClock,
		Credentials: []APICredential{
			{Keys: ProfileKeys, Source: "instance profile", Session: "i-1", Role: APIRole{Name: "web", Policies: everything}},
			{Keys: IdentityKeys, Source: "instance identity", Session: "i-1", Role: APIRole{Name: "aws:ec2-instance", Policies: everything}},
		},
		Documents: map[string]string{"SSM-SessionManagerRunShell": `{"schemaVersion":"1.0"}`},
		Keys:      []APIKey{{ID: "key-1", Aliases: []string{"alias/session"}}, {ID: "key-2", State: "Disabled"}},
		Buckets: map[string]APIBucket{
			"logs": {}, "plain": {SSE: "none"}, "kms": {SSE: "aws:kms", KMSKey: "key-1"}, "far": {Region: "eu-west-1"}, "theirs": {Account: "999999999999"},
		},
		LogGroups: map[string]APILogGroup{"/ssm/sessions": {KMSKey: "key-1"}},
	}
}

func TestServices(t *testing.T) {
	tests := []struct {
		name    string
		request func(*testing.T) *http.Request
		status  int
		says    string
	}{
		{"the preferences", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "ssm", "AmazonSSM.GetDocument", `{"Name":"SSM-SessionManagerRunShell"}`)
		}, 200, `"Content":"{\"schemaVersion\":\"1.0\"}"`},
		{"no such document", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "ssm", "AmazonSSM.GetDocument", `{"Name":"Other"}`)
		}, 400, `{"__type":"InvalidDocument","message":"Document with name Other does not exist."}`},
		{"no such operation", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "ssm", "AmazonSSM.Nonsense", `{}`)
		}, 404, "UnknownOperationException"},
		{"Default Host Management off", func(t *testing.T) *http.Request {
			return jsonCall(t, IdentityKeys, "ssm", "AmazonSSM.RequestManagedInstanceRoleToken", `{}`)
		}, 400, `{"Message":"Systems Manager's instance management role is not configured for account: 111122223333","__type":"AccessDeniedException"}`},
		{"GetEndpoint", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "ec2messages", "EC2WindowsMessageDeliveryService.GetEndpoint", `{"Destination":"i-1"}`)
		}, 200, "https://ec2messages.us-east-1.amazonaws.com"},
		{"who am I", func(t *testing.T) *http.Request { return stsCall(t, ProfileKeys) }, 200, "<Arn>arn:aws:sts::111122223333:assumed-role/web/i-1</Arn>"},
		{"sts and a stranger", func(t *testing.T) *http.Request { return stsCall(t, HybridKeys) }, 403, "<Code>InvalidClientTokenId</Code>"},
		{"key by alias", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "kms", "TrentService.DescribeKey", `{"KeyId":"alias/session"}`)
		}, 200, `"Arn":"arn:aws:kms:us-east-1:111122223333:key/key-1"`},
		{"no such key", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "kms", "TrentService.DescribeKey", `{"KeyId":"key-9"}`)
		}, 400, `"NotFoundException","message":"Key 'arn:aws:kms:us-east-1:111122223333:key/key-9' does not exist"`},
		{"disabled key", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "kms", "TrentService.GenerateDataKey", `{"KeyId":"key-2"}`)
		}, 400, "DisabledException"},
		{"dry run", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "kms", "TrentService.GenerateDataKey", `{"KeyId":"key-1","DryRun":true}`)
		}, 412, "DryRunOperationException"},
		{"encryption", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://logs.s3.us-east-1.amazonaws.com/?encryption=")
		}, 200, "<SSEAlgorithm>AES256<"},
		{"encryption by key", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/kms?encryption=")
		}, 200, "<KMSMasterKeyID>key-1<"},
		{"no encryption", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/plain?encryption=")
		}, 404, "<Code>ServerSideEncryptionConfigurationNotFoundError</Code>"},
		{"location", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/logs?location=")
		}, 200, "<LocationConstraint"},
		{"another Region's bucket", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/far?encryption=")
		}, 301, "PermanentRedirect"},
		{"no such bucket", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/none?encryption=")
		}, 404, "NoSuchBucket"},
		{"somebody's bucket", func(t *testing.T) *http.Request {
			return s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/theirs?encryption=")
		}, 403, "<Message>Access Denied</Message>"},
		{"HEAD", func(t *testing.T) *http.Request {
			return s3Call(t, "HEAD", "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com/logs")
		}, 200, ""},
		{"log groups", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "logs", "Logs_20140328.DescribeLogGroups", `{"logGroupNamePrefix":"/ssm"}`)
		}, 200, `"kmsKeyId":"key-1"`},
		{"no such log group", func(t *testing.T) *http.Request {
			return jsonCall(t, ProfileKeys, "logs", "Logs_20140328.DescribeLogStreams", `{"logGroupName":"/other"}`)
		}, 400, `"ResourceNotFoundException"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api := NewAPI(account())
			w := do(api, tt.request(t))
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("status %d, body %s", w.Code, w.Body)
			}
			calls := api.Calls()
			if len(calls) != 1 || !calls[0].Signed || calls[0].Operation == "" || calls[0].Status != tt.status {
				t.Errorf("calls %+v", calls)
			}
		})
	}
}

// denials are the sentences of AWS's documentation, one per layer and kind.
func TestDenials(t *testing.T) {
	deny := `{"Statement":{"Effect":"Deny","Principal":"*","Action":"ssm:List*","Resource":"*"}}`
	other := `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"logs:*","Resource":"*"}]}`
	because := func(l string) string { return " because no " + l + " allows the ssm:ListInstanceAssociations action" }
	role := func(p ...*Policy) []APICredential {
		return []APICredential{{Keys: ProfileKeys, Session: "i-1", Role: APIRole{Name: "web", Policies: p}}}
	}
	tests := []struct {
		name    string
		options APIOptions
		source  APISource
		tail    string // "-": allowed
	}{
		{"identity, implicit", APIOptions{Credentials: role()}, APISource{}, because("identity-based policy")},
		{"identity, explicit", APIOptions{Credentials: role(AllowAll, MustPolicy(deny))}, APISource{}, " with an explicit deny in an identity-based policy"},
		{"endpoint, implicit", APIOptions{}, APISource{Endpoint: "vpce-1", Policy: MustPolicy(other)}, because("VPC endpoint policy")},
		{"endpoint, explicit", APIOptions{}, APISource{Endpoint: "vpce-1", Policy: MustPolicy(deny)}, " with an explicit deny in a VPC endpoint policy"},
		{"service control, implicit", APIOptions{SCPs: []*Policy{MustPolicy(other)}}, APISource{}, because("service control policy")},
		{"service control, explicit", APIOptions{SCPs: []*Policy{AllowAll, MustPolicy(deny)}}, APISource{}, " with an explicit deny in a service control policy"},
		{"resource control, explicit", APIOptions{RCPs: []*Policy{AllowAll, MustPolicy(deny)}}, APISource{}, " with an explicit deny in a resource control policy"},
		{"boundary, implicit", APIOptions{Credentials: []APICredential{{Keys: ProfileKeys, Session: "i-1", Role: APIRole{Name: "web", Policies: []*Policy{AllowAll}, Boundary: MustPolicy(other)}}}},
			APISource{}, because("permissions boundary")},
		{"session, explicit", APIOptions{Credentials: []APICredential{{Keys: ProfileKeys, Session: "i-1", Role: APIRole{Name: "web", Policies: []*Policy{AllowAll}, Session: MustPolicy(deny)}}}},
			APISource{}, " with an explicit deny in a session policy"},
		{"an explicit deny comes before an implicit one", APIOptions{Credentials: role()}, APISource{Endpoint: "vpce-1", Policy: MustPolicy(deny)}, " with an explicit deny in a VPC endpoint policy"},
		{"without the reason", APIOptions{Credentials: role(), Terse: []string{"ssm:*"}}, APISource{}, ""},
		{"the minimal role", APIOptions{Credentials: role(MustPolicy(MinimalInstance))}, APISource{}, because("identity-based policy")},
		{"the default policy", APIOptions{Credentials: role(MustPolicy(ManagedInstanceDefault))}, APISource{}, "-"},
		{"the core policy", APIOptions{Credentials: role(MustPolicy(ManagedInstanceCore))}, APISource{}, "-"},
		{"another partition's ARN", APIOptions{Partition: "aws-cn", Credentials: role(MustPolicy(
			`{"Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:*"}]}`))}, APISource{}, because("identity-based policy")},
		{"perimeter, from outside", APIOptions{Credentials: role(AllowAll, MustPolicy(perimeter))}, APISource{}, " with an explicit deny in an identity-based policy"},
		{"perimeter, from inside", APIOptions{Credentials: role(AllowAll, MustPolicy(perimeter))}, APISource{Endpoint: "vpce-1", VPC: "vpc-1"}, "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Now = fixedClock
			api := NewAPI(tt.options)
			w := do(api.Via(tt.source), listAssociations(t, ProfileKeys, noon))
			if tt.tail == "-" {
				if w.Code != http.StatusOK {
					t.Errorf("status %d, body %s", w.Code, w.Body)
				}
				return
			}
			partition := "aws"
			if tt.options.Partition != "" {
				partition = tt.options.Partition
			}
			user := "User: arn:" + partition + ":sts::111122223333:assumed-role/web/i-1"
			if tt.options.Credentials == nil {
				user = "User: arn:aws:sts::111122223333:assumed-role/ssm-instance/i-0123456789abcdef0"
			}
			want := user + " is not authorized to perform: ssm:ListInstanceAssociations on resource: arn:" + partition +
				":ec2:us-east-1:111122223333:instance/i-0123456789abcdef0" + tt.tail
			var got struct {
				Type    string `json:"__type"`
				Message string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Message != want || got.Type != "AccessDeniedException" || w.Code != 400 {
				t.Errorf("status %d\n got %s\nwant %s", w.Code, w.Body, want)
			}
		})
	}
}

const perimeter = `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}}]}`

// TestResourcePolicies are the rules about keys and buckets.
func TestResourcePolicies(t *testing.T) {
	root := MustPolicy(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"}]}`)
	direct := MustPolicy(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/web"},"Action":"kms:DescribeKey","Resource":"*"}]}`)
	nobody := MustPolicy(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/other"},"Action":"*","Resource":"*"}]}`)
	tests := []struct {
		name     string
		key      *Policy
		identity []*Policy
		says     string // empty: allowed
	}{
		{"delegated and allowed", root, []*Policy{AllowAll}, ""},
		{"delegated only", root, nil, "because no identity-based policy allows the kms:DescribeKey action"},
		{"named by the key", direct, nil, ""},
		{"not named by the key", nobody, []*Policy{AllowAll}, "because no resource-based policy allows the kms:DescribeKey action"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := account()
			o.Keys[0].Policy = tt.key
			o.Credentials[0].Role.Policies = tt.identity
			w := do(NewAPI(o), jsonCall(t, ProfileKeys, "kms", "TrentService.DescribeKey", `{"KeyId":"key-1"}`))
			if tt.says == "" && w.Code != 200 || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("status %d, body %s", w.Code, w.Body)
			}
		})
	}
	t.Run("another account's key", func(t *testing.T) {
		o := account()
		o.Keys[0].Account = "999999999999"
		w := do(NewAPI(o), jsonCall(t, ProfileKeys, "kms", "TrentService.DescribeKey", `{"KeyId":"arn:aws:kms:us-east-1:999999999999:key/key-1"}`))
		if !strings.Contains(w.Body.String(), "kms:DescribeKey on this resource because the resource does not exist in this Region, no resource-based policies allow access") {
			t.Errorf("status %d, body %s", w.Code, w.Body)
		}
	})
	t.Run("a bucket's ARN is quoted", func(t *testing.T) {
		o := account()
		o.Credentials[0].Role.Policies = nil
		w := do(NewAPI(o), s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/logs?encryption="))
		if !strings.Contains(w.Body.String(), `s3:GetEncryptionConfiguration on resource: "arn:aws:s3:::logs" because no identity-based policy`) {
			t.Errorf("status %d, body %s", w.Code, w.Body)
		}
	})
	t.Run("another account's bucket that lets us in", func(t *testing.T) {
		o := account()
		o.Buckets["theirs"] = APIBucket{Account: "999999999999", Policy: root}
		if w := do(NewAPI(o), s3Call(t, "GET", "https://s3.us-east-1.amazonaws.com/theirs?encryption=")); w.Code != 200 {
			t.Errorf("status %d, body %s", w.Code, w.Body)
		}
	})
}

func TestConditions(t *testing.T) {
	inside := map[string]string{"aws:sourcevpce": "vpce-1", "aws:principalarn": "arn:aws:iam::111122223333:role/web"}
	outside := map[string]string{"aws:principalarn": "arn:aws:iam::111122223333:role/web"}
	tests := []struct {
		condition       string
		inside, outside bool
	}{
		{`{"StringEquals":{"aws:SourceVpce":["vpce-0","vpce-1"]}}`, true, false},
		{`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`, false, true},
		{`{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-2"}}`, true, true},
		{`{"StringEqualsIfExists":{"AWS:sourcevpce":"vpce-1"}}`, true, true},
		{`{"StringLike":{"aws:SourceVpce":"vpce-?"}}`, true, false},
		{`{"Null":{"aws:SourceVpce":"true"}}`, false, true},
		{`{"Null":{"aws:SourceVpce":"false"}}`, true, false},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/w*"}}`, true, true},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws-cn:iam::*:role/*"}}`, false, false},
		{`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/w*"}}`, false, false},
		{`{"StringEquals":{"aws:SourceVpce":"vpce-1"},"ArnLike":{"aws:PrincipalArn":"*:role/*"}}`, false, false},
	}
	for _, tt := range tests {
		p := MustPolicy(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + tt.condition + `}}`)
		for context, want := range map[*map[string]string]bool{&inside: tt.inside, &outside: tt.outside} {
			if got := decide([]*Policy{p}, request{action: "ssm:X", resource: "*", context: *context}) == grantAllow; got != want {
				t.Errorf("%s with %v: %v", tt.condition, *context, got)
			}
		}
	}
}

func TestPoliciesNotUnderstood(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `[]`, `{"Statement":[{"Effect":"Maybe","Action":"*"}]}`, `{"Statement":[{"Effect":"Allow"}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"*","Condition":{"StringEquals":{"aws:Unheard":"1"}}}]}`,
	} {
		if _, err := ParsePolicy(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// TestChannel opens a control channel as the agent does.
func TestChannel(t *testing.T) {
	api := NewAPI(APIOptions{Now: fixedClock})
	s := httptest.NewServer(api)
	defer s.Close()
	const url = "https://ssmmessages.us-east-1.amazonaws.com/v1/control-channel/i-0123456789abcdef0"
	upgrade := []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"}
	signedUpgrade := func() *http.Request {
		return signedRequest(t, ProfileKeys, "ssmmessages", "us-east-1", "GET", url+"?role=subscribe&stream=input", "", noon, upgrade...)
	}
	w := do(api, signedRequest(t, ProfileKeys, "ssmmessages", "us-east-1", "POST", url, `{"MessageSchemaVersion":"1.0"}`, noon))
	_, rest, _ := strings.Cut(w.Body.String(), "<TokenValue>")
	token, _, ok := strings.Cut(rest, "</TokenValue>")
	if w.Code != http.StatusCreated || !ok {
		t.Fatalf("status %d, body %s", w.Code, w.Body)
	}

	open := func(r *http.Request) (net.Conn, *bufio.Reader, *http.Response) {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := r.Write(conn); err != nil {
			t.Fatal(err)
		}
		br := bufio.NewReader(conn)
		out, err := http.ReadResponse(br, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { out.Body.Close() })
		return conn, br, out
	}
	frame := func(kind byte, text string) []byte { // masked with zeros, which changes nothing
		return append([]byte{0x80 | kind, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
	}

	conn, br, out := open(signedUpgrade())
	if out.StatusCode != http.StatusSwitchingProtocols || out.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("status %d, headers %v", out.StatusCode, out.Header)
	}
	_, _ = conn.Write(append(frame(frameText, `{"TokenValue":"`+token+`"}`), frame(framePing, "keepalive")...))
	pong := make([]byte, 11)
	if _, err := io.ReadFull(br, pong); err != nil || !bytes.Equal(pong, append([]byte{0x80 | framePong, 9}, "keepalive"...)) {
		t.Errorf("the ping is answered with %q, %v", pong, err)
	}
	conn, br, _ = open(signedUpgrade())
	_, _ = conn.Write(frame(frameText, `{"TokenValue":"made up"}`))
	if b, err := io.ReadAll(br); err != nil || len(b) == 0 || b[0] != 0x80|frameClose {
		t.Errorf("a wrong token is answered with %q, %v", b, err)
	}

	bare := httptest.NewRequest("GET", url, nil)
	for i := 0; i < len(upgrade); i += 2 {
		bare.Header.Set(upgrade[i], upgrade[i+1])
	}
	if w := do(api, bare); w.Code != http.StatusForbidden || requestIDOf(w) == "" {
		t.Errorf("without a signature: %d, %v", w.Code, w.Header())
	}
}

// TestUnsigned holds that nothing changed for requests without a signature.
func TestUnsigned(t *testing.T) {
	for _, host := range []string{"ssm", "s3", "sts", "kms"} {
		var got [2]*httptest.ResponseRecorder
		for i, h := range []http.Handler{NewAPI(APIOptions{}), AWSHandler(AWSOptions{})} {
			got[i] = do(h, httptest.NewRequest("GET", "https://"+host+".us-east-1.amazonaws.com/", nil))
		}
		if got[0].Code != got[1].Code || got[0].Body.String() != got[1].Body.String() {
			t.Errorf("%s: %d %s, want %d %s", host, got[0].Code, got[0].Body, got[1].Code, got[1].Body)
		}
	}
}

func TestCallLog(t *testing.T) {
	var log bytes.Buffer
	o := account()
	o.Log = &log
	api := NewAPI(o)
	do(api.Via(APISource{Endpoint: "vpce-1"}), jsonCall(t, ProfileKeys, "ssm", "AmazonSSM.UpdateInstanceInformation", `{"InstanceId":"i-1"}`))
	do(api, httptest.NewRequest("GET", "https://ssm.us-east-1.amazonaws.com/", nil))
	var c APICall
	if err := json.NewDecoder(&log).Decode(&c); err != nil {
		t.Fatal(err)
	}
	c.Time, c.UserAgent = noon, ""
	want := APICall{
		Time: noon, Host: "ssm.us-east-1.amazonaws.com", Service: "ssm", Operation: "UpdateInstanceInformation", Path: "/", Signed: true, Status: 200,
		Resource: "arn:aws:ec2:us-east-1:111122223333:instance/i-1", Endpoint: "vpce-1", Credential: "instance profile",
		Principal: "arn:aws:sts::111122223333:assumed-role/web/i-1",
	}
	if c != want {
		t.Errorf("got %+v", c)
	}
	if calls := api.Calls(); len(calls) != 2 || calls[1].Signed {
		t.Errorf("calls %+v", calls)
	}
}

func TestLocate(t *testing.T) {
	for host, want := range map[string]target{
		"ssm.cn-north-1.amazonaws.com.cn:443":             {host: "ssm.cn-north-1.amazonaws.com.cn", service: "ssm", region: "cn-north-1"},
		"vpce-1-ab.kms.us-gov-west-1.vpce.amazonaws.com":  {service: "kms", region: "us-gov-west-1"},
		"logs-fips.us-east-1.api.aws":                     {service: "logs", region: "us-east-1"},
		"logs.s3.eu-west-1.amazonaws.com":                 {service: "s3", region: "eu-west-1", bucket: "logs"},
		"a.b.s3.eu-west-1.amazonaws.com":                  {service: "s3", region: "eu-west-1", bucket: "a.b"},
		"b.bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com": {service: "s3", region: "us-east-1", bucket: "b"},
		"monitoring.us-east-1.amazonaws.com":              {service: "monitoring", region: "us-east-1"},
		"sts.amazonaws.com":                               {service: "sts", region: "eu-central-1"},
	} {
		got := locate(&http.Request{Host: host}, "eu-central-1")
		if want.host == "" {
			want.host = host
		}
		if got != want {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(ManagedInstanceCore, "ssm:GetDocument")
	f.Add(`{"Statement":{"Effect":"Deny","Principal":{"AWS":["*"]},"NotAction":"a:*","NotResource":"x","Condition":{"Null":{"aws:SourceVpce":"true"}}}}`, "b:c")
	f.Fuzz(func(t *testing.T, text, action string) {
		p, err := ParsePolicy(text)
		if err != nil {
			return
		}
		q := request{action: action, resource: "arn:aws:ssm:::x", context: map[string]string{}}
		if g := decide([]*Policy{p}, q); !slices.Contains([]grant{grantNone, grantAccount, grantAllow, grantDeny}, g) {
			t.Errorf("decided %d", g)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0x81, 0x81, 0, 0, 0, 0, 'x'})
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, payload, err := readFrame(bufio.NewReader(bytes.NewReader(b))); err == nil && len(payload) > maxFrame {
			t.Errorf("%d bytes", len(payload))
		}
	})
}
