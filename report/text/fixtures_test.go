package text

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// The reports that the goldens are made of. They are values, not the result of
// diagnose: what is under test here is only how a report reads.

var start = time.Date(2026, 11, 20, 10, 15, 30, 0, time.UTC)

var tool = report.Tool{Name: "vpcdoctor", Version: "0.1.0", Commit: "1a2b3c4d", Go: "go1.26.8", OS: "linux", Arch: "amd64"}

// ningxia is the world of the article: VPC 10.192.0.0/16 in cn-northwest-1.
func ningxia() *fact.Set {
	s := world("cn-northwest-1", "aws-cn", "amazonaws.com.cn", "10.192.0.0/16", "10.192.10.0/24")
	return s
}

func virginia() *fact.Set {
	return world("us-east-1", "aws", "amazonaws.com", "10.0.0.0/16", "10.0.1.0/24")
}

func world(region, partition, suffix, vpc, subnet string) *fact.Set {
	return &fact.Set{
		Schema: fact.SchemaVersion, Start: start, End: start.Add(3700 * time.Millisecond),
		Run: fact.Run{
			Version: "0.1.0", UID: 0, Context: "tty", Profiles: []string{"session-manager"}, Expect: "auto",
			Budget:     fact.Duration(10 * time.Second),
			Packets:    fact.Packets{IMDSPuts: 1, IMDSGets: 17, DNS: 18, Connects: 6, Requests: 3},
			RangesDate: time.Date(2026, 8, 22, 0, 0, 0, 0, time.UTC), CatalogDate: "2026-11-05",
		},
		Host: fact.Host{OS: "linux", Arch: "amd64", EC2: "yes"},
		IMDS: fact.IMDS{
			InstanceID: "i-0a1b2c3d4e5f60718", AccountID: "111122223333", Region: region, AZ: region + "a", Version: 2,
			ENIs: []fact.ENI{{
				MAC: "02:00:00:00:00:01", Primary: true, SubnetID: "subnet-0a1b2c3d4e5f60001", VPCID: "vpc-0a1b2c3d4e5f60002",
				SubnetCIDR: netip.MustParsePrefix(subnet), VPCCIDRs: []netip.Prefix{netip.MustParsePrefix(vpc)},
				SecurityGroupIDs: []string{"sg-0a1b2c3d4e5f60003"},
			}},
		},
		Place:   fact.Place{Region: region, Source: "imds", Partition: partition, DNSSuffix: suffix, Known: true},
		Targets: []fact.Target{target(region, suffix, "ssm", fact.NeedRequired), target(region, suffix, "ssmmessages", fact.NeedRequired), target(region, suffix, "ec2messages", fact.NeedOptional)},
	}
}

func target(region, suffix, id string, need fact.Need) fact.Target {
	return fact.Target{
		ID: id, Service: "com.amazonaws." + region + "." + id, Type: "Interface", Host: id + "." + region + "." + suffix,
		Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}, Need: need, Profiles: []string{"session-manager"},
		PrivateDNS: "yes", Confidence: "exact", Availability: "observed", Origin: "catalogue", Agent: true,
	}
}

func passRow(t fact.Target, class fact.AddrClass) diagnose.Row {
	return diagnose.Row{
		Key: t.Key(), ID: t.ID, Host: t.Host, Need: string(t.Need), Path: "direct", Status: diagnose.Pass, Class: string(class), Addrs: 2,
		DNS: diagnose.Check{Status: diagnose.Pass, Word: "ok", MS: 1.2}, TCP: diagnose.Check{Status: diagnose.Pass, Word: "2/2", MS: 0.6},
		TLS: diagnose.Check{Status: diagnose.Pass, Word: "2/2", MS: 3.4}, AWS: diagnose.Check{Status: diagnose.Pass, Word: "ok"},
	}
}

func timeoutRow(t fact.Target, class fact.AddrClass) diagnose.Row {
	r := passRow(t, class)
	r.Status = diagnose.Fail
	r.TCP = diagnose.Check{Status: diagnose.Fail, Word: "timeout"}
	r.TLS = diagnose.Check{Status: diagnose.NotCheckedStatus, Word: "-"}
	r.AWS = diagnose.Check{Status: diagnose.NotCheckedStatus, Word: "-"}
	return r
}

