package catalog

import "slices"

// Lifecycle is what AWS announced about the end of a service.
type Lifecycle struct {
	Retires   string // ISO date after which the service may be gone
	MinAgent  string // first version of the SSM Agent that does without it
	OldAgent  string // below this version Run Command has no other channel
	Confirmed bool   // for the Region asked about
	Offered   bool   // in the Region asked about
	Source    string
}

// youngRegions opened in 2024 or later. AWS does not offer ec2messages in them
// (Systems Manager guide, setup-create-vpc, read 2026-11).
var youngRegions = []string{
	"ap-east-2", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "eusc-de-east-1", "mx-central-1",
}

// LifecycleOf returns what was announced about a service, for one Region. Only
// ec2messages has such an entry: the agent's old message channel. The
// announcement reached us for the commercial partition (public discussion in
// ministryofjustice/modernisation-platform issue 13918, 2026); for China,
// GovCloud and the other partitions nothing confirms it.
func LifecycleOf(id, region string) (Lifecycle, bool) {
	if id != "ec2messages" {
		return Lifecycle{}, false
	}
	p := Embedded().doc.partition(region)
	return Lifecycle{
		Retires: "2026-09-30", MinAgent: "3.3.40.0", OldAgent: "3.1.821.0",
		Confirmed: p != nil && p.ID == "aws",
		Offered:   !slices.Contains(youngRegions, region),
		Source:    "AWS notice, discussed in ministryofjustice/modernisation-platform issue 13918",
	}, true
}

// fullNote is the catalogue's note with what is known of the service's end.
func (x expansion) fullNote() string {
	note := x.note
	if l, ok := LifecycleOf(x.entry.ID, x.region); ok && !l.Offered {
		note = "Not offered in " + x.region + ", which opened in 2024 or later. " + note
	}
	if x.entry.Lifecycle != "" {
		if note != "" {
			note += ". "
		}
		note += x.entry.Lifecycle
	}
	return note
}
