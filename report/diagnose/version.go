package diagnose

import (
	"strconv"
	"strings"
)

// version is a version of the SSM Agent: four numbers.
type version [4]int

// Versions at which the agent's behaviour changed (RELEASENOTES, read 2024-10).
var (
	noIMDSv1    = version{3, 2, 1041, 0} // no fallback to IMDSv1
	newCommands = version{3, 1, 821, 0}  // Run Command may come over ssmmessages
	noOldPolls  = version{3, 3, 40, 0}   // ec2messages off once ssmmessages works
	twoProcess  = version{3, 0, 151, 0}  // core and worker are two processes
	pingsOften  = version{3, 3, 987, 0}  // a websocket ping every 54 s
)

// parseVersion reads "3.3.987.0"; further parts and suffixes are ignored.
func parseVersion(s string) (version, bool) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) < 3 {
		return version{}, false
	}
	var v version
	for i := range min(len(parts), 4) {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return version{}, false
		}
		v[i] = n
	}
	return v, true
}

func (v version) before(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}