func healthy() *report.Report {
	s := virginia()
	s.Run.Environment = []fact.EnvSeen{
		{Name: "AWS_REGION", Value: "us-east-1"},
		{Name: "AWS_CA_BUNDLE", Value: "/etc/pki/corp.pem", Used: "added to the system roots of our own delivery"},
	}
	v := diagnose.Verdict{
		Status:   diagnose.Healthy,
		Headline: "all 2 required names of session-manager resolve into vpc-0a1b2c3d4e5f60002 and answer as AWS.",
		Causes: []diagnose.Finding{{
			Code: "EP-04", Severity: diagnose.SevInfo, Confidence: diagnose.Likely, Title: "The endpoints have an address in one AZ only",
			Summary: "Each name has one address. That works; it fails with its zone.",
		}},
		Innocent: []diagnose.Innocent{
			{What: "DNS", Why: "both configured servers and the VPC resolver give the same answers"},
			{What: "clock", Why: "0.2 s off the Date of three front ends"},
		},
		NotChecked: []diagnose.NotChecked{{What: "agent credentials", Why: "not part of this check"}},
		Rows:       []diagnose.Row{passRow(s.Targets[0], fact.OwnVPC), passRow(s.Targets[1], fact.OwnVPC), passRow(s.Targets[2], fact.OwnVPC)},
	}
	return report.New(s, v, tool)
}

