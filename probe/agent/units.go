package agent

import (
	"context"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// The units under which the agent runs.
const (
	packageUnit = "amazon-ssm-agent.service"
	snapUnit    = "snap.amazon-ssm-agent.amazon-ssm-agent.service"
)

// unitProperties are asked of systemd. NRestarts is missing before 235; an
// unknown property is left out of the answer, never an error.
var unitProperties = []string{
	"Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts",
	"MainPID", "ExecMainCode", "ExecMainStatus", "ActiveEnterTimestamp", "InactiveEnterTimestamp",
	"FragmentPath", "DropInPaths", "Restart", "RestartUSec", "NeedDaemonReload", "User",
}

const (
	maxUnits    = 8   // of the answer: we ask for two
	maxPathText = 256 // of a path in a fact
	maxShown    = 16  // drop-ins of a unit that are named
)

// units asks the service manager for both units in one call. A unit that does
// not exist is part of the answer, with Load "not-found".
func (r *reader) units(ctx context.Context) ([]fact.AgentUnit, fact.Outcome) {
	// The directory that sd_booted(3) looks for. Without it systemctl would
	// only fail to connect.
	if _, err := r.Stat("/run/systemd/system"); err != nil {
		return nil, fact.Skip("systemd is not running")
	}
	start := r.now()
	out, err := r.command(ctx, "systemctl", "show", "--no-pager",
		"-p", strings.Join(unitProperties, ","), packageUnit, snapUnit)
	o := fact.Outcome{Status: fact.OK, Start: start.UTC(), Took: fact.Duration(r.now().Sub(start))}
	if err != nil {
		o.Status, o.Class, o.Detail = fact.Failed, classOf(err), classify.Clean(err.Error(), 2*maxText)
		o.CutByBudget = ctx.Err() != nil
		return nil, o
	}
	units := parseUnits(string(out), r.now())
	if len(units) == 0 {
		o.Status, o.Class, o.Detail = fact.Failed, fact.Malformed, "systemctl show named no unit"
	}
	return units, o
}

// parseUnits reads the output of systemctl show: one Name=value a line, units
// parted by an empty line.
func parseUnits(text string, now time.Time) []fact.AgentUnit {
	var out []fact.AgentUnit
	props := map[string]string{}
	flush := func() {
		if props["Id"] != "" && len(out) < maxUnits {
			out = append(out, unit(props, now))
		}
		clear(props)
	}
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if l == "" {
			flush()
			continue
		}
		// No unit has more than the properties we asked for.
		if name, value, ok := strings.Cut(l, "="); ok && len(props) < len(unitProperties) {
			props[name] = classify.Clean(value, maxShown*maxPathText)
		}
	}
	flush()
	return out
}

// unit builds the fact from one unit's properties.
func unit(p map[string]string, now time.Time) fact.AgentUnit {
	text := func(name string) string { return classify.Clean(p[name], maxText) }
	u := fact.AgentUnit{
		Name: text("Id"), Load: text("LoadState"), Active: text("ActiveState"), Sub: text("SubState"),
		UnitFile: text("UnitFileState"), Result: text("Result"),
		Restarts: count(p["NRestarts"]), MainPID: count(p["MainPID"]), ExitCode: count(p["ExecMainStatus"]),
		Fragment: classify.Clean(p["FragmentPath"], maxPathText),
		Restart:  text("Restart"), RestartAfter: fact.Duration(timeSpan(p["RestartUSec"])),
		Reload: p["NeedDaemonReload"] == "yes", User: text("User"),
	}
	for path := range strings.FieldsSeq(p["DropInPaths"]) {
		if len(u.DropIns) < maxShown {
			u.DropIns = append(u.DropIns, classify.Clean(path, maxPathText))
		}
	}
	switch p["ExecMainCode"] {
	case "2", "3": // CLD_KILLED and CLD_DUMPED: the status is a signal (waitid(2))
		u.ExitSignal, u.ExitCode = u.ExitCode, 0
	}
	if u.Active != "active" {
		u.Since = unitTime(p["InactiveEnterTimestamp"])
		return u
	}
	u.Since = unitTime(p["ActiveEnterTimestamp"])
	if !u.Since.IsZero() && now.After(u.Since) {
		u.ActiveFor = fact.Duration(now.Sub(u.Since))
	}
	return u
}

// count reads a number that is not negative; anything else is 0.
func count(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// unitTime reads a time as systemctl prints it under TZ=UTC; zero when it is
// empty ("n/a" on old versions) or in another zone, whose name is ambiguous.
func unitTime(s string) time.Time {
	t, err := time.Parse("Mon 2006-01-02 15:04:05 UTC", s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// spanUnits are the units in which systemd prints a time span.
var spanUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// tenYears bounds a span: nobody waits that long before a restart.
const tenYears = 10 * 365 * 24 * time.Hour

// timeSpan reads a time span as systemctl prints it, "1min 30s"; zero for
// "infinity", and for spans of months and years, whose length is a convention.
func timeSpan(s string) time.Duration {
	var sum time.Duration
	for word := range strings.FieldsSeq(s) {
		digits := strings.TrimRight(word, "abcdefghijklmnopqrstuvwxyz")
		n, err := strconv.ParseFloat(digits, 64)
		unit := spanUnits[word[len(digits):]]
		if err != nil || unit == 0 || !(n >= 0 && n <= float64(tenYears/unit)) {
			return 0
		}
		if sum += time.Duration(n * float64(unit)); sum > tenYears {
			return 0
		}
	}
	return sum
}
