package agentlog

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata" // zones of the table

	"vpcdoctor/probe/fact"
)

func TestZone(t *testing.T) {
	for _, c := range []struct {
		name, zone  string
		walls, want []string
	}{
		{"UTC", "UTC", []string{"2026-11-20 09:00:00"}, []string{"2026-11-20T09:00:00Z"}},
		{"half hours", "Asia/Kolkata", []string{"2026-11-20 09:00:00.5"}, []string{"2026-11-20T03:30:00.5Z"}},
		{"winter", "Europe/Berlin", []string{"2026-01-20 09:00:00"}, []string{"2026-01-20T08:00:00Z"}},
		{"summer", "Europe/Berlin", []string{"2026-07-20 09:00:00"}, []string{"2026-07-20T07:00:00Z"}},
		{"both in one log", "Europe/Berlin", []string{"2026-10-24 12:00:00", "2026-10-26 12:00:00"}, []string{"2026-10-24T10:00:00Z", "2026-10-26T11:00:00Z"}},
		{"the hour that exists twice, once through", "Europe/Berlin",
			[]string{"2026-10-25 02:10:00", "2026-10-25 02:50:00", "2026-10-25 02:05:00", "2026-10-25 02:55:00", "2026-10-25 03:10:00"},
			[]string{"2026-10-25T00:10:00Z", "2026-10-25T00:50:00Z", "2026-10-25T01:05:00Z", "2026-10-25T01:55:00Z", "2026-10-25T02:10:00Z"}},
		{"the hour that does not exist", "America/New_York",
			[]string{"2026-03-08 01:59:59", "2026-03-08 02:30:00", "2026-03-08 03:00:01"},
			[]string{"2026-03-08T06:59:59Z", "2026-03-08T07:30:00Z", "2026-03-08T07:00:01Z"}},
		{"half an hour of summer", "Australia/Lord_Howe",
			[]string{"2026-04-05 01:40:00", "2026-04-05 01:35:00", "2026-04-05 02:01:00"},
			[]string{"2026-04-04T14:40:00Z", "2026-04-04T15:05:00Z", "2026-04-04T15:31:00Z"}},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		z := newZone(loc, now)
		for i, s := range c.walls {
			w, _, ok := wallClock([]byte(s + " INFO x"))
			if !ok {
				t.Fatalf("%s: %q is no time", c.name, s)
			}
			if got := z.utc(w).Format(time.RFC3339Nano); got != c.want[i] {
				t.Errorf("%s: %s is %s, want %s", c.name, s, got, c.want[i])
			}
		}
	}
}

// TestZoneAgainstTime compares two years of a log with package time.
func TestZoneAgainstTime(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "Africa/Casablanca", "UTC"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z := newZone(loc, now)
		for at := time.Date(2025, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2027; at = at.Add(10 * time.Minute) {
			w, _, ok := wallClock([]byte(at.In(loc).Format(dateForm) + " x"))
			if !ok {
				t.Fatal(at)
			}
			if got := z.utc(w); !got.Equal(at) {
				t.Errorf("%s: %s is %s", name, at.In(loc), got)
			}
		}
	}
}

// TestLocaltime reads the zone of the system that the log is of.
func TestLocaltime(t *testing.T) {
	root := place(t, map[string]string{mainLog: begins})
	zone := []byte("TZif2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04" +
		"\x00\x00\x70\x80\x00\x00CST\x00" +
		"TZif2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04" +
		"\x00\x00\x70\x80\x00\x00CST\x00\nCST-8\n")
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/localtime"), zone, 0o644); err != nil {
		t.Fatal(err)
	}
	l := Read(t.Context(), Options{Root: root, Now: func() time.Time { return now }})
	if l.Zone != fact.Duration(8*time.Hour) || !l.Start.Equal(time.Date(2026, 11, 20, 1, 0, 0, 2e8, time.UTC)) {
		t.Errorf("zone %v, start %v", l.Zone.Std(), l.Start)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/localtime"), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if l := Read(t.Context(), Options{Root: root}); l.Status != fact.OK || l.Start.IsZero() {
		t.Errorf("a zone that is none: %+v", l)
	}
}

func TestDays(t *testing.T) {
	for at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2101; at = at.AddDate(0, 0, 1) {
		if got := days(at.Year(), int(at.Month()), at.Day()); got != at.Unix()/86400 {
			t.Fatalf("%s: %d", at, got)
		}
	}
}
