package diagnose

import (
	"fmt"
	"slices"
	"time"

	"vpcdoctor/probe/fact"
)

func iamRules() []Rule {
	return slices.Concat([]Rule{
		{Code: "IA-01", Eval: noProfile},
		{Code: "IA-04", Eval: emptyProfile, Explains: []Code{"AG-20"}},
		{Code: "IA-05", Eval: trustPolicy, Explains: []Code{"AG-20"}},
		{Code: "IA-06", Eval: expiredRole, Explains: []Code{"AG-20"}},
		{Code: "IA-07", Eval: noManagement, Explains: []Code{"AG-20"}},
	}, denialRules(), credentialRules(), sessionRules(), softwareRules())
}

// dhmc tells what the agent's own record says of Default Host Management:
// works, does not, or not known (no root, no record).
func (v *View) dhmc() (works, known bool) {
	id := v.Set.Agent.Identity
	for _, c := range v.Set.Signed.Credentials {
		if c.Source == fact.FromDHMC && c.Status == fact.OK && c.Expires.After(v.Set.Start) && !v.Set.Start.IsZero() {
			return true, true // what it gave lies on the disk
		}
	}
	if len(v.linesFor(fact.ReasonNotConfigured)) > 0 {
		if up, _ := v.connected(); !up {
			return false, true
		}
	}
	if id.Status != fact.OK {
		return false, false
	}
	if id.Source == "EC2" {
		return false, false // credentials of a profile, from before: nothing is known of the other way
	}
	valid := !id.Expires.IsZero() && id.Expires.Year() > 1 && (v.Set.Start.IsZero() || id.Expires.After(v.Set.Start))
	return id.Source != "" && id.Source != "None" && valid, true
}

// managed tells whether the run is about Systems Manager: only then does an
// agent or role matter.
func (v *View) managed() bool {
	for _, p := range v.Paths {
		if p.T.Agent && needRank(p.T.Need) <= 1 || p.T.Need == fact.NeedRequired && (p.T.ID == "ssm" || p.T.ID == "ssmmessages") {
			return true
		}
	}
	return false
}

func roleEvidence(v *View) []Evidence {
	r := v.Set.IMDS.Role
	text := "role state by IMDS: " + string(r.State)
	if r.Name != "" {
		text += ", role " + plain(r.Name, 64)
	}
	if r.Code != "" {
		text += ", code " + plain(r.Code, 64)
	}
	return []Evidence{{"imds:iam/", text}}
}

func (v *View) attach() string {
	return v.aws("ec2", "describe-iam-instance-profile-associations", "--filters", "Name=instance-id,Values="+v.instance())
}

// noProfile is information: Default Host Management may serve the node. When
// the agent's own record shows that it does not, that is IA-07.
func noProfile(v *View) []Finding {
	if v.Set.IMDS.Role.State != fact.RoleAbsent || !v.managed() {
		return nil
	}
	works, known := v.dhmc()
	f := Finding{
		Code: "IA-01", Severity: SevInfo, Confidence: Likely, Evidence: roleEvidence(v),
		Summary: "No instance profile is attached. Default Host Management may serve the agent; whether it does was not checked.",
		Action: Action{Do: "Check that Default Host Management is on, or attach a profile with AmazonSSMManagedInstanceCore.", Where: "operator",
			Command: v.aws("ssm", "get-service-setting", "--setting-id", "/ssm/managed-instance/default-ec2-instance-management-role")},
	}
	switch {
	case works:
		f.Summary = "No instance profile is attached. Default Host Management serves the agent: its own record shows working credentials."
		f.Evidence = append(f.Evidence, identityEvidence(v))
		f.Action.Do = "Nothing, if Default Host Management is intended."
	case known:
		return nil // IA-07 speaks
	}
	return []Finding{f}
}

// noManagement: neither a profile nor Default Host Management gives the agent
// credentials, by the agent's own record.
func noManagement(v *View) []Finding {
	if v.Set.IMDS.Role.State != fact.RoleAbsent || !v.managed() {
		return nil
	}
	if works, known := v.dhmc(); works || !known {
		return nil
	}
	evidence := append(roleEvidence(v), identityEvidence(v))
	summary := "No instance profile is attached, and the agent's own record shows no working credentials from Default Host Management."
	if es := v.linesFor(fact.ReasonNotConfigured); len(es) > 0 {
		evidence = append(evidence, v.tellsOf(*es[0])...)
		summary = "No instance profile is attached, and AWS told the agent that Default Host Management is not configured for this account."
	}
	var by Code
	if !v.logged(fact.LogFingerprint).Last.IsZero() {
		by = "AG-07" // it is on, and does not know this machine
	}
	for _, r := range v.refusals() {
		if r.own && r.asManaged() {
			by = v.layerCode(r) // it is on, and a policy is in its way
		}
	}
	return []Finding{{
		Code: "IA-07", Severity: SevError, Confidence: Likely, Evidence: evidence, CausedBy: by,
		Summary: summary,
		Alternatives: []Alternative{alt("IA-01", "a profile is meant for this instance: describe-iam-instance-profile-associations shows none"),
			alt("TL-03", "the clock of the host is wrong, so that the record looks expired")},
		Action: Action{Do: "Enable Default Host Management in this Region, or attach an instance profile with AmazonSSMManagedInstanceCore." + v.wake(), Where: "operator",
			Command: v.aws("ssm", "get-service-setting", "--setting-id", "/ssm/managed-instance/default-ec2-instance-management-role")},
	}}
}

