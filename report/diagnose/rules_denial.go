package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
)

// denialRules has one rule per layer that can refuse a call.
func denialRules() []Rule {
	return []Rule{
		refused("EP-08", endpointPolicy),
		refused("IA-02", missingAction),
		refused("IA-03", missingAction),
		refused("IA-09", func(v *View, r refusal, f *Finding) {
			f.Action.Do = "Ask who keeps the organization's service control policies: nothing in this account can allow it."
			f.Action.Command = "aws organizations list-policies --filter SERVICE_CONTROL_POLICY"
			v.perimeter(r, f)
		}),
		refused("IA-10", func(v *View, r refusal, f *Finding) {
			f.Action.Do = fmt.Sprintf("Allow it in the %s: what the policies of the role grant is cut by it.", r.denial.Layer)
			if r.denial.Layer == fact.LayerBoundary {
				f.Action.Command = v.aws("iam", "get-role", "--role-name", r.role)
			}
			v.perimeter(r, f)
		}),
		refused("IA-11", networkBehind),
		refused("IA-12", func(v *View, r refusal, f *Finding) {
			f.Summary += fmt.Sprintf(" The call went %s, where conditions like aws:SourceVpc, aws:Ec2InstanceSourceVPC or aws:VpcSourceIp meet other values than this instance's.", r.way)
			f.Action.Do = fmt.Sprintf("Except this way in the Deny of the role %s, or let %s go straight to an endpoint of this VPC.", orWord(r.role, "of the agent"), plain(r.host, 80))
			f.Action.Command = v.rolePolicies(r)
		}),
		refused("IA-14", func(v *View, r refusal, f *Finding) {
			f.Summary = fmt.Sprintf("The agent is refused as the role %s, but the instance profile's role is %s now: the agent keeps the old credentials until it refreshes them.",
				r.role, plain(v.Set.IMDS.Role.Name, 64))
			f.Action = Action{Do: "Restart the agent.", Command: command("sudo", "systemctl", "restart", v.unit()), Where: "instance"}
			f.Alternatives = []Alternative{alt("IA-13", "aws sts get-caller-identity with the file that the agent reads names the old role")}
			if v.runCommand() {
				f.Action = Action{Do: "Wait for the next rotation: the agent asks anew within the hour.", Where: "operator"}
			}
		}),
		refused("IA-17", func(v *View, r refusal, f *Finding) {
			f.Summary += fmt.Sprintf(" It names %s; this is the partition %s.", plain(r.denial.Resource, 120), v.partition())
			f.Action.Do = "Write the ARNs of the role's policies with arn:" + v.partition() + ":."
			f.Action.Command = v.rolePolicies(r)
		}),
		refused("IA-19", func(v *View, r refusal, f *Finding) {
			f.Action.Do = fmt.Sprintf("Narrow the Deny in the policies of the role %s; an Allow cannot lift it.", orWord(r.role, "of the agent"))
			f.Action.Command = v.rolePolicies(r)
			v.perimeter(r, f)
		}),
		refused("IA-20", func(v *View, r refusal, f *Finding) {
			f.Action.Do = "Allow the role in the policy of the resource."
		}),
	}
}

// refused is a rule over the refusals that layerCode puts down to a code: one
// finding for all of them, led by the agent's own.
func refused(code Code, fill func(*View, refusal, *Finding)) Rule {
	return Rule{Code: code, Explains: []Code{"AG-20"}, Eval: func(v *View) []Finding {
		var rs []refusal
		for _, r := range v.refusals() {
			if v.layerCode(r) == code {
				rs = append(rs, r)
			}
		}
		if len(rs) == 0 || !v.managed() {
			return nil
		}
		lead := rs[0]
		f := Finding{Code: code, Action: Action{Where: "operator"}}
		f.Severity, f.Confidence = v.weigh(lead)
		f.Summary = v.refusedWords(rs)
		for _, r := range rs {
			f.Subjects = append(f.Subjects, r.what())
			f.Evidence = append(f.Evidence, Evidence{r.key, r.text})
			if code == "EP-08" && (f.Action.Query == "" || lead.id == "" && r.id != "") {
				f.Action.Query = vpceQuery(r.service, r.id, r.at)
			}
		}
		f.Subjects = sortedStrings(f.Subjects)
		f.Evidence = append(f.Evidence[:min(len(f.Evidence), 3)], v.wayEvidence(lead)...)
		if !lead.denial.Explicit && code != "IA-14" {
			f.Action.Statement = v.grantFor(lead).String()
		}
		fill(v, lead, &f)
		f.Summary += v.proves(lead)
		if lead.own && code != "IA-14" { // which restarts it in any case
			f.Action.Do += v.wake()
		}
		return []Finding{f}
	}}
}

func (r refusal) what() string { return plain(r.service+":"+r.operation, 100) }

// weigh says how much a refusal means. One of a stand-in proves nothing about
// the agent's own calls: AWS's minimal role allows only those (decisions.md).
func (v *View) weigh(r refusal) (Severity, Confidence) {
	up, known := v.connected()
	switch {
	case up, r.own && v.overcome(r):
		return SevInfo, Possible // history, or nothing that the agent needs
	case r.own:
		return SevError, Likely
	case v.failing("ssm") || v.failing("ssmmessages"):
		return SevInfo, Possible // what keeps the agent away is known
	case known && len(v.Set.Agent.Procs) > 0:
		return SevError, Possible
	}
	return SevWarning, Possible
}

