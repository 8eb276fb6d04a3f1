package remedy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"vpcdoctor/probe/fact"
	"vpcdoctor/report/diagnose"
)

// Card is everything that is known about the repair of one cause. Its texts
// are ASCII; bodies are complete documents of their format. None of it is ever
// executed.
type Card struct {
	Code     diagnose.Code
	Title    string
	Who      string   // where the fix is made, and by whom
	Do       string   // what to do, in one or two sentences
	Effect   string   // what it changes, and who else notices
	Notes    []string // what to decide before
	Steps    []string // in the console
	Parts    []Template
	Without  string // why formats are missing, empty when none is
	Undo     string
	Retest   string
	Analyzer string // what Reachability Analyzer would say

	note    string // of the op
	about   string // what the values of scoped parameters are about
	stanzas []string
	draft   draft
}

// draft is what becomes one document.
type draft struct {
	values    map[string]string // of parameters, checked for their form
	ask       map[string]bool   // parameters whose command finds the wrong thing
	partition string
	comments  []string
	resources []resource
	copies    []parcopy
	about     []string // what each scope of a merged document is about
}

// maxParts is how many endpoints or records one card repairs.
const maxParts = 20

// optIn is the one parameter that is a switch.
const optIn = "CreateEc2messages"

// Cards are the cards of a verdict's causes, in the order in which to act.
// Accepted findings and mere information have none. With a code there are those
// of this code only, information and alternatives included.
func Cards(s *fact.Set, v diagnose.Verdict, only diagnose.Code) []Card {
	if s == nil {
		return nil
	}
	var out []Card
	for _, f := range v.Causes {
		switch {
		case f.Accepted:
		case only == "" && f.Severity != diagnose.SevInfo, f.Code == only:
			out = append(out, cardFor(s, v, f))
		case only != "":
			for _, a := range f.Alternatives {
				if a.Code == only {
					f.Code, f.Title, f.Action = a.Code, a.Title, diagnose.Action{}
					out = append(out, cardFor(s, v, f))
					break
				}
			}
		}
	}
	return out
}

// cardFor fills one card.
func cardFor(s *fact.Set, v diagnose.Verdict, f diagnose.Finding) Card {
	doc, _ := diagnose.Explain(f.Code)
	r := find("code", string(f.Code))
	if r.words == nil {
		r = find("code", "SELF-01") // never: a test looks for every code
	}
	place, op := r.words[2], r.words[3]
	x := about(s, &v, &f)
	c := Card{
		about: strings.Join(x.hosts, ", "),
		Code:  f.Code, Title: cmp.Or(f.Title, doc.Title), Do: cmp.Or(f.Action.Do, doc.Fix), Effect: r.fields["effect"], Undo: r.fields["undo"],
		Analyzer: analyzer(string(f.Code)), draft: x.draft,
	}
	granted := policy(f.Action.Statement) != ""
	if x.hub && place == "owner" {
		place = "hub"
	}
	switch {
	case op == "missing":
		as := f
		as.Code, as.Severity, as.Alternatives = "DN-02", diagnose.SevWarning, nil // whatever it is called, an endpoint is missing
		v.Causes = []diagnose.Finding{as}
		if centralised(s, v.Rows) {
			place, op = "hub", "zone"
			c.Do = "Let the name lead to the endpoints that the hub keeps: its private zone, Route 53 profile or resolver rule must serve this VPC."
			break
		}
		if p := planFor(s, v); !p.empty() {
			c.Notes = p.notes()
			c.missing(x, p)
		} else {
			c.Without = "No endpoint service that would help is known for these names: they need a NAT gateway or another way out."
		}
	case op == "rolepolicy" && !granted:
		op = ""
		c.Without = "The missing statement is not known: allow the action in the role's policy, or attach AmazonSSMManagedInstanceCore."
	case f.Code == "SM-06" && granted:
		op = "rolepolicy"
	}
	if o := find("op", op); o.words != nil && op != "missing" {
		if op == "newgroup" {
			c.take(x, "group")
		}
		if op == "record" {
			c.records(x, f.Code)
		} else {
			c.take(x, op, "%name", "vpcdoctor-"+string(f.Code), "%document", policy(f.Action.Statement), "%trust", trust(x.partition), "%partition", x.partition)
		}
		if op == "admit" {
			c.furtherGroups(x)
		}
		c.apply(o)
	}
	at := find("who", place).fields
	c.Who = x.words(at["place"])
	c.Effect, c.Undo = x.words(c.Effect), x.words(c.Undo)
	c.parts(r.fields["shell"], f)
	if len(c.Parts) == 0 {
		c.Without = cmp.Or(c.Without, at["without"])
	}
	c.Retest = cmp.Or(f.Action.Verify, "sudo vpcdoctor")
	if place != "host" && place != "nobody" && f.Action.Verify == "" {
		c.Retest += ", on the instance. A DNS answer of before may live on for a minute, and an agent that failed may sleep for up to an hour: sudo systemctl restart " + x.values["Unit"] + " wakes it."
	}
	return c
}