func identityEvidence(v *View) Evidence {
	id := v.Set.Agent.Identity
	return Evidence{"", fmt.Sprintf("identity_config.json: source %s, retrieved %s, expires %s", orWord(id.Source, "none"), day(id.Retrieved), day(id.Expires))}
}

func day(t time.Time) string {
	if t.Year() <= 1 {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func emptyProfile(v *View) []Finding {
	r := v.Set.IMDS.Role
	if r.State != fact.RoleEmpty && !(r.State == fact.RoleError && r.Code != "AssumeRoleUnauthorizedAccess") || !v.managed() {
		return nil
	}
	f := Finding{
		Code: "IA-04", Severity: SevError, Confidence: Likely, Evidence: roleEvidence(v),
		Summary: "An instance profile is attached, but it gives no credentials: the role is missing, or was removed from it.",
		Action:  Action{Do: "Put the role back into the instance profile and attach the profile again.", Command: v.attach(), Where: "operator"},
	}
	if works, _ := v.dhmc(); works {
		f.Severity = SevWarning
		f.Summary += " The agent's own record shows that another source serves it at present."
	}
	return []Finding{f}
}

func trustPolicy(v *View) []Finding {
	r := v.Set.IMDS.Role
	conf, evidence := Proved, roleEvidence(v)
	if r.State != fact.RoleError || r.Code != "AssumeRoleUnauthorizedAccess" {
		// Where IMDS was not asked, the agent's log may have its answer.
		es := v.linesFor(fact.ReasonAssumeRole)
		if up, _ := v.connected(); r.State != fact.RoleUnknown || len(es) == 0 || up {
			return nil
		}
		conf, evidence = Likely, v.tellsOf(*es[0])
	}
	principal := "ec2.amazonaws.com"
	if v.partition() == "aws-cn" {
		principal = "ec2.amazonaws.com.cn"
	}
	f := Finding{
		Code: "IA-05", Severity: SevError, Confidence: conf, Evidence: evidence,
		Summary: fmt.Sprintf("EC2 may not assume the role %s: its trust policy does not admit the service.", orWord(plain(r.Name, 64), "of the instance profile")),
		Action:  Action{Do: "Allow sts:AssumeRole for the principal " + principal + " in the role's trust policy.", Where: "operator"},
	}
	if r.Name != "" {
		f.Action.Command = v.aws("iam", "get-role", "--role-name", r.Name)
	}
	return []Finding{f}
}

// expiredRole is IA-06: by what IMDS says of the credentials, or by what AWS
// says of them when they are used.
func expiredRole(v *View) []Finding {
	r := v.Set.IMDS.Role
	ev, used := v.errorsOf(func(c *fact.Call) bool { return hasCode(c, "ExpiredToken", "RequestExpired") && !c.Skew }, fact.ReasonExpiredToken)
	now := v.Set.Start
	if off, ok := v.offset(); ok {
		now = now.Add(-off.By) // the time of AWS, not of a wrong clock
	}
	old := r.State == fact.RolePresent && !r.Expires.IsZero() && !now.IsZero() && !r.Expires.After(now)
	if !old && len(ev) == 0 {
		return nil
	}
	f := Finding{
		Code: "IA-06", Severity: SevError, Confidence: Likely, Evidence: ev,
		Summary:      "AWS says that the token of the agent's credentials has expired.",
		Alternatives: []Alternative{alt("TL-03", "date -u against a clock that is right")},
		Action:       Action{Do: "Check the clock first; then stop and start the instance.", Command: "date -u", Where: "instance"},
	}
	if old {
		f.Summary = fmt.Sprintf("The credentials that IMDS serves for the role %s expired at %s.", plain(r.Name, 64), day(r.Expires))
		f.Evidence = append(append(roleEvidence(v), Evidence{"", "expires " + day(r.Expires) + ", time of the run " + day(now)}), ev...)
		return []Finding{f}
	}
	if f.Severity = v.urgent(used); f.Severity == SevInfo {
		return nil // long since renewed
	}
	f.Action.Do = "Check the clock first; then look at the source of the credentials: a file that nothing renews, or IMDS."
	return []Finding{f}
}
