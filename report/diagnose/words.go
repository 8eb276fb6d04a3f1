package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vpcdoctor/probe/fact"
)

// Texts are short, plain and ASCII. Every name in them comes from facts, which
// others may have written: it is reduced to printable ASCII here, and enters a
// command only when it cannot mean anything to a shell.

// plain reduces a text to printable ASCII and bounds it.
func plain(s string, limit int) string {
	b := strings.Builder{}
	for _, r := range s {
		if b.Len() >= limit {
			b.WriteString("...")
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// list joins names: "a", "a and b", "a, b and 3 more".
func list(names []string, limit int) string {
	names = slices.Clone(names)
	if len(names) > limit && limit > 0 {
		more := len(names) - limit
		names = append(names[:limit], fmt.Sprintf("%d more", more))
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func addrList(addrs []netip.Addr, limit int) string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return list(s, limit)
}

// verb chooses "is" or "are" style words by number.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// seconds prints a duration as people say it.
func seconds(d time.Duration) string {
	if d < 50*time.Microsecond {
		return "less than 0.1 ms"
	}
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// className is an address class in words.
func className(c fact.AddrClass) string {
	switch c {
	case fact.OwnVPC:
		return "in this VPC"
	case fact.OtherPrivate:
		return "private, outside the VPC CIDRs"
	case fact.PublicAWS:
		return "public AWS"
	case fact.LinkLocal:
		return "link-local"
	case fact.Loopback:
		return "loopback"
	case fact.NAT64:
		return "NAT64"
	case fact.Unspecified:
		return "nobody's address"
	}
	return "unclassified"
}

// command builds one line to paste. A part with a character that a shell would
// read is refused and the whole command left out: no command beats a wrong one.
func command(parts ...string) string {
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:/,=@%+-{}", r))
		}) {
			return ""
		}
	}
	return strings.Join(parts, " ")
}

// aws builds an AWS CLI command for the instance's Region. The CLI picks the
// partition's endpoints from the Region.
func (v *View) aws(service, operation string, args ...string) string {
	region := v.region()
	if region == "" {
		region = "REGION"
	}
	return command(append([]string{"aws", service, operation, "--region", region}, args...)...)
}

func (v *View) region() string {
	if r := v.Set.Place.Region; r != "" {
		return r
	}
	return v.Set.IMDS.Region
}

func (v *View) vpcID() string    { return orWord(v.ENI.VPCID, "VPC_ID") }
func (v *View) subnetID() string { return orWord(v.ENI.SubnetID, "SUBNET_ID") }
func (v *View) instance() string { return orWord(v.Set.IMDS.InstanceID, "INSTANCE_ID") }

// orWord is a value, or the placeholder that tells what to fill in.
func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

// where describes our own place: "i-1 in subnet-2 of vpc-3".
func (v *View) where() string {
	id := v.Set.IMDS.InstanceID
	if id == "" {
		id = "this instance"
	}
	if v.ENI.SubnetID == "" {
		return id
	}
	s := id + " in " + v.ENI.SubnetID
	if v.ENI.VPCID != "" {
		s += " of " + v.ENI.VPCID
	}
	return s
}

// groups names the instance's security groups.
func (v *View) groups() string {
	if len(v.ENI.SecurityGroupIDs) == 0 {
		return "the instance's security group"
	}
	return "security group " + list(sortedStrings(v.ENI.SecurityGroupIDs), 3)
}

func sortedStrings(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// vpcCIDRs lists the VPC's blocks for an ingress rule that admits all of it.
func (v *View) vpcCIDRs() string {
	if len(v.VPC) == 0 {
		return "the VPC's CIDRs"
	}
	var s []string
	for _, p := range v.VPC {
		s = append(s, p.String())
	}
	return list(sortedStrings(s), 6)
}

// runCommand tells whether this run came through Run Command: then the channel
// worked when it started, and the agent must not be restarted from here.
func (v *View) runCommand() bool { return v.Set.Run.Context == "run-command" }

// wake is the advice for after a fix: the agent may sleep for up to an hour
// after failures (ssm-agent.md 4.8), unless it is the one that runs us.
func (v *View) wake() string {
	if v.runCommand() {
		return ""
	}
	if v.nap.kind != "" {
		return " Then restart the agent; by itself it sleeps " + v.until() + "."
	}
	return " Then restart the agent; it may sleep for up to an hour by itself."
}

// unit is the name of the agent's service: of the one that runs, where there
// are two.
func (v *View) unit() string {
	name := ""
	for _, u := range sorted(v.Set.Agent.Units, func(u fact.AgentUnit) string { return u.Name }) {
		if (u.Load == "loaded" || u.Load == "masked") && (name == "" || u.Active == "active") {
			name = strings.TrimSuffix(u.Name, ".service")
		}
	}
	return orWord(name, "amazon-ssm-agent")
}

// SubjectName is a finding's subject as a reader knows it: of the key of a
// target, which is its id and its host, the host.
func SubjectName(s string) string {
	if id, host, ok := strings.Cut(s, "/"); ok && strings.Contains(host, ".") && !strings.ContainsAny(id, ".:") && id != "" {
		return host
	}
	return s
}
