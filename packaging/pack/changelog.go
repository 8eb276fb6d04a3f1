package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var heading = regexp.MustCompile(`^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$`)

// entry is one version of the changelog.
type entry struct {
	version string
	date    time.Time
	notes   []string
}

// entries reads a changelog in the form of keepachangelog.com: versions under
// level-2 headings, changes as list items. What is unreleased belongs to the
// version at hand.
func entries(text, version string, date time.Time) []entry {
	var out []entry
	item := false // the line belongs to a change
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			e := entry{version: m[1], date: date}
			if m[1] == "Unreleased" {
				e.version = version
			}
			if day, err := time.Parse(time.DateOnly, m[2]); err == nil {
				e.date = day
			}
			out, item = append(out, e), false
			continue
		}
		if len(out) == 0 {
			continue
		}
		e := &out[len(out)-1]
		switch note, ok := strings.CutPrefix(line, "- "); {
		case ok:
			e.notes, item = append(e.notes, note), true
		case item && strings.HasPrefix(line, "  "):
			e.notes[len(e.notes)-1] += " " + strings.TrimSpace(line)
		default:
			item = false
		}
	}
	return out
}

// released tells what keeps a version from being released.
func released(text, version string) error {
	if !release.MatchString(version) || strings.HasPrefix(version, "v") {
		return fmt.Errorf("version %q: want x.y.z, or x.y.z-rc1", version)
	}
	const waiting = "unreleased"
	found := false
	for _, e := range entries(text, waiting, time.Time{}) {
		if e.version == waiting && len(e.notes) > 0 {
			return fmt.Errorf("%d changes stand under Unreleased: give them the heading of %s", len(e.notes), version)
		}
		if e.version == version {
			found = len(e.notes) > 0 && !e.date.IsZero()
		}
	}
	if !found {
		return fmt.Errorf("no section \"## [%s] - YYYY-MM-DD\" with changes", version)
	}
	return nil
}

// changelog writes the entries in the form that nfpm reads.
func changelog(text, version string, date time.Time) []byte {
	var b strings.Builder
	for _, e := range entries(text, version, date) {
		if len(e.notes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "- semver: %s\n  date: %s\n  packager: vpcdoctor maintainers <maintainers@vpcdoctor.example>\n",
			e.version, e.date.Format(time.RFC3339))
		fmt.Fprintf(&b, "  deb: {urgency: medium, distributions: [stable]}\n  changes:\n")
		for _, n := range e.notes {
			fmt.Fprintf(&b, "    - {commit: \"%040d\", note: %s}\n", 0, strconv.Quote(n))
		}
	}
	return []byte(b.String())
}
