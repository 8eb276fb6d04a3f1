package scenario_test

import (
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/report/diagnose"
)

// Every program that can stand in does so in a scenario, and only there.
func TestProgramsStandIn(t *testing.T) {
	missing := map[world.Program]bool{world.Dnsmasq: true, world.Unbound: true, world.Nginx: true, world.Squid: true}
	for _, s := range scenario.Programs() {
		delete(missing, s.Program)
		if s.Program == world.NoProgram {
			t.Errorf("%s: no program", s.Name)
		}
		if near, err := scenario.Find(s.NearOf); err != nil || near.Name == s.Name {
			t.Errorf("%s: near miss of %q: %v", s.Name, s.NearOf, err)
		}
		for _, c := range s.Want.Codes {
			if _, ok := diagnose.Explain(diagnose.Code(c)); !ok {
				t.Errorf("%s: nobody knows the code %s", s.Name, c)
			}
		}
	}
	for p := range missing {
		t.Errorf("%s stands in nowhere", p)
	}
	for _, s := range scenario.All() {
		if s.Program != world.NoProgram {
			t.Errorf("%s needs %s: it belongs to Programs", s.Name, s.Program)
		}
	}
}