// missing takes the plan of the endpoints that are missing.
func (c *Card) missing(x *subject, p plan) {
	x.ports = p.ports
	if len(p.services) > 0 {
		c.take(x, "group")
	}
	for _, e := range p.services {
		c.take(x, "interface", "%id", logicalID(e.id), "%service", e.name)
	}
	if p.ec2messages != "" {
		before := len(c.stanzas)
		c.take(x, "interface", "%id", "Ec2messagesEndpoint", "%service", p.ec2messages)
		c.draft.resources[len(c.draft.resources)-1].when = optIn
		c.draft.values[optIn] = "true"
		if !p.ec2messagesOn {
			c.draft.values[optIn] = "false"
			c.stanzas, c.Steps = c.stanzas[:before], c.Steps[:len(c.Steps)-1]
			c.take(x, "ec2messages", "%service", p.ec2messages)
		}
	}
	for _, e := range p.gateways {
		c.take(x, "gateway", "%id", logicalID(e.id+" gateway"), "%service", e.name)
	}
	c.apply(find("op", "missing"))
	c.draft.comments = p.comments()
}

// take adds what an op creates, with words of its own filled in.
func (c *Card) take(x *subject, op string, pairs ...string) {
	o, with := find("op", op), strings.NewReplacer(pairs...)
	var rs []resource
	for _, r := range o.resources {
		r.id, r.props = with.Replace(r.id), slices.Clone(r.props)
		for j := range r.props {
			r.props[j].value = with.Replace(r.props[j].value)
		}
		rs = append(rs, r)
	}
	c.draft.resources = append(c.draft.resources, x.repeat(rs)...)
	c.stanzas = append(c.stanzas, x.stanzas(with.Replace(o.fields["shell"]))...)
	if steps := o.fields["console"]; steps != "" {
		c.Steps = append(c.Steps, strings.Split(x.words(with.Replace(steps)), "\n")...)
	}
}

// apply fills in what an op says about itself.
func (c *Card) apply(o record) {
	c.Effect, c.Undo = o.fields["effect"], o.fields["undo"]
	if c.note = o.fields["note"]; c.note != "" {
		c.Notes = append(c.Notes, c.note)
		c.draft.comments = append(c.draft.comments, c.note)
	}
	if cfn := o.fields["cfn"]; cfn != "" {
		c.Without = "It changes what exists already, and a new resource beside it would not. In the template that made it: " + cfn + "; in Terraform: " + o.fields["tf"] + "."
	}
}

// parts writes the bodies.
func (c *Card) parts(shell string, f diagnose.Finding) {
	for _, t := range []Template{
		{Title: "On the instance", Format: Shell, File: "-instance.sh"}, {Title: "AWS CLI", Format: CLI, File: ".sh"},
		{Title: "CloudFormation", Format: CloudFormation, File: ".yaml"}, {Title: "Terraform", Format: Terraform, File: ".tf"},
		{Title: "The missing statement", Format: Policy, File: ".json"}, {Title: "The same refusal in CloudTrail", Format: SQL, File: ".sql"},
	} {
		switch {
		case t.Format == Shell && shell != "":
			t.Body = c.draft.shell([]string{shell})
		case t.Format == Policy && policy(f.Action.Statement) != "":
			t.Body = f.Action.Statement + "\n"
		case t.Format == SQL && f.Action.Query != "":
			t.Body = f.Action.Query + "\n"
		case c.serves(t.Format):
			t.Body = c.body(t.Format)
		default:
			continue
		}
		t.File = "vpcdoctor-" + string(c.Code) + t.File
		c.Parts = append(c.Parts, t)
	}
}

