package scenario_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/report/diagnose"
)

func TestScenariosAreWellFormed(t *testing.T) {
	names, stories := map[string]bool{}, map[string]string{}
	faults, healthy := 0, 0
	for _, s := range scenario.All() {
		if names[s.Name] {
			t.Errorf("%s: the name is taken twice", s.Name)
		}
		names[s.Name] = true
		if other := stories[s.Story]; other != "" || s.Story == "" || strings.HasSuffix(s.Story, ".") {
			t.Errorf("%s: story %q (also of %q)", s.Name, s.Story, other)
		}
		stories[s.Story] = s.Name
		switch s.Kind {
		case scenario.Fault:
			faults++
		case scenario.Healthy:
			healthy++
			if s.Want.Status != "healthy" {
				t.Errorf("%s: a healthy world that wants %q", s.Name, s.Want.Status)
			}
		default:
			t.Errorf("%s: kind %q", s.Name, s.Kind)
		}
		for _, c := range append(append(s.Want.Codes[:len(s.Want.Codes):len(s.Want.Codes)], s.Want.Also...), s.Want.Never...) {
			if _, ok := diagnose.Explain(diagnose.Code(c)); !ok {
				t.Errorf("%s: nobody knows the code %s", s.Name, c)
			}
		}
		if (s.Want.Status == "broken") != (s.Want.Exit == 1) {
			t.Errorf("%s: status %s and exit %d", s.Name, s.Want.Status, s.Want.Exit)
		}
	}
	for _, s := range scenario.All() {
		if s.NearOf != "" && !names[s.NearOf] {
			t.Errorf("%s: near miss of %q, which does not exist", s.Name, s.NearOf)
		}
	}
	if faults < 40 || healthy < 15 {
		t.Errorf("%d faults and %d healthy variants, want at least 40 and 15", faults, healthy)
	}
}

// A near miss must differ from its scenario, or it shows nothing.
func TestNearMissesDiffer(t *testing.T) {
	for _, s := range scenario.All() {
		if s.NearOf == "" {
			continue
		}
		other, err := scenario.Find(s.NearOf)
		if err != nil {
			t.Fatal(err)
		}
		same := reflect.DeepEqual(s.Want, other.Want) && reflect.DeepEqual(s.Args, other.Args)
		twin := *other
		twin.Name, twin.Region = s.Name, s.Region // so that both have the same seed
		if same && reflect.DeepEqual(s.World(1), twin.World(1)) {
			t.Errorf("%s is %s again", s.Name, s.NearOf)
		}
	}
}

func TestWorldsAreReproducibleAndPlain(t *testing.T) {
	for _, s := range scenario.All() {
		w := s.World(2)
		if !reflect.DeepEqual(w, s.World(2)) {
			t.Errorf("%s: two worlds of one seed differ", s.Name)
		}
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		var back world.World
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		again, err := json.Marshal(&back)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if string(b) != string(again) {
			t.Errorf("%s: JSON loses something", s.Name)
		}
	}
}

func TestSeedsVisitAllPartitions(t *testing.T) {
	for _, s := range scenario.All() {
		if s.Region != "" {
			continue
		}
		seen := map[string]bool{}
		for n := uint64(1); n <= 3; n++ {
			seen[s.World(n).Partition] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s: partitions %v under three seeds", s.Name, seen)
		}
	}
}

// Every address of an endpoint lies in its subnet, and nobody shares one.
func TestAddressesAreConsistent(t *testing.T) {
	for _, s := range scenario.All() {
		for n := uint64(1); n <= 3; n++ {
			w := s.World(n)
			if sub := w.VPC.Subnet(w.Instance.Subnet); sub == nil || !sub.IPv6Only && !sub.CIDR.Contains(w.Instance.Addr) || w.Instance.IPv6.IsValid() && !sub.IPv6.Contains(w.Instance.IPv6) {
				t.Errorf("%s, seed %d: the instance is outside its subnet", s.Name, n)
			}
			seen := map[string]string{w.Instance.Addr.String(): "the instance"}
			for _, e := range w.VPC.Endpoints {
				for _, i := range e.Interfaces {
					if sub := w.VPC.Subnet(i.Subnet); sub == nil || !sub.CIDR.Contains(i.Addr) {
						t.Errorf("%s, seed %d: %s of %s is outside its subnet", s.Name, n, i.Addr, e.Service)
					}
					if other := seen[i.Addr.String()]; other != "" {
						t.Errorf("%s, seed %d: %s and %s share %s", s.Name, n, e.Service, other, i.Addr)
					}
					seen[i.Addr.String()] = e.Service
				}
			}
		}
	}
}

func TestFindSuggests(t *testing.T) {
	_, err := scenario.Find("nacl")
	if err == nil || !strings.Contains(err.Error(), "nacl-out") {
		t.Errorf("got %v", err)
	}
}
