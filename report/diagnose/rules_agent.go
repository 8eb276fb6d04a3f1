package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

func agentRules() []Rule {
	return []Rule{
		{Code: "AG-01", Eval: notInstalled},
		{Code: "AG-02", Eval: notRunning, Explains: []Code{"AG-20"}},
		{Code: "AG-03", Eval: twice},
		{Code: "AG-05", Eval: oldAgent},
		{Code: "AG-06", Eval: overridden},
		{Code: "AG-07", Eval: cloned, Explains: []Code{"AG-20"}},
		{Code: "AG-08", Eval: hybrid, Explains: []Code{"AG-07", "AG-20"}},
		{Code: "AG-17", Eval: otherRegion},
		{Code: "AG-20", Eval: noWorker},
		{Code: "AG-22", Eval: badConfig, Explains: []Code{"AG-02", "AG-20"}},
	}
}

func loadedUnits(a *fact.Agent) []fact.AgentUnit {
	var out []fact.AgentUnit
	for _, u := range sorted(a.Units, func(u fact.AgentUnit) string { return u.Name }) {
		if u.Load != "not-found" && u.Load != "" {
			out = append(out, u)
		}
	}
	return out
}

// notInstalled needs two witnesses: the service manager and the process table.
func notInstalled(v *View) []Finding {
	a := &v.Set.Agent
	if !v.managed() || a.UnitsRun.Status != fact.OK || a.ProcsRun.Status != fact.OK || a.Access.Status != fact.OK {
		return nil
	}
	if len(a.Installs) > 0 || len(loadedUnits(a)) > 0 || len(a.Procs) > 0 {
		return nil
	}
	return []Finding{{
		Code: "AG-01", Severity: SevError, Confidence: Likely,
		Summary:  "The SSM Agent is not installed: no binary, no unit and no process of it were found.",
		Evidence: []Evidence{{"", "no install found in the places of rpm, deb and snap"}, {"", "the service manager knows no unit of it"}, {"", "no process of it"}},
		Action:   Action{Do: "Install the agent; the package is in the Region's S3 bucket amazon-ssm-REGION.", Command: "sudo yum install -y amazon-ssm-agent", Where: "instance", Verify: "systemctl is-active amazon-ssm-agent"},
	}}
}

// manyRestarts is beyond what upgrades cause; the unit restarts every 90 s.
const manyRestarts = 3

func notRunning(v *View) []Finding {
	a := &v.Set.Agent
	units := loadedUnits(a)
	if !v.managed() || a.UnitsRun.Status != fact.OK || len(units) == 0 {
		return nil
	}
	// One unit that is well is enough: the other may be a leftover.
	u := units[0]
	for _, x := range units {
		if x.Active == "active" && x.Restarts <= manyRestarts {
			u = x
			if x.UnitFile == "" || x.UnitFile == "enabled" || x.UnitFile == "static" || x.UnitFile == "generated" {
				return nil
			}
		}
	}
	f := Finding{Code: "AG-02", Severity: SevError, Confidence: Proved, Subjects: []string{plain(u.Name, 80)},
		Evidence: []Evidence{{"", fmt.Sprintf("unit %s: load %s, active %s (%s), unit file %s, result %s, restarts %d",
			plain(u.Name, 60), u.Load, u.Active, u.Sub, u.UnitFile, u.Result, u.Restarts)}},
		Action: Action{Do: "Enable and start the agent.", Command: "sudo systemctl enable --now " + v.unit(), Where: "instance", Verify: "systemctl is-active " + v.unit()},
	}
	if command(v.unit()) == "" {
		f.Action.Command = "sudo systemctl enable --now amazon-ssm-agent"
	}
	switch {
	case u.Load == "masked" || u.UnitFile == "masked":
		f.Summary = fmt.Sprintf("The unit %s is masked: the agent cannot start.", u.Name)
		f.Action.Do, f.Action.Command = "Unmask the unit, then enable and start it.", command("sudo", "systemctl", "unmask", v.unit())
	case u.Active == "active" && u.Restarts <= manyRestarts:
		f.Severity = SevWarning
		f.Summary = fmt.Sprintf("The agent runs, but its unit %s is %s: it will not start at the next boot.", u.Name, u.UnitFile)
		f.Action.Do, f.Action.Command = "Enable the unit.", command("sudo", "systemctl", "enable", v.unit())
	case u.Restarts > manyRestarts:
		f.Confidence = Likely
		f.Summary = fmt.Sprintf("The agent exits again and again: %s was restarted %d times.", u.Name, u.Restarts)
		f.Action.Do, f.Action.Command = "Read why it exits; a restart alone does not help.", command("sudo", "journalctl", "-u", v.unit(), "-n", "50")
	default:
		f.Summary = fmt.Sprintf("The SSM Agent is not running: %s is %s.", u.Name, orWord(u.Active, "not active"))
	}
	v.history(&f)
	return []Finding{f}
}

