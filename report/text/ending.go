package text

import (
	"cmp"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// ending closes the report: with the operator's half when this half works,
// else with the verdict once more, because a serial console shows the end.
func ending(p *page, r *report.Report) {
	if r.Verdict.Status == diagnose.Healthy || r.Verdict.Status == diagnose.Degraded {
		if sessions(r) && !r.Context.Interrupted {
			operator(p, r)
			return
		}
	}
	p.blank()
	p.para("", plain, 2, Line(r))
}

// sessions tells whether the run was about Session Manager.
func sessions(r *report.Report) bool {
	return r.Facts != nil && slices.ContainsFunc(r.Facts.Targets, func(t fact.Target) bool { return t.ID == "ssmmessages" })
}

// operator writes the other half of a session as commands: many cases of
// "Session Manager fails" are not on the instance.
func operator(p *page, r *report.Report) {
	id := cmp.Or(token(r.Context.InstanceID), "INSTANCE_ID")
	region := regionFlag(r)
	p.heading("If a session still does not start: the operator's half, from the laptop")
	account := "the account must be that of the instance"
	if a := token(r.Context.AccountID); a != "" {
		account = "must print " + a
	}
	steps := []struct{ say, cmd string }{
		{"Account, " + account + ":", "aws sts get-caller-identity --query Account --output text" + region},
		{"The node as Systems Manager sees it, Online and not empty:", "aws ssm describe-instance-information" + region + " --filters Key=InstanceIds,Values=" + id + " --query 'InstanceInformationList[].[PingStatus,AgentVersion]' --output text"},
		{"Its session channel, connected:", "aws ssm get-connection-status" + region + " --target " + id + " --query Status --output text"},
		{"The plugin of the AWS CLI, a version:", "session-manager-plugin --version"},
		{"The way from the laptop, any HTTP status:", "curl -sS -o /dev/null -w '%{http_code}\\n' https://" + sessionHost(r) + "/"},
	}
	for _, s := range steps {
		p.para("  ", plain, 2, s.say)
		p.command(4, s.cmd)
	}
	if r.Facts.Place.Partition == "aws-cn" {
		p.para("  ", plain, 2, "China Regions have accounts and credentials of their own: a profile of a global account cannot see this node.")
	}
}

// sessionHost is the host that the operator's plugin connects to.
func sessionHost(r *report.Report) string {
	region, suffix := token(r.Facts.Place.Region), token(r.Facts.Place.DNSSuffix)
	return "ssmmessages." + cmp.Or(region, "REGION") + "." + cmp.Or(suffix, "amazonaws.com")
}

// regionFlag is " --region R", with a word in capitals when it is not known.
func regionFlag(r *report.Report) string {
	return " --region " + cmp.Or(token(r.Context.Region), "REGION")
}

// token is s when it can stand in a command unquoted, else empty: facts may
// come from a file that someone else wrote.
func token(s string) string {
	for _, c := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", c) {
			return ""
		}
	}
	return strings.TrimLeft(s, "-")
}
