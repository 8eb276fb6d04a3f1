package fact

import "testing"

func TestParseAgentVersion(t *testing.T) {
	for in, want := range map[string]AgentVersion{
		"3.3.987.0": {3, 3, 987, 0}, "3.1.821": {3, 1, 821, 0}, " 2.3.68.0\n": {2, 3, 68, 0}, "3.3.40.0.1": {3, 3, 40, 0},
	} {
		if got, ok := ParseAgentVersion(in); !ok || got != want {
			t.Errorf("%q is %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "3.3", "3.x.1.0", "3.-1.0.0", "3..1.0", "v3.3.40.0"} {
		if got, ok := ParseAgentVersion(in); ok || got != (AgentVersion{}) {
			t.Errorf("%q is %v, %v", in, got, ok)
		}
	}
}

func TestAgentVersionBefore(t *testing.T) {
	order := []AgentVersion{{2, 3, 68, 0}, {3, 1, 1732, 0}, {3, 3, 40, 0}, {3, 3, 40, 1}, {3, 3, 987, 0}, {4, 0, 0, 0}}
	for i, v := range order {
		for j, w := range order {
			if v.Before(w) != (i < j) {
				t.Errorf("%v before %v", v, w)
			}
		}
	}
}
