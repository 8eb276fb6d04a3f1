package agent

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/probe/hostname"
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
	f.Add("Id=a\nExecMainCode=2\nExecMainStatus=9\nRestartUSec=1w 1min 30.5s\nDropInPaths=/a /b\x1b\nNeedDaemonReload=yes")
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
	f.Add("[Service]\nEnvironmentFile=-/etc/default/%p*\nUnsetEnvironment=no_proxy\nhttp_proxy=\"a\\$b\" 'c\n")
	f.Fuzz(func(t *testing.T, text string) {
		e := environment{unit: map[string]setting{}}
		e.parse("[Service]", "/x", text, e.unit)
		if len(e.unit) > len(proxyenv.Names) || len(e.files) > maxEnvFiles || len(e.unset) > 2*len(proxyenv.Names) {
			t.Errorf("%d variables, %d files, %d unset", len(e.unit), len(e.files), len(e.unset))
		}
		parseEnvFile([]byte(text), "/y", e.unit)
		if len(e.unit) > len(proxyenv.Names) {
			t.Errorf("%d variables", len(e.unit))
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
			if again, ok := hostname.Endpoint(o.Host); !ok || again != o.Host {
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
		id.Hybrid, id.HybridIn, _ = parseRegistration(b, "mi-")
		id.Registered, id.RegisteredIn, _ = parseRegistration(b, "i-")
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
		if s := parseState(text); len(s) > 1 {
			t.Errorf("state %q", s)
		}
		if n := parseFileLimit(text); n < 0 {
			t.Errorf("limit %d", n)
		}
		parseMeminfo(text)
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

func FuzzMountinfo(f *testing.F) {
	f.Add(rootLine + `30 27 0:5 / /a\040b ro,noexec shared:1 - tmpfs x rw` + "\n")
	f.Add("1 2 3:4 / /\\ rw - - -\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMountinfo(text) {
			if !strings.HasPrefix(m.point, "/") {
				t.Errorf("mount point %q", m.point)
			}
		}
	})
}

func FuzzKernelLog(f *testing.F) {
	f.Add([]byte("6,1,1,-;Out of memory: Killed process 812 (ssm-agent-worke) total-vm:1kB\n X=y\n"))
	f.Add([]byte("6,1,1,-;audit: type=1400 audit(1795262400.250:11): avc:  denied  { write } for comm=\"ssm-agent-worke\" tclass=file\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, l := range kernelLines(b) {
			if l.at < 0 || strings.Contains(l.text, "\n") {
				t.Errorf("%+v", l)
			}
			killedOurs(l.text)
		}
	})
}

func FuzzDenials(f *testing.F) {
	f.Add("type=AVC msg=audit(1795262400.250:11): avc:  denied  { write } for comm=\"ssm-agent-worke\" tclass=file permissive=0\n")
	f.Add("type=FANOTIFY msg=audit(1.0:1): resp=2\ntype=SYSCALL msg=audit(1.0:1): comm=\"amazon-ssm-agen\"\n")
	f.Add("type=1400 audit(99999999999.9:1): apparmor=\"DENIED\" operation=\"open\" comm=\"(sm-agent)\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		var d denials
		for l := range strings.Lines(text) {
			d.add(l)
		}
		if strings.Trim(d.what, "abcdefghijklmnopqrstuvwxyz0123456789_: ") != "" || len(d.what) > 120 {
			t.Errorf("what: %q", d.what)
		}
		printable(t, fact.MAC{Denials: len(d.seen), Last: d.last, What: d.what})
		parseProfile(text)
	})
}
