package imds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

// singles are the parsers of one value, with what they take and what not.
var singles = map[string]struct {
	parse    func(string) (string, error)
	yes, not []string
}{
	"region": {parseRegion,
		[]string{"us-east-1", "cn-northwest-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-7", "mx-central-1", "eu-isoe-west-1"},
		[]string{"", "us-east", "US-EAST-1", "us-east-1a", "us-east-1\nx", "us-east-1.evil.example", "-east-1", "us-east-111"}},
	"zone": {parseZone,
		[]string{"us-east-1a", "us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1", "cn-north-1b"},
		[]string{"", "useast1a", "us east 1a", "us-east-1a;rm", strings.Repeat("a-", 40)}},
	"zone id": {parseZoneID,
		[]string{"use1-az1", "cnnw1-az3", "usw2-lax1-az1", "use1-wl1-bos-wlz1", "usgw1-az2"},
		[]string{"", "use1", "1-az1", "use1_az1", "USE1-AZ1"}},
	"partition": {parsePartition,
		[]string{"aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"}, []string{"", "AWS", "amazon", "aws cn", "aws-"}},
	"domain": {parseDomain,
		[]string{"amazonaws.com", "amazonaws.com.cn", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "amazonaws.eu"},
		[]string{"", "localhost", ".com", "a..b", "amazonaws.com/", "amazonaws.com:80", "a_b.com", strings.Repeat("a", 60) + ".com"}},
	"instance": {parseInstance,
		[]string{"i-0123456789abcdef0", "i-01234567"}, []string{"", "i-", "mi-0123456789abcdef0", "i-0123456789ABCDEF0", "i-0123456789abcdef012", "i-0123456789abcdef0 "}},
	"vpc":       {parseVPC, []string{"vpc-0123456789abcdef0", "vpc-01234567"}, []string{"vpc-", "vpce-0123456789abcdef0"}},
	"subnet":    {parseSubnet, []string{"subnet-0123456789abcdef0"}, []string{"sg-0123456789abcdef0"}},
	"interface": {parseInterface, []string{"eni-0123456789abcdef0"}, []string{"eni-xyz"}},
	"group":     {parseGroup, []string{"sg-0123456789abcdef0", "sg-01234567"}, []string{"default", "sg-"}},
	"account":   {parseAccount, []string{"123456789012"}, []string{"", "12345678901", "1234567890123", "12345678901a"}},
	"role": {parseRole,
		[]string{"AmazonSSMManagedInstanceCore", "a+b=c,d.e@f-g_h"}, []string{"", "a b", "a/b", "../../x", "a%2fb", "ü", strings.Repeat("a", 65)}},
	"profile": {parseProfile,
		[]string{"arn:aws:iam::123456789012:instance-profile/x", "arn:aws-cn:iam::123456789012:instance-profile/path/to/x", "arn:aws-us-gov:iam::123456789012:instance-profile/x"},
		[]string{"", "arn:aws:iam::123456789012:role/x", "arn:aws:iam::12:instance-profile/x", "arn:aws:iam::123456789012:instance-profile/a b"}},
	"code":  {parseCode, []string{"Success", "AssumeRoleUnauthorizedAccess"}, []string{"", "a b", "x1", strings.Repeat("a", 65)}},
	"token": {parseToken, []string{"AQAEAabc=="}, []string{"", "a b", "a\nb", "\x00", strings.Repeat("a", 513)}},
	"public": {parsePublicIPv4,
		[]string{"52.82.1.2"}, []string{"", "::1", "256.1.1.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "1.2.3.4/32"}},
	"mac": {parseMAC,
		[]string{"02:00:00:00:00:01", "02:00:00:00:00:01/"}, []string{"", "02:00:00:00:00", "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01", "../.."}},
	"name": {parseName, []string{"vpc-id", "ipv4-associations/"}, []string{"", "..", "a/b", "A", "a b"}},
	"ipv4": {text4, []string{"10.0.0.1"}, []string{"", "fd00::1", "10.0.0", "::ffff:10.0.0.1"}},
	"ipv6": {text6, []string{"2406:da70:1::5"}, []string{"", "10.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1"}},
	"cidr4": {textCIDR4,
		[]string{"10.0.0.0/16", "100.64.0.0/10", "52.0.0.0/24", "10.1.2.3/32"}, []string{"", "10.0.0.0", "0.0.0.0/0", "10.0.0.0/7", "10.0.0.0/33", "fd00::/64"}},
	"cidr6": {textCIDR6,
		[]string{"2406:da70:1::/56", "2406::/32"}, []string{"", "::/0", "2000::/3", "2406::/31", "10.0.0.0/16", "::ffff:10.0.0.0/104"}},
	"device": {func(s string) (string, error) { n, err := parseDevice(s); return fmt.Sprint(n), err },
		[]string{"0", "15", "255"}, []string{"", "-1", "256", "1x", "99999999999999999999"}},
}

func text4(s string) (string, error)     { a, err := parseIPv4(s); return a.String(), err }
func text6(s string) (string, error)     { a, err := parseIPv6(s); return a.String(), err }
func textCIDR4(s string) (string, error) { p, err := parseCIDR4(s); return p.String(), err }
func textCIDR6(s string) (string, error) { p, err := parseCIDR6(s); return p.String(), err }

func TestValues(t *testing.T) {
	for name, tc := range singles {
		for _, s := range tc.yes {
			if got, err := tc.parse(s); err != nil || got == "" {
				t.Errorf("%s %q: %v", name, s, err)
			}
		}
		for _, s := range tc.not {
			if got, err := tc.parse(s); err == nil {
				t.Errorf("%s %q was taken as %q", name, s, got)
			} else if s != "" && strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error repeats the value: %v", name, err)
			}
		}
	}
}

func TestLists(t *testing.T) {
	many := strings.Repeat("10.0.0.0/16\n", maxList+1)
	for _, tc := range []struct {
		text  string
		want  int
		class fact.Class
	}{
		{"", 0, ""},
		{"10.0.0.0/16", 1, ""},
		{"10.0.0.0/16\n10.1.0.0/16\n", 2, ""},
		{"10.0.0.0/16\r\n10.1.0.0/16\r\n", 2, ""},
		{"10.0.0.0/16\n<html>\n10.1.0.0/16", 2, fact.Malformed},
		{many[:len(many)/(maxList+1)*maxList], maxList, ""},
		{many, maxList, fact.TooLarge},
		{strings.Repeat("junk\n", 10000), 0, fact.TooLarge},
	} {
		got, err := parseList(tc.text, parseCIDR4)
		var form formError // without an error it stays empty, and so does the class
		if is := errors.As(err, &form); is != (err != nil) || len(got) != tc.want || form.class != tc.class {
			t.Errorf("%.40q: %d values, %v", tc.text, len(got), err)
		}
	}
}

func TestMalformedValuesAreDropped(t *testing.T) {
	const meta = "/latest/meta-data/"
	const nic = meta + macs + "02:00:00:00:00:01/"
	fake := probetest.NewIMDS(instance())
	fake.Mode.Bodies = map[string]string{
		meta + "placement/region":       "not a region",
		meta + "services/domain":        "<b>x</b>",
		meta + "services/partition":     "\x1b[31maws",
		meta + "public-ipv4":            "127.0.0.1",
		nic + "vpc-ipv4-cidr-blocks":    "10.192.0.0/16\n0.0.0.0/0",
		nic + "subnet-ipv4-cidr-block":  "10.192.10.0",
		nic + "security-group-ids":      "sg-00000000000000001\n$(reboot)",
		nic + "vpc-id":                  "<!DOCTYPE html><html>",
		meta + "iam/info":               `{"Code":"Success","InstanceProfileArn":"arn:nonsense"}`,
		identityPath:                    `{"instanceId":"i-zzz","accountId":"1","region":"cn-northwest-1","availabilityZone":"cn-northwest-1a"}`,
		meta + "placement/availability": "",
	}
	got := read(t, fake)
	for _, path := range []string{
		"placement/region", "services/domain", "services/partition", "public-ipv4", macs + "02:00:00:00:00:01/vpc-ipv4-cidr-blocks",
		macs + "02:00:00:00:00:01/subnet-ipv4-cidr-block", macs + "02:00:00:00:00:01/security-group-ids", "iam/info", identityPath,
	} {
		if g := find(t, got, path); g.Status != fact.Failed || g.Class != fact.Malformed || g.HTTPStatus != 200 || g.HTML {
			t.Errorf("%s: %+v", path, g)
		}
	}
	if g := find(t, got, macs+"02:00:00:00:00:01/vpc-id"); !g.HTML || g.Class != fact.Malformed {
		t.Errorf("web page: %+v", g)
	}
	e := got.Primary()
	if len(e.VPCCIDRs) != 1 || len(e.SecurityGroupIDs) != 1 || e.SubnetCIDR.IsValid() || e.VPCID != "" {
		t.Errorf("interface: %+v", e)
	}
	// The document's good values stand in, its bad ones are asked by themselves.
	if got.Region != "cn-northwest-1" || got.InstanceID != "i-0123456789abcdef0" || got.AZ != "cn-northwest-1a" || got.AccountID != "" {
		t.Errorf("%q %q %q %q", got.Region, got.InstanceID, got.AZ, got.AccountID)
	}
	if got.DNSSuffix != "" || got.Partition != "" || got.PublicIPv4 != "" || got.PublicIPv4Absent || got.Role.ProfileARN != "" {
		t.Errorf("%+v", got)
	}
	if s := asJSON(t, got); strings.Contains(s, "reboot") || strings.Contains(s, "u001b") {
		t.Errorf("hostile text in the facts: %s", s)
	}
}

func TestRole(t *testing.T) {
	const list = "/latest/meta-data/iam/security-credentials/"
	for _, tc := range []struct {
		name  string
		role  string
		mode  probetest.IMDSMode
		state fact.RoleState
		code  string
		ok    bool // the state is known
		gets  int  // below iam/
	}{
		{"present", "r", probetest.IMDSMode{}, fact.RolePresent, "Success", true, 3},
		{"no profile", "", probetest.IMDSMode{}, fact.RoleAbsent, "", true, 1},
		{"profile without a role", "r", probetest.IMDSMode{RoleEmpty: true}, fact.RoleEmpty, "", true, 2},
		{"role list is 404", "r", probetest.IMDSMode{Statuses: map[string]int{list: 404}}, fact.RoleEmpty, "", true, 2},
		{"cannot be assumed", "r", probetest.IMDSMode{RoleCode: "AssumeRoleUnauthorizedAccess"}, fact.RoleError, "AssumeRoleUnauthorizedAccess", true, 3},
		{"profile deleted", "r", probetest.IMDSMode{
			Bodies: map[string]string{"/latest/meta-data/iam/info": `{"Code":"InstanceProfileNotFound","InstanceProfileArn":""}`}, Statuses: map[string]int{list: 404},
		}, fact.RoleError, "InstanceProfileNotFound", true, 2},
		{"credentials are 404", "r", probetest.IMDSMode{NoIAMRole: true}, fact.RoleError, "", false, 3},
		{"credentials are no JSON", "r", probetest.IMDSMode{Bodies: map[string]string{list + "r": "nonsense"}}, fact.RoleError, "", false, 3},
		{"info fails, the rest serves", "r", probetest.IMDSMode{Statuses: map[string]int{"/latest/meta-data/iam/info": 500}}, fact.RolePresent, "Success", true, 3},
		{"info fails, list is 404", "", probetest.IMDSMode{Statuses: map[string]int{"/latest/meta-data/iam/info": 500}}, fact.RoleAbsent, "", true, 2},
		{"all fail", "r", probetest.IMDSMode{Statuses: map[string]int{"/latest/meta-data/iam/info": 500, list: 500}}, fact.RoleUnknown, "", false, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := instance()
			i.Role = tc.role
			fake := probetest.NewIMDS(i)
			fake.Mode = tc.mode
			got := read(t, fake)
			if r := got.Role; r.State != tc.state || r.Code != tc.code || (r.Status == fact.OK) != tc.ok {
				t.Errorf("%+v", r)
			}
			asked := 0
			for _, g := range got.Gets {
				if strings.Contains(g.Path, "/iam/") {
					asked++
				}
			}
			if asked != tc.gets {
				t.Errorf("%d GETs below iam/", asked)
			}
		})
	}
}