func twice(v *View) []Finding {
	a := &v.Set.Agent
	snap, pkg := "", ""
	for _, i := range sorted(a.Installs, func(i fact.AgentInstall) string { return i.Kind + i.Path }) {
		switch i.Kind {
		case "snap":
			snap = i.Path
		case "rpm", "deb":
			pkg = i.Path
		}
	}
	if snap == "" || pkg == "" {
		return nil
	}
	return []Finding{{
		Code: "AG-03", Severity: SevWarning, Confidence: Likely,
		Summary:  "The SSM Agent is installed as a snap and as a package. Both use one state directory.",
		Evidence: []Evidence{{"", "snap: " + plain(snap, 100)}, {"", "package: " + plain(pkg, 100)}},
		Action:   Action{Do: "Remove one of the two, most often the package.", Command: "snap list amazon-ssm-agent", Where: "instance"},
	}}
}

// oldAgent: the channel of these versions is being retired. It is an error
// for those that know no other one, whether ec2messages works today or not.
func oldAgent(v *View) []Finding {
	ver, ok := parseVersion(v.Set.Agent.Version)
	if !ok || !ver.before(noOldPolls) || !v.managed() {
		return nil
	}
	text := plain(v.Set.Agent.Version, 30)
	f := Finding{Code: "AG-05", Severity: SevWarning, Confidence: Likely,
		Summary:  fmt.Sprintf("SSM Agent %s still uses ec2messages, the old channel of Run Command, which AWS is retiring.", text),
		Evidence: []Evidence{{"", "SSM Agent " + text + "; ec2messages is not needed from 3.3.40.0 on"}},
		Action:   Action{Do: "Update the agent to 3.3.40.0 or later.", Command: "sudo yum update -y amazon-ssm-agent", Where: "instance", Verify: "amazon-ssm-agent -version"},
	}
	if ver.before(newCommands) {
		f.Severity = SevError
		f.Summary = fmt.Sprintf("SSM Agent %s receives Run Command by ec2messages only, the old channel, which AWS is retiring.", text)
	}
	if v.failing("ec2messages") {
		f.Summary += " ec2messages does not work here."
		f.Evidence = append(f.Evidence, v.evidence(v.groupOf("EP-02"), 1)...)
	}
	return []Finding{f}
}

func (v *View) failing(id string) bool {
	return slices.ContainsFunc(v.Paths, func(p *Path) bool { return p.T.ID == id && p.Counts && p.Status == Fail })
}

func overridden(v *View) []Finding {
	c := &v.Set.Agent.Config
	if len(c.Overrides) == 0 {
		return nil
	}
	f := Finding{Code: "AG-06", Severity: SevInfo, Confidence: Proved, Action: Action{
		Do: "Nothing, if intended. The overridden names are the ones that were checked.", Command: "cat /etc/amazon/ssm/amazon-ssm-agent.json", Where: "instance"}}
	var names []string
	for _, o := range sorted(c.Overrides, func(o fact.Override) string { return o.Key + o.Host }) {
		names = append(names, plain(o.Key+" = "+o.Host, 120))
		f.Evidence = append(f.Evidence, Evidence{"", plain(o.Key+" = "+o.Host, 200)})
	}
	f.Summary = "The agent's config file sets its own endpoints: " + list(names, 3) + "."
	return []Finding{f}
}

func cloned(v *View) []Finding {
	id, own := v.Set.Agent.Identity, v.Set.IMDS.InstanceID
	if id.Status != fact.OK || id.InstanceID == "" || own == "" || id.InstanceID == own || !strings.HasPrefix(id.InstanceID, "i-") {
		return nil
	}
	f := Finding{
		Code: "AG-07", Severity: SevWarning, Confidence: Likely,
		Summary:  fmt.Sprintf("The agent's record names the instance %s, this is %s: the image was made from a registered instance.", plain(id.InstanceID, 40), own),
		Evidence: []Evidence{{"", "identity_config.json: " + plain(id.InstanceID, 40)}, {"", "instance id by IMDS: " + plain(own, 40)}},
		Action:   Action{Do: "Restart the agent, so that it reads its identity anew; if the record stays, clear its registration.", Command: "sudo systemctl restart " + v.unit(), Where: "instance"},
	}
	if v.runCommand() || command(v.unit()) == "" {
		f.Action.Do, f.Action.Command = "Clear the registration in the image the instance came from.", ""
	}
	return []Finding{f}
}

