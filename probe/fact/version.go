package fact

import (
	"strconv"
	"strings"
)

// AgentVersion is a version of the SSM Agent: four numbers.
type AgentVersion [4]int

// OneChannel is the version from which the agent does without ec2messages once
// ssmmessages works (agent release notes 3.3.40.0, read 2024-10).
var OneChannel = AgentVersion{3, 3, 40, 0}

// ParseAgentVersion reads "3.3.987.0"; further parts are ignored. ok is false
// for what is no version, the empty text of an unknown one included.
func ParseAgentVersion(s string) (v AgentVersion, ok bool) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) < 3 {
		return AgentVersion{}, false
	}
	for i := range min(len(parts), len(v)) {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return AgentVersion{}, false
		}
		v[i] = n
	}
	return v, true
}

// Before tells whether v is older than w.
func (v AgentVersion) Before(w AgentVersion) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}
