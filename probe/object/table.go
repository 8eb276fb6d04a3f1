package object

import (
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// row is one bucket of the table. {region} stands for the Region's id.
type row struct {
	id, purpose string
	bucket      string
	named       map[string]string // where the name of the bucket breaks the pattern
	only        bool              // it exists in the Regions of named and nowhere else
	key         string            // of a public object; empty: none is known
	keyIn       []string          // partitions where that object is known; nil: wherever the bucket is
}

const (
	aws   = "aws"
	china = "aws-cn"
	gov   = "aws-us-gov"
)

// rows are the buckets. Sources: Systems Manager User Guide, "SSM Agent
// communications with AWS managed S3 buckets" and "Amazon S3 buckets for
// patching operations"; ECR User Guide, "interface VPC endpoints", minimum S3
// permissions; Amazon Linux 2 and 2023 repository files (all read 2026-11). The
// object VERSION is what the agent's own version check asks for.
var rows = []row{
	{
		id: "agent-update", purpose: "SSM Agent updates", bucket: "amazon-ssm-{region}",
		key: "latest/VERSION",
	},
	{id: "ssm-modules", purpose: "Run Command documents and patching", bucket: "aws-ssm-{region}"},
	{
		id: "patch-baseline", purpose: "Patch Manager baselines", bucket: "patch-baseline-snapshot-{region}",
		named: snapshots,
	},
	{
		id: "patch-modules", purpose: "Patch Manager modules", named: patchModules, only: true,
	},
	{id: "ssm-packages", purpose: "packages of older SSM Agents", bucket: "amazon-ssm-packages-{region}"},
	{id: "distributor", purpose: "Distributor, AWS-ConfigureAWSPackage", bucket: "{region}-birdwatcher-prod"},
	{
		id: "distributor-files", purpose: "Distributor in newer Regions", only: true,
		named: map[string]string{
			"af-south-1": "aws-ssm-distributor-file-af-south-1",
			"eu-south-1": "aws-ssm-distributor-file-eu-south-1",
		},
	},
	{id: "attachments", purpose: "Distributor packages owned by AWS", bucket: "aws-ssm-document-attachments-{region}"},
	{id: "windows-downloads", purpose: "documents for Windows Server, AWSEC2-ConfigureSTIG", bucket: "aws-windows-downloads-{region}"},
	{id: "ecr-layers", purpose: "layers of ECR images", bucket: "prod-{region}-starport-layer-bucket"},
	{
		id: "al2023-repos", purpose: "dnf on Amazon Linux 2023", bucket: "al2023-repos-{region}-de612dc2",
		key: "core/mirrors/latest/x86_64/mirror.list", keyIn: []string{aws},
	},
	{
		id: "al2-repos", purpose: "yum on Amazon Linux 2", bucket: "amazonlinux-2-repos-{region}",
		key: "2/core/latest/x86_64/mirror.list", keyIn: []string{aws, china},
	},
}

// supported are the partitions whose bucket names are documented. The others
// are never asked: nobody outside can check what they answer.
var supported = []string{aws, china, gov}

// snapshots are the buckets of patch baselines with a suffix of their own.
var snapshots = map[string]string{
	"af-south-1":     "patch-baseline-snapshot-af-south-1-tbxdb5b9",
	"ap-south-2":     "patch-baseline-snapshot-ap-south-2-50209442",
	"ap-southeast-3": "patch-baseline-snapshot-ap-southeast-3-be0a3174",
	"ap-southeast-4": "patch-baseline-snapshot-ap-southeast-4-dc6f76ce",
	"eu-south-2":     "patch-baseline-snapshot-eu-south-2-df2c9d70",
	"me-south-1":     "patch-baseline-snapshot-me-south-1-uduvl7q8",
}

// patchModules are the buckets of Patch Manager's modules. Each has a suffix
// that follows no rule, so there is none for a Region that is not listed.
var patchModules = map[string]string{
	"us-east-2":      "aws-patch-manager-us-east-2-552881074",
	"us-east-1":      "aws-patch-manager-us-east-1-1970c647d",
	"us-west-1":      "aws-patch-manager-us-west-1-8badb4304",
	"us-west-2":      "aws-patch-manager-us-west-2-34d7f99f8",
	"af-south-1":     "aws-patch-manager-af-south-1-bdd5f65a9",
	"ap-east-1":      "aws-patch-manager-ap-east-1-632356271",
	"ap-south-2":     "aws-patch-manager-ap-south-2-32f4b4128",
	"ap-southeast-3": "aws-patch-manager-ap-southeast-3-aa48fc462",
	"ap-southeast-4": "aws-patch-manager-ap-southeast-4-01e2c40d3",
	"ap-south-1":     "aws-patch-manager-ap-south-1-cb7c62ff9",
	"ap-northeast-3": "aws-patch-manager-ap-northeast-3-67373598a",
	"ap-northeast-2": "aws-patch-manager-ap-northeast-2-10467995c",
	"ap-southeast-1": "aws-patch-manager-ap-southeast-1-7fdfd9ef7",
	"ap-southeast-2": "aws-patch-manager-ap-southeast-2-17283a275",
	"ap-northeast-1": "aws-patch-manager-ap-northeast-1-4849fa78f",
	"ca-central-1":   "aws-patch-manager-ca-central-1-3148e69e3",
	"ca-west-1":      "aws-patch-manager-ca-west-1-9e3a4b2f9",
	"eu-central-1":   "aws-patch-manager-eu-central-1-9163fdaaf",
	"eu-west-1":      "aws-patch-manager-eu-west-1-5522fb710",
	"eu-west-2":      "aws-patch-manager-eu-west-2-902a2bc74",
	"eu-south-1":     "aws-patch-manager-eu-south-1-c52f3f594",
	"eu-west-3":      "aws-patch-manager-eu-west-3-29bf85721",
	"eu-south-2":     "aws-patch-manager-eu-south-2-a4cf248b1",
	"eu-north-1":     "aws-patch-manager-eu-north-1-795879e9b",
	"eu-central-2":   "aws-patch-manager-eu-central-2-184ce43c8",
	"il-central-1":   "aws-patch-manager-il-central-1-e221cb57b",
	"me-south-1":     "aws-patch-manager-me-south-1-a53fc9dce",
	"me-central-1":   "aws-patch-manager-me-central-1-2932f2f80",
	"sa-east-1":      "aws-patch-manager-sa-east-1-ddf4b6a09",
}

// Reasons why an object of the table was not asked for.
const (
	ListedOnly = "no public object is known in this bucket"
	NotAsked   = "not asked"
)

// Table is the buckets of the Region, in the order of how many instances need
// them. Those with a Path hold a public object that may be asked for; the others
// are only listed. All are NotRun. The host is the Region's S3 endpoint with
// the bucket in the path, as the SSM Agent asks: one name, one connection, one
// certificate for all, and the policy of an endpoint sees the bucket either way.
// Nil: the Region is not known, or its partition's names are not documented.
func Table(place fact.Place) []fact.Object {
	if place.Region == "" || place.DNSSuffix == "" || !slices.Contains(supported, place.Partition) {
		return nil
	}
	var out []fact.Object
	for _, r := range rows {
		bucket, ok := r.in(place)
		if !ok {
			continue
		}
		o := fact.Object{
			Outcome: fact.Skip(ListedOnly), ID: r.id, Purpose: r.purpose,
			Bucket: bucket, Host: "s3." + place.Region + "." + place.DNSSuffix,
		}
		if r.key != "" && (r.keyIn == nil || slices.Contains(r.keyIn, place.Partition)) {
			o.Outcome, o.Path = fact.Skip(NotAsked), "/"+bucket+"/"+r.key
		}
		out = append(out, o)
	}
	return out
}

// in is the name of the bucket in a Region.
func (r row) in(place fact.Place) (bucket string, ok bool) {
	if b, ok := r.named[place.Region]; ok {
		return b, true
	}
	return strings.ReplaceAll(r.bucket, "{region}", place.Region), !r.only
}
