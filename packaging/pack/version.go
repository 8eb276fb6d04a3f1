package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var (
	release = regexp.MustCompile(`^v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d*)?)$`)
	after   = regexp.MustCompile(`^v?(\d+)\.(\d+)\.(\d+)-`)
)

// packageVersion turns the answer of git describe into a version that deb, rpm
// and apk sort alike: a release keeps its own; whatever comes after one is an
// early form of the next, because "1.2.0-5-gabc" would sort before 1.2.0.
func packageVersion(describe string, date time.Time) string {
	if m := release.FindStringSubmatch(describe); m != nil {
		return m[1]
	}
	base := "0.0.0"
	if m := after.FindStringSubmatch(describe); m != nil {
		patch, _ := strconv.Atoi(m[3])
		base = fmt.Sprintf("%s.%s.%d", m[1], m[2], patch+1)
	}
	return base + "-pre" + date.Format("20060102150405")
}
