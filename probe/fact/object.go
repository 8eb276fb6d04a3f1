package fact

import "net/netip"

// Object is one bucket that AWS owns and that a private instance needs to
// reach through its S3 endpoint, and, where a public object in it is known,
// the answer to one unsigned HEAD for it.
//
// Status 200 shows that the path and the endpoint's policy let this bucket
// through. An unsigned 403 is at most a hint at the policy: S3 answers so as
// well for an object that has moved away, because it does not tell strangers
// what exists.
type Object struct {
	Outcome                   // NotRun: the bucket is only listed, or was not asked
	ID         string         `json:"id"`      // "agent-update"
	Purpose    string         `json:"purpose"` // what needs it, in words
	Bucket     string         `json:"bucket"`
	Host       string         `json:"host"`           // regional S3 host, "s3.cn-north-1.amazonaws.com.cn"
	Path       string         `json:"path,omitempty"` // "/BUCKET/KEY"; empty: no public object is known, never asked
	Addr       netip.AddrPort `json:"addr,omitzero"`  // that answered
	HTTPStatus int            `json:"http_status,omitempty"`
	RequestID  string         `json:"request_id,omitempty"` // x-amz-request-id
	Server     string         `json:"server,omitempty"`     // "AmazonS3"
	Via        string         `json:"via,omitempty"`
	Region     string         `json:"bucket_region,omitempty"` // x-amz-bucket-region
	Bytes      int64          `json:"content_length,omitempty"`
}

// Key names the object: "object:amazon-ssm-us-east-1/latest/VERSION".
func (o Object) Key() string {
	if o.Path == "" {
		return "object:" + o.Bucket
	}
	return "object:" + o.Path[1:]
}
