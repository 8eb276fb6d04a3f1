package diagnose

import (
	"fmt"
	"slices"

	"vpcdoctor/probe/fact"
)

// ownedByAWS is GW-05: S3 as such is reached, and it denies public objects in
// buckets of AWS that agent updates and patching need. S3 says 403 as well for
// an object that has moved, so an unsigned denial never is more than possible;
// where no endpoint is on the way, no policy is either.
func ownedByAWS(v *View) []Finding {
	f := Finding{Code: "GW-05", Severity: SevInfo, Confidence: Possible, Action: Action{Where: "operator"}}
	asked, denied := 0, 0
	way, seen := wayUndecided, []Evidence(nil)
	buckets, open := []string{}, []Evidence{}
	for _, o := range refs(v.Set.Objects, fact.Object.Key) {
		if !o.Ran() || o.HTTPStatus == 0 {
			continue
		}
		asked++
		text := fmt.Sprintf("HEAD %s in %s (%s): HTTP %d", plain(o.Path, 100), plain(o.Bucket, 64), plain(o.Purpose, 60), o.HTTPStatus)
		if o.HTTPStatus != 403 || o.RequestID == "" {
			if o.HTTPStatus == 200 {
				open = append(open, Evidence{o.Key(), text})
			}
			continue
		}
		denied++
		if a := o.Addr.Addr(); a.IsValid() && !public(v.classOf(a)) {
			way = wayInterface
		} else if a.IsValid() {
			way, seen = v.storeWayOf(a)
		}
		buckets = append(buckets, plain(o.Bucket, 64))
		f.Subjects = append(f.Subjects, plain(o.Bucket, 64))
		f.Evidence = append(f.Evidence, Evidence{o.Key(), text + ", request id " + plain(o.RequestID, 40)})
	}
	if denied == 0 || way == wayOut {
		return nil
	}
	if denied == asked && denied > 1 {
		f.Severity = SevWarning // not one object that has moved: all of them
	}
	f.Evidence = slices.Concat(f.Evidence[:min(2, len(f.Evidence))], seen, open[:min(1, len(open))])
	kind := "S3 endpoint, if one is on the way,"
	if way != wayUndecided {
		kind = "S3 " + way
	}
	f.Summary = fmt.Sprintf("S3 is reached and denies %s, which %s to AWS and %s public: the policy of the %s may leave %s out.",
		list(buckets, 2), verb(len(buckets), "belongs", "belong"), verb(len(buckets), "is", "are"), kind, verb(len(buckets), "it", "them"))
	f.Action.Do = "Allow s3:GetObject on the AWS-owned buckets of the Region in the policy of the S3 endpoint."
	f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID(), "Name=service-name,Values=com.amazonaws."+orWord(v.region(), "REGION")+".s3")
	f.Alternatives = []Alternative{alt("SV-01", "the same HEAD from outside this VPC is denied too: the object has moved")}
	return []Finding{f}
}