// serves tells whether the card has something to say in a format.
func (c *Card) serves(format string) bool {
	return format == CLI && len(c.stanzas) > 0 || slices.ContainsFunc(c.draft.resources, func(r resource) bool {
		return format == CloudFormation && r.cfn != "" || format == Terraform && r.tf != ""
	})
}

func (c *Card) body(format string) string {
	switch format {
	case CloudFormation:
		return c.draft.cloudFormation()
	case Terraform:
		return c.draft.terraform()
	}
	return c.draft.shell(c.stanzas)
}

// used lists the parameters that a format's resources mention.
func (d *draft) used(terraform bool) []param {
	text := ""
	var walk func([]prop)
	walk = func(ps []prop) {
		for _, p := range ps {
			if terraform && p.tf != "" || !terraform && p.cfn != "" {
				text += p.value + " "
				walk(p.kids)
			}
		}
	}
	for _, r := range d.resources {
		if terraform && r.tf != "" || !terraform && r.cfn != "" {
			walk(r.props)
			text += "$" + r.when + " "
		}
	}
	var out []param
	for _, p := range d.params() {
		if strings.Contains(text, "$"+p.name+" ") || terraform && (p.name == "Region" || strings.Contains(text, "var."+snake(p.name)+")")) {
			out = append(out, p)
		}
	}
	return out
}

// trust is the trust policy of a role for EC2. In China the service has the
// name of the partition (eksctl and CDK write it so too).
func trust(partition string) string {
	principal := "ec2.amazonaws.com"
	if partition == "aws-cn" {
		principal += ".cn"
	}
	return policy("{\n  \"Effect\": \"Allow\",\n  \"Principal\": {\"Service\": \"" + principal + "\"},\n  \"Action\": \"sts:AssumeRole\"\n}")
}

// subject is what the facts know about the things a finding is about.
type subject struct {
	spread
	draft
	hub      bool // they are outside this VPC
	services []string
	hosts    []string
	serves   map[string]string // service of a host
}

