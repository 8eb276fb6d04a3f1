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
		{Code: "AG-04", Eval: asleep, Explains: []Code{"AG-20", "AG-21", "AG-26", "IA-08"}},
		{Code: "AG-05", Eval: oldAgent},
		{Code: "AG-06", Eval: overridden},
		{Code: "AG-07", Eval: cloned, Explains: []Code{"AG-20"}},
		{Code: "AG-08", Eval: hybrid, Explains: []Code{"AG-07", "AG-20"}},
		{Code: "AG-16", Eval: tooEarly, Explains: []Code{"AG-20", "IA-08"}},
		{Code: "AG-17", Eval: otherRegion},
		{Code: "AG-19", Eval: updateFails},
		{Code: "AG-20", Eval: noWorker},
		{Code: "AG-22", Eval: badConfig, Explains: []Code{"AG-02", "AG-20"}},
		{Code: "AG-24", Eval: replaced},
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

// loops tells whether a unit ends again and again: an agent without an identity
// runs for up to 10 s of every 100 (ssm-agent.md 4.2). Restarts count since the
// boot, so one that stays up has recovered.
func (v *View) loops(u fact.AgentUnit) bool {
	if u.Restarts <= manyRestarts && !(u.Sub == "auto-restart" && u.Restarts > 0) {
		return false
	}
	up := u.ActiveFor.Std()
	if up == 0 && !u.Since.IsZero() {
		up = v.Set.Start.Sub(u.Since)
	}
	return u.Active != "active" || up < max(2*u.RestartAfter.Std(), 3*time.Minute)
}

func notRunning(v *View) []Finding {
	a := &v.Set.Agent
	units := loadedUnits(a)
	if !v.managed() || a.UnitsRun.Status != fact.OK || len(units) == 0 {
		return nil
	}
	// One unit that is well is enough: the other may be a leftover.
	u := units[0]
	for _, x := range units {
		if x.Active == "active" && !v.loops(x) {
			u = x
			if x.UnitFile == "" || x.UnitFile == "enabled" || x.UnitFile == "static" || x.UnitFile == "generated" {
				return nil
			}
		}
	}
	f := Finding{Code: "AG-02", Severity: SevError, Confidence: Proved, Subjects: []string{plain(u.Name, 80)},
		Evidence: []Evidence{unitEvidence(u)},
		Action:   Action{Do: "Enable and start the agent.", Command: "sudo systemctl enable --now " + v.unit(), Where: "instance", Verify: "systemctl is-active " + v.unit()},
	}
	if command(v.unit()) == "" {
		f.Action.Command = "sudo systemctl enable --now amazon-ssm-agent"
	}
	switch {
	case u.Load == "masked" || u.UnitFile == "masked":
		f.Summary = fmt.Sprintf("The unit %s is masked: the agent cannot start.", u.Name)
		f.Action.Do, f.Action.Command = "Unmask the unit, then enable and start it.", command("sudo", "systemctl", "unmask", v.unit())
	case u.Active == "active" && !v.loops(u):
		f.Severity = SevWarning
		f.Summary = fmt.Sprintf("The agent runs, but its unit %s is %s: it will not start at the next boot.", u.Name, u.UnitFile)
		f.Action.Do, f.Action.Command = "Enable the unit.", command("sudo", "systemctl", "enable", v.unit())
	case v.loops(u):
		f.Confidence = Likely
		f.Summary = fmt.Sprintf("The agent exits again and again: %s was restarted %d times%s.", u.Name, u.Restarts, every(u))
		if n := v.Set.Agent.Log.Starts; n > 1 {
			f.Evidence = append(f.Evidence, Evidence{"", fmt.Sprintf("its log has %d start lines, the last of %s", n, day(v.Set.Agent.Log.Start))})
		}
		for _, stem := range []fact.LogStem{fact.LogNoIdentity, fact.LogConfig, fact.LogIMDSToken} {
			f.Evidence = append(f.Evidence, v.tellsOf(v.logged(stem))...)
		}
		f.Action.Do, f.Action.Command = "Read why it exits; a restart alone does not help.", command("sudo", "journalctl", "-u", v.unit(), "-n", "50")
	case u.Active == "failed":
		f.Summary = fmt.Sprintf("The SSM Agent is not running: %s failed (%s).", u.Name, orWord(u.Result, "no result"))
		f.Action.Do, f.Action.Command = "Read why it failed, then start it.", command("sudo", "journalctl", "-u", v.unit(), "-n", "50")
	default:
		f.Summary = fmt.Sprintf("The SSM Agent is not running: %s is %s.", u.Name, orWord(u.Active, "not active"))
	}
	v.history(&f)
	return []Finding{f}
}

