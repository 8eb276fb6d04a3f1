package agent

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
)

// printable fails when a fact holds anything but printable ASCII, or does not
// marshal.
func printable(t *testing.T, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	walk(t, out)
}

func walk(t *testing.T, v any) {
	switch v := v.(type) {
	case string:
		if i := strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 || len(v) > 300 {
			t.Errorf("not printable or too long: %q", v)
		}
	case []any:
		for _, x := range v {
			walk(t, x)
		}
	case map[string]any:
		for _, x := range v {
			walk(t, x)
		}
	}
}

func FuzzUnits(f *testing.F) {
	f.Add(shown("Id=a\nActiveState=active\nActiveEnterTimestamp=Sat 2026-11-21 11:58:20 UTC", "Id=b"))
	f.Add("Id=\n\n=\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		units := parseUnits(text, now)
		if len(units) > maxUnits {
			t.Errorf("%d units", len(units))
		}
		printable(t, units)
	})
}

func FuzzEnviron(f *testing.F) {
	f.Add([]byte("a=b\x00https_proxy=http://u:p@h:1\x00"))
	f.Add([]byte("=\x00=="))
	f.Fuzz(func(t *testing.T, b []byte) {
		vars := parseEnviron(b)
		if len(vars) > len(proxyenv.Names) {
			t.Errorf("%d variables", len(vars))
		}
		for k, v := range vars {
			if !bytes.Contains(b, []byte(k+"="+v+"\x00")) {
				t.Errorf("%s=%s is not in the block", k, v)
			}
		}
	})
}

func FuzzUnitFile(f *testing.F) {
	f.Add("[Service]\nEnvironment=\"https_proxy=http://u:p@h:1\" \\\n 'no_proxy=a'\n")
	f.Add("[Service]\nEnvironment=\\x4\\")
	f.Fuzz(func(t *testing.T, text string) {
		vars := map[string]string{}
		applyUnit(vars, text)
		if len(vars) > len(proxyenv.Names) {
			t.Errorf("%d variables", len(vars))
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"Mgs":{"Endpoint":"wss://a.b:443/x","Region":"r"},"Agent":{"ServiceDomain":"d.e."}}`))
	f.Add([]byte("{\n\"Ssm\":{,}"))
	f.Add([]byte(`{"Ssm":{"Endpoint":"[::1]:8443"}}`))
	f.Add([]byte(`{"Ssm":{"Endpoint":"[::]:0"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c fact.AgentConfig
		parseConfig(b, &c)
		printable(t, c)
		for _, o := range c.Overrides {
			if again, ok := endpointHost(o.Host); !ok || again != o.Host {
				t.Errorf("host %q is not stable: %q", o.Host, again)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"InstanceId":"i-0","CredentialsExpiresAt":"9999-12-31T23:59:59-14:00"}`))
	f.Add([]byte(`{"instanceID":"mi-0","region":"r","ManagedInstanceID":"mi-1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var id fact.AgentIdentity
		parseIdentity(b, &id)
		id.Hybrid, id.HybridIn, _ = parseRegistration(b)
		printable(t, id)
	})
}

func FuzzProcFiles(f *testing.F) {
	f.Add(procStat(1, ") (", 77))
	f.Add("Uid:\t0\t99999999999\t0\t0\nbtime 99999999999999999999\n")
	f.Add("btime 549755813887\n") // year 19391, which JSON cannot hold
	f.Fuzz(func(t *testing.T, text string) {
		if ticks, ok := parseStartTicks(text); ok && ticks < 0 {
			t.Errorf("start %d", ticks)
		}
		nested(text)
		if uid := parseUID(text); uid < -1 {
			t.Errorf("user id %d", uid)
		}
		printable(t, parseBootTime(text))
	})
}

func FuzzVersions(f *testing.F) {
	f.Add(dpkgStanza)
	f.Add("version: '3.3'\n")
	f.Add("1:2.3-4")
	f.Fuzz(func(t *testing.T, text string) {
		v, _ := dpkgVersion(strings.NewReader(text))
		for _, v := range []string{v, snapVersion(text), cleanVersion(text)} {
			if len(v) > 32 || strings.Trim(v, "0123456789.") != "" {
				t.Errorf("version %q", v)
			}
		}
	})
}