// about gathers the values of parameters.
func about(s *fact.Set, v *diagnose.Verdict, f *diagnose.Finding) *subject {
	eni := s.IMDS.Primary()
	x := &subject{
		spread: spread{cidrs: vpcBlocks(s, eni.VPCID), block: "VpcCidr"},
		draft:  draft{values: map[string]string{}, ask: map[string]bool{}, partition: cmp.Or(pick(partition, s.Place.Partition), "aws")},
	}
	_, profile := cutLast(strings.ReplaceAll(s.IMDS.Role.ProfileARN, "/", "."))
	for _, p := range []struct {
		name, value string
		form        *form
	}{
		{"Region", s.Place.Region, &serviceName}, {"VpcId", eni.VPCID, &vpcID}, {"SubnetId", eni.SubnetID, &subnetID}, {"SubnetIds", eni.SubnetID, &subnetID},
		{"InstanceId", s.IMDS.InstanceID, &instanceID}, {"RoleName", s.IMDS.Role.Name, &anyName}, {"InstanceProfileName", profile, &anyName},
		{"LogGroupName", s.Rehearsal.Preferences.LogGroup, &anyName}, {"Unit", unit(s), &anyName},
	} {
		x.first(p.name, pick(*p.form, p.value))
	}
	for _, g := range eni.SecurityGroupIDs {
		x.first("InstanceSecurityGroupId", pick(groupID, g))
	}
	if account := pick(accountID, s.IMDS.AccountID); account != "" {
		x.values["ConsumerArn"] = "arn:" + x.partition + ":iam::" + account + ":root"
	}
	if x.values["Region"] != "" && s.Place.DNSSuffix != "" {
		x.first("AwsDomain", pick(serviceName, s.Place.Region+"."+s.Place.DNSSuffix))
	}
	for i := range v.Rows {
		r := &v.Rows[i]
		x.hub = x.hub || r.Class == string(fact.OtherPrivate) && r.Path != "proxy" && slices.Contains(f.Subjects, r.Key)
	}
	x.serves = map[string]string{}
	for i := range s.Targets {
		t := &s.Targets[i]
		if slices.Contains(f.Subjects, t.Key()) || slices.Contains(f.Subjects, t.Host) || slices.Contains(f.Subjects, t.ID) {
			name := x.target(t)
			if name != "" && !slices.Contains(x.services, name) && len(x.services) < maxParts {
				x.services = append(x.services, name)
			}
			if host := recordName(t); host != "" && t.Type != "Gateway" && !slices.Contains(x.hosts, host) && len(x.hosts) < maxParts {
				x.hosts = append(x.hosts, host)
				x.serves[host] = name
			}
		}
	}
	if slices.Sort(x.ports); len(x.ports) == 0 {
		x.ports = []uint16{443}
	}
	slices.Sort(x.services)
	x.values["ServiceNames"] = strings.Join(x.services, ",")
	if x.hub { // its ids are not to be found in this account
		for _, p := range []string{"EndpointIds", "EndpointSecurityGroupIds", "EndpointDnsName", "EndpointZoneId"} {
			x.ask[p] = true
		}
	}
	if f.Code == "GW-03" { // the public ranges of S3 grow
		x.cidrs = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	}
	if x.hub && strings.HasPrefix(string(f.Code), "SG-0") && f.Code != "SG-02" && f.Code != "SG-05" { // they lead out of this VPC
		x.cidrs, x.block = nil, "HubCidr"
	}
	if f.Code == "V6-05" {
		x.cidrs = slices.DeleteFunc(x.cidrs, func(c netip.Prefix) bool { return !c.Addr().Is6() })
	}
	return x
}

// target takes what a target tells and returns the name of its interface
// endpoint's service.
func (x *subject) target(t *fact.Target) string {
	for _, p := range t.Ports {
		if p.Number != 0 && !slices.Contains(x.ports, p.Number) {
			x.ports = append(x.ports, p.Number)
		}
	}
	host := pick(serviceName, t.Host)
	x.first("RecordName", recordName(t))
	service := pick(serviceName, t.Service)
	switch t.Type {
	case "Gateway":
		x.first("GatewayServiceName", service)
		return ""
	case "Custom":
		x.first("PrivateName", host)
		if _, id := cutLast(service); strings.HasPrefix(id, "vpce-svc-") {
			x.first("EndpointServiceId", id)
		}
	}
	return service
}

// recordName is the name of a target's record.
func recordName(t *fact.Target) string {
	host := pick(serviceName, t.Host)
	if _, parent, ok := strings.Cut(host, "."); ok && t.Wildcard {
		return "*." + parent
	}
	return host
}

// first keeps the first value of a parameter. Values have passed pick: facts
// may come from a file that someone else wrote.
func (x *subject) first(name, value string) { x.values[name] = cmp.Or(x.values[name], value) }

// words puts what is known in place of {Name}, and what it stands for where
// it is not.
func (x *subject) words(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	for _, p := range params() {
		value := x.values[p.name]
		for i, c := range x.cidrs {
			if p.name == "VpcCidr" {
				if i > 0 {
					value += ", "
				}
				value += c.String()
			}
		}
		if value == "" {
			value = "the " + strings.TrimPrefix(p.about, "the ")
		}
		text = strings.ReplaceAll(text, "{"+p.name+"}", value)
	}
	return text
}

// unit is the agent's systemd unit without its suffix: the one that runs, else
// one that is there.
func unit(s *fact.Set) string {
	name := ""
	for _, u := range s.Agent.Units {
		if n := pick(anyName, strings.TrimSuffix(u.Name, ".service")); n != "" && (u.Load == "loaded" || u.Load == "masked") && (name == "" || u.Active == "active") {
			name = n
		}
	}
	return cmp.Or(name, "amazon-ssm-agent")
}
