package agent

import (
	"fmt"
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