func hybrid(v *View) []Finding {
	id := v.Set.Agent.Identity
	if id.Hybrid == "" || v.Set.IMDS.InstanceID == "" {
		return nil
	}
	f := Finding{
		Code: "AG-08", Severity: SevError, Confidence: Likely,
		Summary:  fmt.Sprintf("A hybrid activation (%s) is left on this EC2 instance. The agent registers as that node and not as %s.", plain(id.Hybrid, 40), v.Set.IMDS.InstanceID),
		Evidence: []Evidence{{"", "registration on disk: " + plain(id.Hybrid, 40) + " in " + plain(orWord(id.HybridIn, "an unknown Region"), 30)}, {"", "instance id by IMDS: " + v.Set.IMDS.InstanceID}},
		Action:   Action{Do: "Clear the hybrid registration, if it is not deliberate; the node " + plain(id.Hybrid, 40) + " will be gone.", Command: "sudo amazon-ssm-agent -register -clear", Where: "instance"},
	}
	if v.runCommand() {
		f.Severity = SevWarning
		f.Summary += " This run came through Run Command, so that registration works."
		f.Action.Command, f.Action.Where = "", "operator"
	}
	return []Finding{f}
}

func otherRegion(v *View) []Finding {
	c := &v.Set.Agent.Config
	own := v.Set.IMDS.Region
	key, set := "Agent.Region", c.Region
	if set == "" || set == own {
		key, set = "Mgs.Region", c.MGSRegion
	}
	if set == "" || own == "" || set == own {
		return nil
	}
	return []Finding{{
		Code: "AG-17", Severity: SevWarning, Confidence: Likely,
		Summary:  fmt.Sprintf("The agent's config file sets %s to %s; the instance is in %s. Requests are signed for the wrong Region.", key, plain(set, 40), own),
		Evidence: []Evidence{{"", key + " = " + plain(set, 40)}, {"", "Region by IMDS: " + own}},
		Action:   Action{Do: "Remove " + key + " from the file.", Command: "cat /etc/amazon/ssm/amazon-ssm-agent.json", Where: "instance"},
	}}
}

// settled is how long a core may run without a worker: it waits for its first
// credentials, which take seconds where the network works.
const settled = 2 * time.Minute

func noWorker(v *View) []Finding {
	a := &v.Set.Agent
	ver, known := parseVersion(a.Version)
	if a.ProcsRun.Status != fact.OK || known && ver.before(twoProcess) {
		return nil
	}
	var core *fact.AgentProc
	for _, p := range sorted(a.Procs, func(p fact.AgentProc) string { return fmt.Sprintf("%s %08d", p.Role, p.PID) }) {
		switch p.Role {
		case "worker":
			return nil
		case "core":
			if core == nil {
				core = &p
			}
		}
	}
	if core == nil || !v.settled(*core) {
		return nil
	}
	f := Finding{
		Code: "AG-20", Severity: SevError, Confidence: Likely,
		Summary:  "The agent's core process runs without its worker: it has no working credentials yet.",
		Evidence: []Evidence{{"", fmt.Sprintf("core process %d runs since %s, no ssm-agent-worker", core.PID, day(core.Start))}},
		Action:   Action{Do: "Find why it has no credentials (network, role, clock) in its log." + v.wake(), Command: "sudo tail -n 50 /var/log/amazon/ssm/amazon-ssm-agent.log", Where: "instance"},
	}
	v.history(&f)
	return []Finding{f}
}

// settled tells whether the core has run long enough, by its own start or by
// what the service manager says of the unit.
func (v *View) settled(core fact.AgentProc) bool {
	if !v.Set.Start.IsZero() && !core.Start.IsZero() && v.Set.Start.Sub(core.Start) >= settled {
		return true
	}
	return slices.ContainsFunc(v.Set.Agent.Units, func(u fact.AgentUnit) bool {
		long := !u.Since.IsZero() && !v.Set.Start.IsZero() && v.Set.Start.Sub(u.Since) >= settled
		return u.Active == "active" && (u.ActiveFor.Std() >= settled || long)
	})
}

func badConfig(v *View) []Finding {
	c := &v.Set.Agent.Config
	if c.Status != fact.Failed || c.ErrorAt == "" {
		return nil
	}
	path := orWord(c.Path, "/etc/amazon/ssm/amazon-ssm-agent.json")
	f := Finding{
		Code: "AG-22", Severity: SevError, Confidence: Proved, Subjects: []string{plain(path, 120)},
		Summary:  fmt.Sprintf("%s is not valid JSON (%s): the agent exits at every start.", plain(path, 120), plain(c.ErrorAt, 60)),
		Evidence: []Evidence{{"", plain(path+": "+c.ErrorAt+" "+c.Detail, 200)}},
		Action:   Action{Do: "Correct the file, or move it away: the agent needs none.", Command: command("python3", "-m", "json.tool", path), Where: "instance"},
	}
	v.history(&f)
	return []Finding{f}
}
