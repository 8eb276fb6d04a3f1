package main

import (
	"os"
	"strconv"
	"strings"
)

// maxAncestors bounds the walk to PID 1.
const maxAncestors = 8

// parentName is "cloud-init" when one of our ancestors is it, else the name of
// our parent process.
func parentName() string {
	name := ""
	pid := os.Getppid()
	for range maxAncestors {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return name
		}
		s := string(b)
		open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
		if open < 0 || end < open {
			return name
		}
		comm := s[open+1 : end]
		if name == "" {
			name = comm
		}
		if strings.HasPrefix(comm, "cloud-init") {
			return "cloud-init"
		}
		fields := strings.Fields(s[end+1:])
		if len(fields) < 2 {
			return name
		}
		pid, err = strconv.Atoi(fields[1])
		if err != nil || pid <= 1 {
			return name
		}
	}
	return name
}
