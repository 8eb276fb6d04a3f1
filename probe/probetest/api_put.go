package probetest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// APIDelivery is what one call brought.
type APIDelivery struct {
	To       string   // log group and stream, namespace, bucket and key, or type
	Events   int      // that were sent
	Accepted int      // of them
	Messages []string `json:",omitempty"` // of the accepted log events
}

// APIObject is an object in a bucket.
type APIObject struct {
	Bucket, Key string
	Type        string // Content-Type
	Encoding    string // Content-Encoding
	Body        []byte
}

// Objects are those that were put so far.
func (a *API) Objects() []APIObject {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]APIObject(nil), a.objects...)
}

// objectKey is the key of an S3 request on an object.
func (c *call) objectKey() string {
	path := strings.TrimPrefix(c.r.URL.Path, "/")
	if c.at.bucket == "" {
		_, path, _ = strings.Cut(path, "/")
	}
	return path
}

func objectResource(c *call) string { return bucketResource(c) + "/" + c.objectKey() }

// putObject keeps an object (Amazon S3 API Reference, PutObject, read 2026-11).
func (c *call) putObject(b APIBucket) reply {
	owner := b.Account
	if owner == "" {
		owner = c.api.o.Account
	}
	key := c.objectKey()
	switch expected := c.r.Header.Get("X-Amz-Expected-Bucket-Owner"); {
	case expected != "" && expected != owner:
		return c.fail("AccessDeniedException", "Access Denied")
	case c.r.Header.Get("X-Amz-Content-Sha256") == "":
		return c.fail("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case len(key) > 1024:
		return c.fail("KeyTooLongError", "Your key is too long")
	}
	name, _, _ := c.bucket()
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	c.api.objects = append(c.api.objects, APIObject{name, key, c.r.Header.Get("Content-Type"), c.r.Header.Get("Content-Encoding"), c.body})
	c.log.Delivered = &APIDelivery{To: name + "/" + key, Events: 1, Accepted: 1}
	sum := md5.Sum(c.body)
	return reply{status: http.StatusOK, kind: "", header: map[string]string{"ETag": `"` + hex.EncodeToString(sum[:]) + `"`, "x-amz-server-side-encryption": "AES256"}}
}

// Forms of Systems Manager's inventory and compliance (Systems Manager API
// Reference, PutInventory, InventoryItem, PutComplianceItems,
// ComplianceItemEntry, read 2026-11).
var (
	inventoryType   = regexp.MustCompile(`^(AWS|Custom):.*$`)
	inventorySchema = regexp.MustCompile(`^([0-9]{1,6})(\.[0-9]{1,6})$`)
	inventoryTime   = regexp.MustCompile(`^(20)[0-9][0-9]-(0[1-9]|1[012])-([12][0-9]|3[01]|0[1-9])(T)(2[0-3]|[0-1][0-9])(:[0-5][0-9])(:[0-5][0-9])(Z)$`)
	complianceType  = regexp.MustCompile(`^(Patch|Association|Custom:[a-zA-Z0-9_\-]\w+)$`)
	complianceItem  = regexp.MustCompile(`^(COMPLIANT|NON_COMPLIANT) (CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL|UNSPECIFIED)$`)
)

const (
	inventoryItems     = 30
	inventoryAttribute = 64
	inventoryValue     = 4096
	inventoryBytes     = 1024 << 10
)

// APIRecord is an item of inventory or compliance.
type APIRecord struct {
	Operation string // PutInventory | PutComplianceItems
	Node      string
	Type      string              // "Custom:VpcDoctor"
	Status    string              // of compliance
	Content   []map[string]string // of inventory; the details of compliance
}

// Records are the items so far.
func (a *API) Records() []APIRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]APIRecord(nil), a.records...)
}

func (c *call) keep(r APIRecord) {
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	c.api.records = append(c.api.records, r)
	c.log.Delivered = &APIDelivery{To: r.Type, Events: 1, Accepted: 1}
}

func (c *call) putInventory() reply {
	var in struct {
		InstanceID string `json:"InstanceId"`
		Items      []struct {
			TypeName, SchemaVersion, CaptureTime, ContentHash string
			Content                                           []map[string]string
		}
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		return c.fail("SerializationException", err.Error())
	}
	switch {
	case in.InstanceID != c.who.Session:
		return c.fail("InvalidInstanceId", "")
	case len(in.Items) < 1 || len(in.Items) > inventoryItems:
		return c.fail("ValidationException", "Items must have 1 to 30 entries")
	case len(c.body) > inventoryBytes:
		return c.fail("TotalSizeLimitExceededException", "")
	}
	for _, item := range in.Items {
		if !inventoryType.MatchString(item.TypeName) || len(item.TypeName) > 100 || !inventorySchema.MatchString(item.SchemaVersion) || !inventoryTime.MatchString(item.CaptureTime) {
			return c.fail("InvalidItemContentException", fmt.Sprintf("type %q, schema %q or time %q", item.TypeName, item.SchemaVersion, item.CaptureTime))
		}
		for _, entry := range item.Content {
			if wrong := wrongEntry(entry); wrong != "" {
				return c.fail("InvalidItemContentException", wrong)
			}
		}
	}
	for _, item := range in.Items {
		c.keep(APIRecord{Operation: "PutInventory", Node: in.InstanceID, Type: item.TypeName, Content: item.Content})
	}
	return jsonReply(object{"Message": "Inventory was successfully put."})
}

func wrongEntry(entry map[string]string) string {
	if len(entry) > 50 {
		return "too many attributes"
	}
	for k, v := range entry {
		if len(k) < 1 || len(k) > inventoryAttribute || len(v) > inventoryValue {
			return "attribute " + k + " is too long"
		}
	}
	return ""
}

func (c *call) putComplianceItems() reply {
	var in struct {
		ResourceID       string `json:"ResourceId"`
		ResourceType     string
		ComplianceType   string
		ExecutionSummary struct {
			ExecutionTime              *float64
			ExecutionID, ExecutionType string `json:",omitempty"`
		}
		Items []struct {
			ID       string `json:"Id"`
			Title    string
			Status   string
			Severity string
			Details  map[string]string
		}
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		return c.fail("SerializationException", err.Error())
	}
	switch {
	case in.ResourceID != c.who.Session:
		return c.fail("InvalidResourceId", "")
	case in.ResourceType != "ManagedInstance":
		return c.fail("InvalidResourceType", "")
	case !complianceType.MatchString(in.ComplianceType) || len(in.ComplianceType) > 100 || len(in.Items) > 10000:
		return c.fail("ValidationException", "ComplianceType "+in.ComplianceType)
	case in.ExecutionSummary.ExecutionTime == nil || time.Unix(int64(*in.ExecutionSummary.ExecutionTime), 0).Year() < 2000:
		return c.fail("ValidationException", "ExecutionTime")
	}
	for _, item := range in.Items {
		if !complianceItem.MatchString(item.Status+" "+item.Severity) || len(item.ID) > 100 || len(item.Title) > 500 {
			return c.fail("InvalidItemContentException", item.Status+" "+item.Severity)
		}
		if wrong := wrongEntry(item.Details); wrong != "" {
			return c.fail("InvalidItemContentException", wrong)
		}
	}
	for _, item := range in.Items {
		c.keep(APIRecord{Operation: "PutComplianceItems", Node: in.ResourceID, Type: in.ComplianceType, Status: item.Status, Content: []map[string]string{item.Details}})
	}
	return jsonReply(object{})
}
