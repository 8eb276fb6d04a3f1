package rehearse

import (
	"context"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/signed"
)

// What the calls told about each resource. Two things may share one.
type (
	bucket struct {
		signed.Bucket
		host string // that the agent calls in the end: the one of the bucket's Region
	}
	key struct {
		signed.Key
		host string
	}
	group struct {
		signed.LogGroup
		host  string
		asked bool // an answer came
	}
)

// ask makes the calls: about all resources at once, then about the encryption
// of buckets, which must go to the Region that the first answer named.
func (r *rehearsal) ask(ctx context.Context, things []*thing) {
	var plan []*signed.Planned
	region := r.set.Place.Region
	aim := func(t *thing, host, region string, p *signed.Planned) {
		p.Purpose = t.purpose
		plan = append(plan, signed.AimAt(r.set, r.target(host), region, p))
	}
	buckets := map[string]*bucket{}
	groups := map[string]*group{}
	for _, t := range things {
		if t.why != "" || region == "" {
			continue
		}
		switch service(t.kind) {
		case "kms":
			t.key = &key{host: target("kms", region, "", r.set, r.o.Catalog).Host}
			aim(t, t.key.host, region, signed.DescribeKey(t.resource, &t.key.Key))
		case "logs":
			if t.group = groups[t.resource]; t.group == nil {
				t.group = &group{host: target("logs", region, "", r.set, r.o.Catalog).Host}
				groups[t.resource] = t.group
				aim(t, t.group.host, region, signed.DescribeLogGroups(t.resource, &t.group.LogGroup))
			}
		case "s3":
			if t.kind == fact.StepPatch {
				continue
			}
			if t.bucket = buckets[t.resource]; t.bucket == nil {
				t.bucket = &bucket{host: target("s3", region, t.resource, r.set, r.o.Catalog).Host}
				buckets[t.resource] = t.bucket
				aim(t, t.bucket.host, region, signed.HeadBucket(t.resource, bucketPath(t.resource), &t.bucket.Bucket))
			}
		}
	}
	for _, c := range r.do(ctx, plan) {
		if g := groups[c.Resource]; g != nil && c.Service == "logs" {
			g.asked = c.Status == fact.OK
		}
	}
	r.locate(ctx, things)
	r.encryption(ctx, things)
}

// each calls f once for every bucket that was asked for.
func each(things []*thing, f func(t *thing)) {
	seen := map[string]bool{}
	for _, t := range things {
		if t.bucket != nil && !seen[t.resource] {
			seen[t.resource] = true
			f(t)
		}
	}
}

// locate asks for the Region of buckets where the answer to HEAD did not name
// it, as it may be in China, and looks at the hosts of other Regions.
func (r *rehearsal) locate(ctx context.Context, things []*thing) {
	var plan []*signed.Planned
	each(things, func(t *thing) {
		if t.bucket.Region == "" && r.answered("HeadBucket", t.resource) {
			p := signed.GetBucketLocation(t.resource, bucketPath(t.resource), &t.bucket.Bucket)
			p.Purpose = t.purpose
			plan = append(plan, signed.AimAt(r.set, r.target(t.bucket.host), r.set.Place.Region, p))
		}
	})
	r.do(ctx, plan)
	var far []fact.Target
	each(things, func(t *thing) {
		if t.bucket.Region != "" && t.bucket.Region != r.set.Place.Region {
			x := target("s3", t.bucket.Region, t.resource, r.set, r.o.Catalog)
			x.Need, t.bucket.host = t.need, x.Host
			far = append(far, x)
		}
	})
	r.reach(ctx, far)
}

// answered tells whether AWS answered a call, whatever the answer.
func (r *rehearsal) answered(operation, resource string) bool {
	for _, c := range r.calls {
		if c.Operation == operation && c.Resource == resource && c.HTTPStatus != 0 {
			return true
		}
	}
	return false
}

// encryption asks for the default encryption of buckets, as the agent does
// before it starts a session that demands it, and before each upload.
func (r *rehearsal) encryption(ctx context.Context, things []*thing) {
	var plan []*signed.Planned
	each(things, func(t *thing) {
		region := t.bucket.Region
		if region == "" {
			region = r.set.Place.Region
		}
		p := signed.GetBucketEncryption(t.resource, bucketPath(t.resource), &t.bucket.Bucket)
		p.Purpose = t.purpose
		plan = append(plan, signed.AimAt(r.set, r.target(t.bucket.host), region, p))
	})
	r.do(ctx, plan)
}

// regionOf is the Region of an ARN, or empty.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}