func every(u fact.AgentUnit) string {
	if u.RestartAfter <= 0 {
		return ""
	}
	return ", " + u.RestartAfter.Std().String() + " after each end"
}

// twice is AG-03. Two that run at once share a vault and take each other's
// messages.
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
	var cores []Evidence
	exes := map[string]bool{}
	for _, p := range refs(a.Procs, procOrder) {
		if p.Role == "core" && p.Exe != "" && !exes[p.Exe] {
			exes[p.Exe] = true
			cores = append(cores, Evidence{"", fmt.Sprintf("core process %d: %s", p.PID, plain(p.Exe, 100))})
		}
	}
	if (snap == "" || pkg == "") && len(cores) < 2 {
		return nil
	}
	f := on("AG-03", SevWarning, "The SSM Agent is installed as a snap and as a package. Both use one state directory.")
	if snap != "" && pkg != "" {
		f.Evidence = []Evidence{{"", "snap: " + plain(snap, 100)}, {"", "package: " + plain(pkg, 100)}}
	}
	if len(cores) > 1 {
		f.Summary = fmt.Sprintf("%d SSM Agents run at once. They share one state directory and one node id.", len(cores))
		f.Evidence = append(f.Evidence, cores[:min(3, len(cores))]...)
	}
	f.Action.Do, f.Action.Command = "Remove one of the two, most often the package.", "snap list amazon-ssm-agent"
	return []Finding{f}
}