// TestBuffersAreWiped reads the credentials and then looks into the buffers.
func TestBuffersAreWiped(t *testing.T) {
	base, err := parseEndpoint(serve(t, probetest.NewIMDS(instance())))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{c: newClient(t.Context(), base, Options{})}
	defer s.c.close()
	if !s.open(t.Context()) {
		t.Fatal("not opened")
	}
	s.role(t.Context())
	s.c.later.Wait()
	if s.m.Role.State != fact.RolePresent {
		t.Fatalf("%+v", s.m.Role)
	}
	for range maxConns {
		if i := slices.IndexFunc((<-s.c.slots).body, func(b byte) bool { return b != 0 }); i >= 0 {
			t.Fatalf("byte %d of a buffer is left", i)
		}
	}
}

// FuzzValues gives any text to every parser. What they take must be printable,
// bounded, and taken again in the form in which it was returned.
func FuzzValues(f *testing.F) {
	for _, tc := range singles {
		for _, s := range append(tc.yes, tc.not...) {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, tc := range singles {
			got, err := tc.parse(s)
			if err != nil {
				checkText(t, err.Error())
				continue
			}
			checkText(t, got)
			if again, err := tc.parse(got); err != nil || again != got {
				t.Errorf("%s: %q gives %q, which gives %q, %v", name, s, got, again, err)
			}
		}
		if got, err := parseList(s, parseCIDR4); len(got) > maxList || slices.Contains(got, netip.Prefix{}) {
			t.Errorf("list %v, %v", got, err)
		}
		_, _ = parseEndpoint(s)
	})
}