// missingMessages is step (c) of the article's experiment.
func missingMessages() *report.Report {
	s := ningxia()
	s.Run.Context = "run-command"
	host := s.Targets[1].Host
	v := diagnose.Verdict{
		Status:   diagnose.Broken,
		Headline: "Session Manager cannot work: no private endpoint serves " + host + " and its public addresses do not answer, while ssm works.",
		Causes: []diagnose.Finding{{
			Code: "EP-01", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "The ssmmessages endpoint is missing",
			Summary:  "ssm." + "cn-northwest-1.amazonaws.com.cn resolves to 10.192.10.20 inside the VPC and works. " + host + " resolves to public addresses only, and none of them answers.",
			Subjects: []string{s.Targets[1].Key()},
			Evidence: []diagnose.Evidence{
				{Ref: "answer:" + host, Text: host + " resolves to 52.83.10.1 and 52.83.10.2 (public AWS, cn-northwest-1), at 10.192.0.2 and at 169.254.169.253 alike"},
				{Ref: "dial:52.83.10.1:443", Text: "TCP 52.83.10.1:443 and 52.83.10.2:443: no answer in 3.5 s"},
				{Ref: "tls:10.192.10.20:443/ssm", Text: "ssm at 10.192.10.20:443 answers in 0.6 ms with an Amazon certificate"},
			},
			Alternatives: []diagnose.Alternative{{Code: "DN-01", Title: "Private DNS is off on the endpoint", Decide: "describe-vpc-endpoints lists an ssmmessages endpoint with PrivateDnsEnabled false"}},
			Action: diagnose.Action{
				Do:      "Create the interface endpoint com.amazonaws.cn-northwest-1.ssmmessages in vpc-0a1b2c3d4e5f60002 with private DNS; its security group admits 443 from 10.192.0.0/16.",
				Command: "aws ec2 create-vpc-endpoint --region cn-northwest-1 --vpc-id vpc-0a1b2c3d4e5f60002 --vpc-endpoint-type Interface --service-name com.amazonaws.cn-northwest-1.ssmmessages --subnet-ids subnet-0a1b2c3d4e5f60001 --private-dns-enabled",
				Where:   "operator",
				Verify:  "getent hosts " + host,
			},
		}},
		Effects: []diagnose.Finding{
			{Code: "DN-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "No private endpoint serves this name, no public path", Subjects: []string{host}, CausedBy: "EP-01"},
			{Code: "RT-01", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "Public address is silent", Subjects: []string{"52.83.10.1:443"}, CausedBy: "EP-01"},
			{Code: "RT-01", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "Public address is silent", Subjects: []string{"52.83.10.2:443"}, CausedBy: "EP-01"},
		},
		Innocent: []diagnose.Innocent{
			{What: "the instance's egress to the VPC", Why: "ssm is reached on 443", Ref: "dial:10.192.10.20:443"},
			{What: "DNS resolver", Why: "the configured server and the VPC resolver agree"},
		},
		NotChecked: []diagnose.NotChecked{{What: "TLS of " + host, Why: "no connection"}},
		Rows:       []diagnose.Row{passRow(s.Targets[0], fact.OwnVPC), timeoutRow(s.Targets[1], fact.PublicAWS), timeoutRow(s.Targets[2], fact.PublicAWS)},
	}
	return report.New(s, v, tool)
}

// nothingPrivate is step (b): no endpoint at all, no public path.
func nothingPrivate() *report.Report {
	s := virginia()
	s.Targets = append(s.Targets, fact.Target{
		ID: "s3-gateway", Service: "com.amazonaws.us-east-1.s3", Type: "Gateway", Host: "s3.us-east-1.amazonaws.com",
		Ports: []fact.Port{{Number: 443, TLS: true, HTTP: true}}, Need: fact.NeedOneOf, Group: "s3", PrivateDNS: "no", PublicOK: true, Origin: "catalogue",
	})
	var keys []string
	var rows []diagnose.Row
	for _, t := range s.Targets {
		keys = append(keys, t.Key())
		rows = append(rows, timeoutRow(t, fact.PublicAWS))
	}
	v := diagnose.Verdict{
		Status:   diagnose.Broken,
		Headline: "No private endpoint serves ssm and ssmmessages, and nothing public answers from subnet-0a1b2c3d4e5f60001.",
		Causes: []diagnose.Finding{
			{
				Code: "DN-02", Severity: diagnose.SevError, Confidence: diagnose.Likely, Title: "No private endpoint serves this name, no public path",
				Summary: "All names resolve to public addresses at every resolver and none answers. Two ways out: endpoints, or a route to a NAT.", Subjects: keys,
				Evidence: []diagnose.Evidence{
					{Text: "ssm.us-east-1.amazonaws.com resolves to 52.46.1.1 (public AWS) at the VPC resolver too"},
					{Text: "4 public addresses on 443: no answer in 3.5 s each"},
				},
				Alternatives: []diagnose.Alternative{
					{Code: "SG-01", Title: "The instance's security group lets no 443 out", Decide: "its outbound rules"},
					{Code: "SG-06", Title: "The network ACL blocks 443 or the way back", Decide: "the NACL of subnet-0a1b2c3d4e5f60001"},
				},
				Action: diagnose.Action{
					Do:      "Look at the route table of the subnet; then create the endpoints below or add a NAT route.",
					Command: "aws ec2 describe-route-tables --region us-east-1 --filters Name=association.subnet-id,Values=subnet-0a1b2c3d4e5f60001 --query 'RouteTables[].Routes[]' --output table",
					Where:   "operator", Verify: "sudo vpcdoctor",
				},
			},
			{
				Code: "AG-03", Severity: diagnose.SevWarning, Confidence: diagnose.Proved, Title: "The agent is older than 3.1.821.0", Summary: "amazon-ssm-agent 3.0.100.0 is installed.",
				Evidence: []diagnose.Evidence{{Text: "rpm: amazon-ssm-agent 3.0.100.0"}},
				Action:   diagnose.Action{Do: "Update the agent.", Command: "sudo yum install -y amazon-ssm-agent", Where: "instance"}, Accepted: true,
			},
		},
		Rows: rows,
	}
	return report.New(s, v, tool)
}

func inconclusive() *report.Report {
	s := virginia()
	s.Run.UID = 1000
	s.IMDS.ENIs, s.IMDS.InstanceID, s.IMDS.AZ = nil, "", ""
	s.Run.Context = "systemd"
	v := diagnose.Verdict{
		Status:   diagnose.Inconclusive,
		Headline: "IMDS is silent and 2 of 2 required names were cut by the budget, so neither health nor a fault is shown.",
		Decide:   "run again with --budget 30s; if IMDS stays silent, look for a local firewall rule on 169.254.169.254.",
		Causes: []diagnose.Finding{{
			Code: "IM-13", Severity: diagnose.SevWarning, Confidence: diagnose.Possible, Title: "IMDS does not answer, cause open",
			Summary:  "The metadata service gave no answer in 2 s.",
			Evidence: []diagnose.Evidence{{Ref: "imds:PUT /latest/api/token", Text: "PUT /latest/api/token: no answer in 2 s"}},
			Action:   diagnose.Action{Do: "Repeat the request by hand.", Command: "curl -sS -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -o /dev/null -w '%{http_code}\\n' http://169.254.169.254/latest/api/token # 200 is right", Where: "instance"},
		}},
		NotChecked: []diagnose.NotChecked{
			{What: "ssm.us-east-1.amazonaws.com", Why: "budget", Required: true},
			{What: "ssmmessages.us-east-1.amazonaws.com", Why: "budget", Required: true},
			{What: "agent configuration", Why: "needs root"},
			{What: "dial 52.46.1.1:443 and dial 52.46.1.2:443", Why: "budget"},
		},
		Rows: []diagnose.Row{notRun(s.Targets[0]), notRun(s.Targets[1])},
	}
	return report.New(s, v, tool)
}

func notRun(t fact.Target) diagnose.Row {
	no := diagnose.Check{Status: diagnose.NotCheckedStatus, Word: "-"}
	return diagnose.Row{Key: t.Key(), ID: t.ID, Host: t.Host, Need: string(t.Need), Path: "direct", Status: diagnose.NotCheckedStatus, DNS: no, TCP: no, TLS: no, AWS: no}
}

func interrupted() *report.Report {
	r := inconclusive()
	s := r.Facts
	s.Run.Interrupted = true
	s.End = s.Start.Add(1200 * time.Millisecond)
	r.Verdict.Headline = "the run was interrupted before the required names were checked."
	r.Verdict.Causes, r.Verdict.Decide = nil, "run it again to its end."
	return report.New(s, r.Verdict, tool)
}

func degraded() *report.Report {
	s := virginia()
	v := diagnose.Verdict{
		Status:   diagnose.Degraded,
		Headline: "ssmmessages.us-east-1.amazonaws.com goes over public addresses while ssm is private.",
		Causes: []diagnose.Finding{{
			Code: "EP-15", Severity: diagnose.SevWarning, Confidence: diagnose.Proved, Title: "Some required names are private, others public",
			Summary: "ssm resolves into the VPC, ssmmessages to public addresses. Both work.", Subjects: []string{s.Targets[1].Key()},
			Evidence: []diagnose.Evidence{{Text: "ssm: 10.0.1.20 (own VPC)"}, {Text: "ssmmessages: 52.46.1.9 (public AWS)"}},
			Action:   diagnose.Action{Do: "Create the missing endpoint, or accept the public path.", Command: "sudo vpcdoctor check --expect any", Where: "instance"},
		}},
		Rows: []diagnose.Row{passRow(s.Targets[0], fact.OwnVPC), passRow(s.Targets[1], fact.PublicAWS)},
	}
	return report.New(s, v, tool)
}

func manyRows84() *report.Report {
	r := missingMessages()
	s := r.Facts
	s.Run.All = true
	for i := range 84 {
		id := fmt.Sprintf("service-%02d", i)
		if i == 7 {
			id = "elasticbeanstalk-health.with-a-very-long-name-in-front"
		}
		t := target("cn-northwest-1", "amazonaws.com.cn", id, fact.NeedOptional)
		s.Targets = append(s.Targets, t)
		row := passRow(t, fact.OwnVPC)
		switch {
		case i < 3 || i == 7:
			row = timeoutRow(t, fact.OwnVPC)
			row.DNS.Word = "2/2"
			row.TCP.Word = "1/2"
		case i < 30:
			row = notRun(t)
			row.Class = string(fact.PublicAWS)
		}
		r.Verdict.Rows = append(r.Verdict.Rows, row)
	}
	custom := fact.Target{ID: "billing", Host: "vpce-0a1b2c3d4e5f67890-abcdefgh.vpce-svc-0123456789abcdef0.cn-northwest-1.vpce.amazonaws.com.cn", Need: fact.NeedRequired}
	row := timeoutRow(custom, fact.OtherPrivate)
	row.TCP.Word = "cert_untrusted_by_nobody"
	row.Path = "proxy"
	r.Verdict.Rows = append(r.Verdict.Rows, row)
	return report.New(s, r.Verdict, tool)
}

// hostile is a report whose every string was written by an enemy.
// withChanges is a run that --since-last held against others.
func withChanges() *report.Report {
	r := nothingPrivate()
	r.Changes = &report.Changes{
		RunID: "20261120T091530Z-3fa9c1d2", Time: start.Add(-time.Hour),
		List: []report.Change{
			{What: "verdict", From: "degraded", To: "broken"}, {What: "DN-02", From: "absent", To: "error"}, {What: "OS-01", From: "warning", To: "absent"},
			{What: "ssm", From: "10.192.5.10", To: "public"}, {What: "ssmmessages", From: "own VPC, works", To: "own VPC, fails tcp timeout"},
		},
		Standing: []report.Standing{{Code: "AG-21", Since: start.Add(-5 * time.Hour), Runs: 6}, {Code: "TL-07", Since: start.Add(-5 * time.Hour), Runs: 6}, {Code: "DN-19", Since: start.Add(-90 * time.Hour), Runs: 90, More: true}},
		Flapping: []report.Flap{{What: "ssm", Changes: 6, Runs: 20}},
		Healthy:  start.Add(-2 * time.Hour), Same: start, Runs: 1,
	}
	return r
}

func hostile() *report.Report {
	evil := "\x1b[2J\x1b]0;owned\x07 \u202e\u0000\r\nHEALTHY: all is well\u2028 — “ok” 中文 " + strings.Repeat("A", 300)
	s := virginia()
	s.Run.Version, s.Run.Context = evil, evil
	s.Run.Profiles, s.Run.Services = []string{evil}, []string{evil}
	s.Run.Environment = []fact.EnvSeen{{Name: evil, Value: evil, Used: evil}}
	s.IMDS.InstanceID, s.IMDS.AZ, s.IMDS.AccountID = "$(reboot)", evil, "';reboot;'"
	s.IMDS.ENIs[0].VPCID, s.IMDS.ENIs[0].SubnetID = "vpc-0a1b2c3d\nEvil: yes", evil
	s.IMDS.ENIs[0].SecurityGroupIDs = []string{"sg-1\n  Evil: yes"}
	s.Place.Region, s.Place.DNSSuffix = "us-east-1'\nEvil: yes", evil
	s.Targets[1].Service = "com.amazonaws.x'\nEvil: yes"
	s.Cut = []fact.Cut{{What: evil, Why: evil}}
	changes := &report.Changes{
		List: []report.Change{{What: evil, From: evil, To: evil}}, Standing: []report.Standing{{Code: evil, Runs: 1}}, Flapping: []report.Flap{{What: evil}},
	}
	f := diagnose.Finding{
		Code: diagnose.Code(evil), Severity: diagnose.SevError, Confidence: diagnose.Confidence(evil), Title: evil, Summary: evil,
		Subjects: []string{s.Targets[0].Key(), s.Targets[1].Key(), evil}, Evidence: []diagnose.Evidence{{Ref: evil, Text: evil}, {Text: evil}},
		Alternatives: []diagnose.Alternative{{Code: "DN-02", Title: evil, Decide: evil}},
		Action:       diagnose.Action{Do: evil, Command: "echo 'safe\x1b[31m' \n reboot", Where: evil, Verify: evil},
	}
	second := f
	second.Severity = diagnose.SevWarning
	effect := f
	effect.CausedBy = diagnose.Code(evil)
	row := timeoutRow(fact.Target{ID: evil, Host: evil, Need: fact.Need(evil)}, fact.AddrClass(evil))
	row.TCP.Word = evil
	v := diagnose.Verdict{
		Status: diagnose.Broken, Headline: evil, Causes: []diagnose.Finding{f, second}, Effects: []diagnose.Finding{effect},
		Innocent: []diagnose.Innocent{{What: evil, Why: evil}}, NotChecked: []diagnose.NotChecked{{What: evil, Why: evil, Required: true}},
		Rows: []diagnose.Row{row, timeoutRow(s.Targets[0], fact.PublicAWS)},
	}
	r := report.New(s, v, report.Tool{Name: evil, Version: evil})
	r.Changes = changes
	return r
}