// overcome tells whether what the agent was refused is allowed by now: it got
// its credentials since, or a call that stands in for it passes.
func (v *View) overcome(r refusal) bool {
	for _, e := range v.Set.Agent.Log.Events {
		if e.Stem == fact.LogReady && !e.Old && e.Last.After(r.at) && r.service == "ssm" {
			return true
		}
	}
	return slices.ContainsFunc(v.Set.Signed.Calls, func(c fact.Call) bool {
		return c.Status == fact.OK && c.Purpose == "" && c.Service == r.service && c.Resource == ""
	})
}

func (v *View) refusedWords(rs []refusal) string {
	var what []string
	for _, r := range rs {
		if w := r.what(); !slices.Contains(what, w) {
			what = append(what, w)
		}
	}
	d := rs[0].denial
	s := fmt.Sprintf("AWS refuses %s%s", list(what, 3), forRole(rs[0].role))
	switch {
	case d.Layer == fact.LayerUnknown:
		return s + "; it does not say which policy denies."
	case d.Explicit:
		return fmt.Sprintf("%s: %s %s denies it explicitly. It is the first layer that denied; others may follow.", s, article(d.Layer), d.Layer)
	}
	return fmt.Sprintf("%s: no %s allows it. It is the first layer that denied; others may follow.", s, d.Layer)
}

func forRole(role string) string {
	if role == "" {
		return ""
	}
	return " for the role " + role
}

func article(l fact.PolicyLayer) string {
	if l == fact.LayerIdentity {
		return "an"
	}
	return "a"
}

// proves says what the refusal does not prove.
func (v *View) proves(r refusal) string {
	up, known := v.connected()
	switch {
	case up && r.own:
		return " That is history: the agent is connected now."
	case r.own && v.overcome(r):
		return " That may be history: the agent got credentials since, or a call that stands in for it passes now."
	case up:
		return " The agent is connected, so it has what it needs without this call."
	case !r.own && known:
		return " This call stands in for the agent's own, which a minimal role may allow all the same."
	case !r.own:
		return " This call stands in for the agent's own; whether those pass is not known."
	}
	return ""
}

func (v *View) wayEvidence(r refusal) []Evidence {
	if r.way == wayUnknown {
		return nil
	}
	to := ""
	if r.to.IsValid() && r.way != wayProxy {
		to = ", " + r.to.String()
	}
	return []Evidence{{"", fmt.Sprintf("%s is reached %s%s", plain(r.host, 80), r.way, to)}}
}

func (v *View) rolePolicies(r refusal) string {
	return v.aws("iam", "list-attached-role-policies", "--role-name", r.role)
}

// missingAction is IA-02 for Systems Manager and IA-03 for its channel.
func missingAction(v *View, r refusal, f *Finding) {
	core := "arn:" + v.partition() + ":iam::aws:policy/AmazonSSMManagedInstanceCore"
	f.Action.Do = fmt.Sprintf("Allow it in a policy of the role %s, or attach AmazonSSMManagedInstanceCore.", orWord(r.role, "of the agent"))
	f.Action.Command = v.aws("iam", "attach-role-policy", "--role-name", r.role, "--policy-arn", core)
	if r.denial.Layer == fact.LayerUnknown {
		f.Confidence = Possible
		f.Alternatives = []Alternative{
			alt("EP-08", "the endpoint's policy: aws ec2 describe-vpc-endpoints shows another than full access"),
			alt("IA-09", "the organization's service control policies"),
		}
	}
	if v.partition() != "aws" {
		f.Alternatives = append(f.Alternatives, alt("IA-17", "a policy of the role writes arn:aws: where this partition needs arn:"+v.partition()+":"))
	}
}

func endpointPolicy(v *View, r refusal, f *Finding) {
	service := orWord(r.service, "ssm")
	if p := v.agentPath(r.service); p != nil && p.T.Service != "" {
		service = p.T.Service
	}
	f.Action.Do = "Allow it in the policy of the endpoint for " + plain(service, 80) + "."
	if r.denial.Explicit {
		f.Action.Do = "Narrow the Deny in the policy of the endpoint for " + plain(service, 80) + "; an Allow cannot lift it."
	}
	if r.way == wayCentral {
		f.Action.Do += " The endpoint is in another VPC: its owner keeps the policy."
	}
	if f.Action.Query == "" {
		f.Action.Do += " No CloudTrail event tells of its refusals."
	}
	f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=service-name,Values="+service)
}

// networkBehind is IA-11: the join of the denial's words and the path. The
// error is of IAM, its cause is of the network.
func networkBehind(v *View, r refusal, f *Finding) {
	f.Summary = fmt.Sprintf("An identity-based policy denies %s%s, and the call went to the public address %s: the network is the cause, if the Deny is for what does not come through a VPC endpoint. It is the first layer that denied; others may follow.",
		r.what(), forRole(r.role), orWord(r.addr(), "of the service"))
	f.Action.Do = fmt.Sprintf("Give %s a VPC endpoint with private DNS here, or except this path in the Deny (aws:SourceVpce, aws:SourceVpc) of the role %s.", plain(r.host, 80), orWord(r.role, "of the agent"))
	f.Action.Command = v.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=vpc-id,Values="+v.vpcID())
	f.Alternatives = []Alternative{alt("IA-19", "the Deny has no condition about the network")}
}

// perimeter adds the same thought to an explicit denial of another layer.
func (v *View) perimeter(r refusal, f *Finding) {
	if r.denial.Explicit && (r.way == wayPublic || r.way == wayProxy || r.way == wayCentral) {
		f.Alternatives = append(f.Alternatives, alt("IA-11", "the Deny has a condition like aws:SourceVpce: the call went "+string(r.way)))
	}
	f.Action.Do = strings.TrimSpace(f.Action.Do)
}
