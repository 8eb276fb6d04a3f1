package catalog

import "testing"

// The start of a run on a small instance: reading the embedded file and making
// the targets, without anything left over from an earlier call.
func benchmarkTargets(b *testing.B, s Selection) {
	b.ReportAllocs()
	for b.Loop() {
		d, err := parse(embedded)
		if err != nil {
			b.Fatal(err)
		}
		c := &Catalog{doc: d}
		if _, _, err := c.Targets(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTargetsDefaultProfile(b *testing.B) {
	benchmarkTargets(b, Selection{Region: "us-east-1", AccountID: "111122223333", Profiles: []string{"session-manager"}})
}

func BenchmarkTargetsAll(b *testing.B) {
	benchmarkTargets(b, Selection{Region: "us-east-1", AccountID: "111122223333", All: true})
}

func BenchmarkTargetsByServiceName(b *testing.B) {
	benchmarkTargets(b, Selection{Region: "us-east-1", Services: []string{"com.amazonaws.us-east-1.sqs"}})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(embedded); err != nil {
			b.Fatal(err)
		}
	}
}