// checkText fails when s could do harm in a terminal or a report.
func checkText(t *testing.T, s string) {
	t.Helper()
	if len(s) > maxValue || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("text %q", s)
	}
}

// FuzzDocuments gives any bytes to the parsers of JSON documents, the AWS SDK's
// among them.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`{"accountId":"123456789012","instanceId":"i-0123456789abcdef0","region":"us-east-1","availabilityZone":"us-east-1a","pendingTime":"2026-11-21T00:00:00Z"}`))
	f.Add([]byte(`{"Code":"Success","Expiration":"2030-01-02T03:04:05Z","SecretAccessKey":"x"}`))
	f.Add([]byte(`{"Code":"Success","InstanceProfileArn":"arn:aws:iam::123456789012:instance-profile/x"}`))
	f.Add([]byte(`{"Code":"Success","Expiration":"9999-12-31T23:59:59-23:59"}`))
	f.Add([]byte(`{"Code":"Success","Expiration":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"accountId":1}`))
	f.Add([]byte("<html>"))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Fuzz(func(t *testing.T, body []byte) {
		id, err := readIdentity(t.Context(), "http://127.0.0.1", func(context.Context) (int, []byte) { return 200, body })
		for _, s := range []string{id.instance, id.account, id.region, id.zone, fmt.Sprint(err)} {
			checkText(t, s)
		}
		p, err := parseProfileInfo(body)
		for _, s := range []string{p.code, p.arn, fmt.Sprint(err)} {
			checkText(t, s)
		}
		g, err := parseGrant(body)
		checkText(t, g.code+fmt.Sprint(err))
		if _, err := json.Marshal(fact.Role{Expires: g.expires}); err != nil { // a year that JSON cannot carry would lose the whole report
			t.Errorf("%v: %v", g.expires.Format(time.RFC3339), err)
		}
	})
}
