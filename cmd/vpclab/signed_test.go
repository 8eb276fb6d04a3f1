//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/probetest"
)

func init() {
	roles["again"] = runAgain
	roles["timer"] = runTimer
}

// runAgain runs vpcdoctor twice on one instance.
func runAgain(args []string) (any, error) {
	var exits []int
	for range 2 {
		code, err := runDoctor(args)
		if err != nil {
			return nil, err
		}
		exits = append(exits, code)
	}
	return exits, nil
}

// runTimer runs vpcdoctor as a systemd timer does, three times: the third after
// somebody broke the agent's configuration, which changes the verdict and no
// path. It notes the signed calls of each run.
func runTimer(args []string) (any, error) {
	if err := os.Setenv("INVOCATION_ID", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"); err != nil {
		return nil, err
	}
	if err := os.Setenv("JOURNAL_STREAM", "8:12345"); err != nil {
		return nil, err
	}
	var exits []int
	for i := range 3 {
		if i == 2 {
			if err := os.MkdirAll("/etc/amazon/ssm", 0o755); err != nil {
				return nil, err
			}
			if err := os.WriteFile("/etc/amazon/ssm/amazon-ssm-agent.json", []byte("{\n  \"Profile\": {}\n  \"Mds\": {}\n}\n"), 0o600); err != nil {
				return nil, err
			}
		}
		code, err := runDoctor(args)
		if err != nil {
			return nil, err
		}
		exits = append(exits, code)
	}
	return exits, nil
}

// ours are the requests of vpcdoctor itself: the stand-in agent makes some, too.
func (c *captured) ours() []probetest.APICall {
	return slices.DeleteFunc(slices.Clone(c.calls), func(x probetest.APICall) bool { return !strings.HasPrefix(x.UserAgent, "vpcdoctor/") })
}

// signed are those of them that carry a signature.
func (c *captured) signed() []probetest.APICall {
	return slices.DeleteFunc(c.ours(), func(x probetest.APICall) bool { return !x.Signed })
}

// times counts the signed calls of an operation.
func (c *captured) times(operation string) int {
	n := 0
	for _, x := range c.signed() {
		if x.Operation == operation {
			n++
		}
	}
	return n
}

// theAgentsOwn are operations that only the agent may call: they register, report, or take what is meant
// for it.
var theAgentsOwn = []string{"UpdateInstanceInformation", "GetMessages", "OpenControlChannel", "OpenDataChannel", "CreateDataChannel",
	"RegisterManagedInstance", "RequestManagedInstanceRoleToken", "Decrypt", "GenerateDataKey"}

// TestSignedCalls holds the account's record of whole runs against what may be
// called: by whom, when, over which path, how often (decisions.md, "Do no
// harm").
func TestSignedCalls(t *testing.T) {
	everything := func(w *world.World) {
		w.Resources.Preferences = world.Preferences(map[string]any{"kmsKeyId": "alias/session", "s3BucketName": "example-session-logs", "cloudWatchLogGroupName": "/ssm/sessions"})
	}
	down := func(w *world.World) {
		w.Host.Agent.Running, w.Host.Agent.Worker, w.Host.Agent.Connected = false, false, false
	}
	for name, tt := range map[string]struct {
		scenario string
		change   func(*world.World)
		args     []string
		least    int      // signed calls that must be seen
		most     int      // and may be
		also     []string // operations beyond ListInstanceAssociations that must be seen
		endpoint bool     // they come through this VPC's endpoints; else through none
	}{
		"default":                    {scenario: "role-core", least: 1, most: maxSigned, endpoint: true},
		"minimal role":               {scenario: "role-minimal", least: 1, most: maxSigned, endpoint: true},
		"no profile":                 {scenario: "host-management-connected", least: 1, most: maxSigned, endpoint: true},
		"with sts":                   {scenario: "nat-only", args: []string{"--service", "sts"}, least: 2, most: maxSigned, also: []string{"GetCallerIdentity"}},
		"old agent":                  {scenario: "agent-aged", least: 2, most: maxSigned, also: []string{"GetEndpoint"}, endpoint: true},
		"many profiles":              {scenario: "nat-only", args: []string{"--profile", "session-manager,ecr-pull,patch-manager,cloudwatch-agent,eks-node"}, least: 1, most: maxSigned},
		"agent asks for its channel": {scenario: "role-core", args: []string{"--agent-channel"}, least: 1, most: maxSigned, endpoint: true},
		"agent is down":              {scenario: "role-core", change: down, least: 1, most: maxSigned, endpoint: true},
		"agent is down, and a channel": {scenario: "role-core", change: down, args: []string{"--agent-channel"}, least: 2, most: maxSigned,
			also: []string{"CreateControlChannel"}, endpoint: true},
		"rehearsal":                   {scenario: "role-core", change: everything, args: []string{"--rehearse"}, least: 6, most: 10, also: []string{"GetDocument", "DescribeKey", "HeadBucket", "DescribeLogGroups"}, endpoint: true},
		"through the agent's proxy":   {scenario: "perimeter-proxy", least: 1, most: maxSigned},
		"intercepted":                 {scenario: "tls-intercept"},
		"intercepted, with rehearsal": {scenario: "tls-intercept", args: []string{"--rehearse", "--agent-channel"}},
		"wrong certificate":           {scenario: "wrong-certificate", most: maxSigned, endpoint: true},
		"no signed calls":             {scenario: "role-core", change: everything, args: []string{"--no-signed", "--rehearse"}},
		"no root":                     {scenario: "no-root"},
		"another Region":              {scenario: "nat-only", args: []string{"--region", "ap-southeast-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needLab(t)
			w := worldOf(t, tt.scenario)
			if tt.change != nil {
				tt.change(w)
			}
			c := capture(t, w, append([]string{"--facts", factsFile}, tt.args...)...)
			if len(c.packets) == 0 || len(c.facts(t).Targets) == 0 {
				t.Fatalf("the run did nothing: exit %d, %s", c.exit, c.stderr)
			}
			for _, x := range c.calls {
				switch {
				case x.UserAgent == "":
					t.Errorf("without a User-Agent: %+v", x)
				case x.Signed && !strings.HasPrefix(x.UserAgent, "vpcdoctor/"):
					t.Errorf("somebody else signs: %+v", x) // the stand-in agent does not
				}
			}
			signed := c.signed()
			if len(signed) < tt.least || len(signed) > tt.most {
				t.Errorf("%d signed calls, want %d to %d: %+v", len(signed), tt.least, tt.most, signed)
			}
			for _, x := range signed {
				if slices.Contains(theAgentsOwn, x.Operation) || !slices.Contains(append(harmless, "ssmmessages:CreateControlChannel"), x.Service+":"+x.Operation) {
					t.Errorf("%s:%s was signed", x.Service, x.Operation)
				}
				if x.Operation == "CreateControlChannel" && !slices.Contains(tt.also, x.Operation) {
					t.Errorf("a channel was asked for: %+v", x)
				}
				if (x.Endpoint != "") != tt.endpoint && x.Service != "s3" {
					t.Errorf("%s:%s came by %q", x.Service, x.Operation, x.Endpoint)
				}
			}
			for _, op := range tt.also {
				if c.times(op) == 0 {
					t.Errorf("%s was not called: %+v", op, signed)
				}
			}
			for _, x := range c.ours() {
				if strings.HasPrefix(x.Path, "/v1/") && !x.Signed && x.Path != "/v1/control-channel/i-00000000000000000" {
					t.Errorf("asked %s for %s", x.Host, x.Path)
				}
			}
		})
	}
}

