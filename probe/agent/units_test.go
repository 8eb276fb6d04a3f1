package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vpcdoctor/probe/fact"
)

func TestUnits(t *testing.T) {
	missing := fact.AgentUnit{Name: snapUnit, Load: "not-found", Active: "inactive", Sub: "dead", Result: "success"}
	for _, c := range []struct {
		name, props string
		want        fact.AgentUnit
	}{
		{"running", fmt.Sprintf(unitRunning, packageUnit), fact.AgentUnit{
			Load: "loaded", Active: "active", Sub: "running", UnitFile: "enabled", Result: "success",
			Restarts: 2, MainPID: 812, Since: now.Add(-100 * time.Second), ActiveFor: fact.Duration(100 * time.Second),
		}},
		{"masked", "Id=amazon-ssm-agent.service\nLoadState=masked\nActiveState=inactive\nSubState=dead\nUnitFileState=masked\nResult=success", fact.AgentUnit{
			Load: "masked", Active: "inactive", Sub: "dead", UnitFile: "masked", Result: "success",
		}},
		{"failed", "Id=amazon-ssm-agent.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\nResult=exit-code\nExecMainStatus=194\nInactiveEnterTimestamp=Sat 2026-11-21 11:59:00 UTC", fact.AgentUnit{
			Load: "loaded", Active: "failed", Sub: "failed", UnitFile: "enabled", Result: "exit-code", ExitCode: 194, Since: now.Add(-time.Minute),
		}},
		{"stopped and disabled", "Id=amazon-ssm-agent.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\nActiveEnterTimestamp=\nInactiveEnterTimestamp=n/a", fact.AgentUnit{
			Load: "loaded", Active: "inactive", Sub: "dead", UnitFile: "disabled",
		}},
		{"between two restarts", "Id=amazon-ssm-agent.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nUnitFileState=enabled\nResult=success\nNRestarts=41\nMainPID=0", fact.AgentUnit{
			Load: "loaded", Active: "activating", Sub: "auto-restart", UnitFile: "enabled", Result: "success", Restarts: 41,
		}},
		{"killed for memory", "Id=amazon-ssm-agent.service\nLoadState=loaded\nActiveState=failed\nResult=oom-kill\nNRestarts=-1", fact.AgentUnit{
			Load: "loaded", Active: "failed", Result: "oom-kill",
		}},
		{"its program could not be started", "Id=amazon-ssm-agent.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=signal\nExecMainCode=2\nExecMainStatus=9\n" +
			"FragmentPath=/lib/systemd/system/amazon-ssm-agent.service\nDropInPaths=/etc/systemd/system/amazon-ssm-agent.service.d/a.conf /run/b\x1b.conf\n" +
			"Restart=always\nRestartUSec=1min 30s\nNeedDaemonReload=yes\nUser=ssm", fact.AgentUnit{
			Load: "loaded", Active: "activating", Sub: "auto-restart", Result: "signal", ExitSignal: 9,
			Fragment: "/lib/systemd/system/amazon-ssm-agent.service",
			DropIns:  []string{"/etc/systemd/system/amazon-ssm-agent.service.d/a.conf", "/run/b?.conf"},
			Restart:  "always", RestartAfter: fact.Duration(90 * time.Second), Reload: true, User: "ssm",
		}},
		{"an exit with a status, in the words of the first case", "Id=amazon-ssm-agent.service\nExecMainCode=1\nExecMainStatus=9\nNeedDaemonReload=no\nUser=\nDropInPaths=\nRestartUSec=infinity", fact.AgentUnit{
			ExitCode: 9,
		}},
		{"twenty drop-ins", "Id=amazon-ssm-agent.service\nDropInPaths=" + strings.Repeat("/etc/a ", 20), fact.AgentUnit{
			DropIns: slices.Repeat([]string{"/etc/a"}, maxShown),
		}},
		{"a time in another zone is not taken", "Id=amazon-ssm-agent.service\nActiveState=active\nActiveEnterTimestamp=Sat 2026-11-21 11:58:20 CST", fact.AgentUnit{
			Active: "active",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmds := &commands{answers: map[string]string{"systemctl show": shown(c.props, fmt.Sprintf(unitMissing, snapUnit))}}
			a, _ := read(t, system(), cmds)
			c.want.Name = packageUnit
			if d := cmp.Diff([]fact.AgentUnit{c.want, missing}, a.Units); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if a.UnitsRun.Status != fact.OK || len(cmds.ran) != 1 {
				t.Errorf("units_run %+v, ran %q", a.UnitsRun, cmds.ran)
			}
		})
	}
}

func TestUnitsNotKnown(t *testing.T) {
	t.Run("no systemd", func(t *testing.T) {
		tr := system()
		delete(tr, "/run/systemd/system/multi-usr")
		cmds := &commands{}
		a, _ := read(t, tr, cmds)
		if a.UnitsRun.Status != fact.NotRun || len(cmds.ran) != 0 {
			t.Errorf("units_run %+v, ran %q", a.UnitsRun, cmds.ran)
		}
	})
	for name, c := range map[string]struct {
		answer string
		want   fact.Class
	}{
		"no systemctl":       {"", fact.NotFound},
		"a bus that fails":   {"fails: exit status 1: Failed to connect to bus", fact.OtherFailure},
		"an answer of trash": {"<html>\n", fact.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			cmds := &commands{answers: map[string]string{}}
			if c.answer != "" {
				cmds.answers["systemctl"] = c.answer
			}
			a, _ := read(t, system(), cmds)
			if a.UnitsRun.Status != fact.Failed || a.UnitsRun.Class != c.want || a.Units != nil {
				t.Errorf("units_run %+v, units %+v", a.UnitsRun, a.Units)
			}
		})
	}
}

func TestTimeSpan(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"1min 30s":                   90 * time.Second,
		"100ms":                      100 * time.Millisecond,
		"1w 2d 3h":                   9*24*time.Hour + 3*time.Hour,
		"2.500s":                     2500 * time.Millisecond,
		"0":                          0,
		"":                           0,
		"infinity":                   0,
		"1month":                     0,
		"-5s":                        0,
		"NaNs":                       0,
		"9e99s":                      0,
		"9000w 1s 2":                 0,
		strings.Repeat("500w ", 400): 0,
	} {
		if got := timeSpan(in); got != want {
			t.Errorf("timeSpan(%.20q) = %v, want %v", in, got, want)
		}
	}
}