// oldAgent: the channel of these versions is being retired. It is an error
// for those that know no other one, whether ec2messages works today or not.
func oldAgent(v *View) []Finding {
	ver, ok := fact.ParseAgentVersion(v.Set.Agent.Version)
	if !ok || !ver.Before(fact.OneChannel) || !v.managed() {
		return nil
	}
	text := plain(v.Set.Agent.Version, 30)
	f := Finding{Code: "AG-05", Severity: SevWarning, Confidence: Likely,
		Summary:  fmt.Sprintf("SSM Agent %s still uses ec2messages, the old channel of Run Command, which AWS is retiring.", text),
		Evidence: []Evidence{{"", "SSM Agent " + text + "; ec2messages is not needed from 3.3.40.0 on"}},
		Action:   Action{Do: "Update the agent to 3.3.40.0 or later.", Command: "sudo yum update -y amazon-ssm-agent", Where: "instance", Verify: "amazon-ssm-agent -version"},
	}
	if ver.Before(newCommands) {
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

// cloned: the agent's own record, or its registration, names another instance
// than this one. A new start writes both anew; what it writes anew is no fault
// (ec2_identity.go), so an old directory of another id is none either.
func cloned(v *View) []Finding {
	id, own := v.Set.Agent.Identity, v.Set.IMDS.InstanceID
	if id.Status != fact.OK || own == "" {
		return nil
	}
	f := on("AG-07", SevWarning, "")
	other := func(s string) bool { return strings.HasPrefix(s, "i-") && s != own }
	finger := v.logged(fact.LogFingerprint)
	switch {
	case other(id.InstanceID):
		f.Summary = fmt.Sprintf("The agent's record names the instance %s, this is %s: the image was made from a registered instance.", plain(id.InstanceID, 40), own)
		f.Evidence = []Evidence{{"", "identity_config.json: " + plain(id.InstanceID, 40)}}
	case !finger.Last.IsZero() && !v.link.up && v.Set.Start.Sub(finger.Last) <= thisDay:
		f.Severity = SevError
		f.Summary = fmt.Sprintf("AWS refuses this machine since %s: its fingerprint is not the registered one. It was cloned, or its hardware changed.", hour(finger.First, v.Set.Start))
		f.Evidence = v.tellsOf(finger)
	case other(id.Registered) && id.Source != "EC2" && !v.link.up:
		f.Summary = fmt.Sprintf("The agent's registration is that of %s, this is %s. Default Host Management needs one of this instance.", plain(id.Registered, 40), own)
		f.Evidence = []Evidence{{"", "EC2 registration in the vault: " + plain(id.Registered, 40)}}
	default:
		return nil
	}
	f.Evidence = append(f.Evidence, Evidence{"", "instance id by IMDS: " + plain(own, 40)})
	if more := slices.DeleteFunc(sortedStrings(id.RuntimeIDs), func(s string) bool { return s == own }); len(more) > 0 {
		f.Evidence = append(f.Evidence, Evidence{"", "state of other nodes on the disk: " + plain(list(more, 3), 150)})
	}
	f.Action.Do = "Restart the agent, so that it reads its identity anew; if the record stays, stop it, move /var/lib/amazon/ssm/Vault away, start it."
	f.Action.Command = command("sudo", "systemctl", "restart", v.unit())
	if f.Severity == SevError { // a start alone keeps the fingerprint
		f.Action.Do = "Stop the agent, move /var/lib/amazon/ssm/Vault away, start it: it registers itself anew."
		f.Action.Command = command("sudo", "systemctl", "stop", v.unit())
	}
	if v.runCommand() || f.Action.Command == "" {
		f.Action.Do, f.Action.Command = "Clear the registration in the image the instance came from.", ""
	}
	return []Finding{f}
}

// hybrid: the vault of an activation beats EC2, unless the config file puts
// EC2 first. The agent's record and log tell which it took.
func hybrid(v *View) []Finding {
	id, own := v.Set.Agent.Identity, v.Set.IMDS.InstanceID
	took, gone := v.logged(fact.LogIdentityOnPrem), v.logged(fact.LogNotExisting)
	node := id.Hybrid
	for _, s := range []string{gone.Node, took.Node, v.Set.Agent.Log.NodeID, id.InstanceID} {
		if node == "" && strings.HasPrefix(s, "mi-") {
			node = s
		}
	}
	onPrem := !took.Last.IsZero() || id.Type == "OnPrem"
	order := v.Set.Agent.Config.Order
	if e, o := slices.Index(order, "EC2"), slices.Index(order, "OnPrem"); !onPrem && len(order) > 0 && (o < 0 || e >= 0 && e < o) {
		return nil
	}
	if own == "" || id.Hybrid == "" && !onPrem {
		return nil
	}
	node = plain(orWord(node, "mi-..."), 40)
	f := on("AG-08", SevError, fmt.Sprintf("A hybrid activation (%s) is left on this EC2 instance. The agent registers as that node and not as %s.", node, own))
	if id.Hybrid != "" {
		f.Evidence = append(f.Evidence, Evidence{"", "registration on disk: " + node + " in " + plain(orWord(id.HybridIn, "an unknown Region"), 30)})
	}
	if id.Type == "OnPrem" {
		f.Evidence = append(f.Evidence, Evidence{"", "identity_config.json: type OnPrem"})
	}
	f.Evidence = append(f.Evidence, v.tellsOf(took)...)
	if !gone.Last.IsZero() {
		f.Evidence = append(f.Evidence, v.tellsOf(gone)...)
		f.Summary += " AWS does not know that node any more."
	}
	f.Evidence = append(f.Evidence, Evidence{"", "instance id by IMDS: " + own})
	f.Action.Do = "Clear the hybrid registration, if it is not deliberate; the node " + node + " will be gone."
	f.Action.Command = "sudo amazon-ssm-agent -register -clear"
	switch {
	case v.runCommand():
		f.Severity = SevWarning
		f.Summary += " This run came through Run Command, so that registration works."
		f.Action.Command, f.Action.Where = "", "operator"
	case v.link.up && gone.Last.IsZero():
		f.Summary += " Its channel stands: as that node it can be reached."
	}
	return []Finding{f}
}

// firstMinute is how soon after its start an error counts as "too early". The
// first attempt of a black-holed agent ends after 130 s and more.
const firstMinute = time.Minute

// tooEarly is AG-16: what failed in the first minute works now, and the agent
// waits since. It leads AG-04, whose words it takes.
func tooEarly(v *View) []Finding {
	if v.nap.kind == "" {
		return nil
	}
	if open, unknown := v.standing(); open != "" || unknown != "" {
		return nil
	}
	begin := v.Set.Agent.Log.Start
	if p := v.running(); begin.IsZero() && p != nil {
		begin = p.Start
	}
	for _, e := range v.tale {
		c := v.clueOf(e)
		if c == nil || !slices.Contains(c.codes, "AG-16") || begin.IsZero() || e.First.Before(begin) || e.First.Sub(begin) > firstMinute || e.Last.Sub(begin) > attempt+hibernates {
			continue
		}
		f := on("AG-16", SevError, fmt.Sprintf("The agent started at %s, before network, name service or clock were ready, and sleeps since (%s). All works now.", hour(begin, v.Set.Start), v.until()), v.tellsOf(*e)...)
		f.Evidence = append(f.Evidence, v.tellsOf(v.nap.event)...)
		f.Action.Do = "Restart the agent; add After=network-online.target time-sync.target in a drop-in of its unit."
		f.Action.Command, f.Action.Verify = command("sudo", "systemctl", "restart", v.unit()), "pgrep -f ssm-agent-worker"
		return []Finding{f}
	}
	return nil
}

// updateFails is AG-19. When the way to S3 fails too, that leads.
func updateFails(v *View) []Finding {
	e := v.logged(fact.LogUpdate)
	if e.Last.IsZero() || v.Set.Start.Sub(e.Last) > thisDay {
		return nil
	}
	f := on("AG-19", SevWarning, fmt.Sprintf("An update of the SSM Agent failed at %s (%s).", hour(e.Last, v.Set.Start), stemWords(e)), v.tellsOf(e)...)
	f.Action.Do = "See that the Region's buckets can be reached: vpcdoctor check --service s3."
	f.Action.Command = "sudo ls -lt /var/log/amazon/ssm"
	for _, p := range v.Paths {
		if !strings.HasPrefix(p.T.ID, "s3") {
			continue
		}
		switch p.Status {
		case Pass:
			if network(e.Reason) {
				return nil // history: the way is free now
			}
		case Fail:
			f.Evidence = append(f.Evidence, Evidence{"", p.T.Host + " does not work from here now"})
		}
	}
	return []Finding{f}
}

// replaced is information: an update by package leaves the old process alone.
func replaced(v *View) []Finding {
	p := v.running()
	if p == nil || !p.Deleted {
		return nil
	}
	f := on("AG-24", SevInfo, fmt.Sprintf("The agent (process %d) runs since %s from a file that was replaced or removed.", p.PID, day(p.Start)),
		Evidence{"", fmt.Sprintf("process %d: %s (deleted)", p.PID, plain(orWord(p.Exe, "its executable"), 100))})
	f.Action.Do = "Let the agent start anew at a convenient time."
	return []Finding{f}
}

func otherRegion(v *View) []Finding {
	c := &v.Set.Agent.Config
	own := v.Set.IMDS.Region
	key, set := "Agent.Region", c.Region
	if set == "" || set == own {
		key, set = "Mgs.Region", c.MGSRegion
	}
	id := v.Set.Agent.Identity
	if r := id.RegisteredIn; (set == "" || set == own) && r != "" && own != "" && r != own && id.Registered == v.Set.IMDS.InstanceID {
		return []Finding{{
			Code: "AG-17", Severity: SevWarning, Confidence: Likely,
			Summary:  fmt.Sprintf("The agent's registration is of %s; the instance is in %s.", plain(r, 40), own),
			Evidence: []Evidence{{"", "EC2 registration in the vault: Region " + plain(r, 40)}, {"", "Region by IMDS: " + own}},
			Action:   Action{Do: "Stop the agent, move /var/lib/amazon/ssm/Vault away, start it.", Where: "instance"},
		}}
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
	ver, known := fact.ParseAgentVersion(a.Version)
	if a.ProcsRun.Status != fact.OK || known && ver.Before(twoProcess) || v.link.up {
		return nil
	}
	var core *fact.AgentProc
	for _, p := range sorted(a.Procs, func(p fact.AgentProc) string { return fmt.Sprintf("%s %08d", p.Role, p.PID) }) {
		switch {
		case strings.HasPrefix(p.State, "Z"): // dead, and not yet collected
		case p.Role == "worker":
			return nil
		case p.Role == "core":
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
	for _, stem := range []fact.LogStem{fact.LogWorkerExit, fact.LogReady} {
		f.Evidence = append(f.Evidence, v.tellsOf(v.logged(stem))...)
	}
	if e := v.logged(fact.LogReady); !e.Last.IsZero() {
		f.Summary = "The agent's core process runs without its worker, although it has had credentials: the worker ended."
		f.Action.Do = "Find why the worker ended in its log." + v.wake()
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