// TestDeniedCallIsRemembered: the second run does not repeat what was denied, and
// says what it remembers.
func TestDeniedCallIsRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		scenario string
		args     []string
		calls    int // ListInstanceAssociations that AWS sees in two runs
	}{
		"denied":              {"role-minimal", []string{"--state-dir", "state"}, 1},
		"denied, no memory":   {"role-minimal", nil, 2},
		"denied to the layer": {"endpoint-policy-fits", []string{"--state-dir", "state"}, 1},
		"allowed":             {"role-core", []string{"--state-dir", "state"}, 2},
		"throttled":           {"throttled-connected", []string{"--state-dir", "state"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := captureAs(t, "again", worldOf(t, tt.scenario), append([]string{"--facts", factsFile}, tt.args...)...)
			if n := c.times("ListInstanceAssociations"); n != tt.calls {
				t.Errorf("called %d times, want %d", n, tt.calls)
			}
			s := c.facts(t)
			i := slices.IndexFunc(s.Signed.Calls, func(x fact.Call) bool { return x.Operation == "ListInstanceAssociations" })
			if i < 0 {
				t.Fatalf("no fact of the call: %+v", s.Signed)
			}
			call := s.Signed.Calls[i]
			if remembered := !call.Remembered.IsZero(); remembered != (tt.calls == 1) || remembered && (call.Denial == nil || call.Denial.Layer == "") {
				t.Errorf("the fact of the second run: %+v", call)
			}
		})
	}
}

// TestTimerSignsOnlyOnChange: a timer's run signs nothing while the verdict is
// that of the run before.
func TestTimerSignsOnlyOnChange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args  []string
		calls int
	}{
		"with memory":    {[]string{"--state-dir", "state"}, 2}, // of the first run, which has nothing to compare with, and of the third
		"without memory": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := captureAs(t, "timer", worldOf(t, "role-core"), append([]string{"--facts", factsFile}, tt.args...)...)
			if n := c.times("ListInstanceAssociations"); n != tt.calls || len(c.signed()) != n {
				t.Errorf("%d signed calls, %d of them ListInstanceAssociations, want %d", len(c.signed()), n, tt.calls)
			}
			if got := c.facts(t).Run.Context; got != "systemd" {
				t.Errorf("context %q", got)
			}
			if want := fmt.Sprint([]int{0, 0, 1}); strings.ReplaceAll(string(c.note), ",", " ") != want {
				t.Errorf("exits %s, want %s", c.note, want)
			}
		})
	}
}

// TestProxyCarriesSignedCalls: with the agent's proxy, nothing that is signed
// goes around it: what AWS sees comes from the proxy, and the direct
// connections to the services carry no request of ours but the unsigned ones.
func TestProxyCarriesSignedCalls(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "perimeter-proxy")
	c := capture(t, w, "--facts", factsFile)
	for _, x := range c.facts(t).Signed.Calls {
		if x.Status != fact.NotRun && x.Proxy == "" {
			t.Errorf("%s:%s went directly", x.Service, x.Operation)
		}
	}
	for _, x := range c.signed() {
		if x.Endpoint != "" {
			t.Errorf("%s:%s came through %s", x.Service, x.Operation, x.Endpoint)
		}
	}
	if c.times("ListInstanceAssociations") != 1 {
		t.Errorf("calls %+v", c.signed())
	}
	tunnels := 0
	for _, p := range c.packets {
		if p.Sent && strings.HasPrefix(p.Head, "CONNECT ssm.") {
			tunnels++
		}
	}
	if tunnels == 0 {
		t.Error("no tunnel to ssm on the wire")
	}
}
