package diagnose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/agentlog"
	"vpcdoctor/probe/fact"
)

const samples = "../../probe/agentlog/testdata/"

// sample puts a recorded log of the real agent into a healthy world, a minute
// after its last line.
func sample(t *testing.T, name string) world {
	t.Helper()
	text, err := os.ReadFile(samples + name)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	file := filepath.Join(root, "var/log/amazon/ssm/amazon-ssm-agent.log")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w := healthy()
	w.Agent.Log = agentlog.Read(t.Context(), agentlog.Options{Root: root, Zone: time.UTC, Now: func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if w.Agent.Log.Last.IsZero() {
		return w
	}
	w.Set.Start = w.Agent.Log.Last.Add(time.Minute)
	for i := range w.Agent.Procs {
		w.Agent.Procs[i].Start = w.Agent.Log.Start
	}
	for i := range w.Agent.Log.Events {
		e := &w.Agent.Log.Events[i]
		e.Host = strings.Replace(e.Host, "eu-west-1.amazonaws.com", region+"."+suffix, 1)
	}
	w.IMDS.Role.Expires = w.Set.Start.Add(time.Hour)
	w.Agent.Identity.Retrieved, w.Agent.Identity.Expires = w.Agent.Log.Start.Add(-time.Hour), w.Set.Start.Add(time.Hour)
	return w
}

// Each recorded fault leads to its cause: the code that its log fits first.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"bad-token": "IA-15", "blackhole-route": "RT-02", "certificate-expired": "TL-03", "clock-far-off": "TL-03", "config-broken": "AG-22",
		"denied-control": "IA-03", "denied-endpoint": "IA-02", "denied-identity": "IA-02", "denied-scp": "IA-02", "disk-full": "AG-09",
		"dns-no-name": "DN-31", "dns-servfail": "DN-05", "dns-silent-one": "DN-07", "dns-silent": "DN-07", "drop-all": "RT-04", "drop-one": "EP-16",
		"expired-token": "IA-06", "hibernate": "IA-02", "hybrid-fingerprint": "AG-07", "hybrid-gone": "AG-08", "hybrid-vault": "AG-14",
		"imds-403": "IM-01", "imds-by-proxy": "IM-06", "imds-hop-limit": "IM-13", "imds-refused": "IM-04", "imds-silent": "IM-13",
		"jobs": "SM-03", "no-permission": "AG-12", "no-role": "IA-01", "no-route": "RT-02", "not-tls": "TL-08",
		"proxy-403-one": "PX-05", "proxy-403": "PX-05", "proxy-407": "PX-05", "proxy-down": "PX-07", "proxy-plain": "PX-06", "read-only": "AG-11",
		"refused": "RT-08", "role-trust": "IA-05", "skew-ahead": "IA-16", "skew-behind": "IA-16", "throttled": "IA-18",
		"tls-intercept-one": "TL-01", "tls-intercept": "TL-01", "tls-reset": "FW-02", "tls-silent-one": "TL-07", "tls-silent": "TL-07",
		"websocket-403": "FW-08", "websocket-closed": "FW-06", "worker-killed": "AG-15", "wrong-certificate": "TL-04",
		"healthy": "", "already-registered": "",
	}
	for name, code := range want {
		v := newView(sample(t, "real-"+name+".log").Set)
		found := code == ""
		for _, e := range v.tale {
			if c := v.clueOf(e); c != nil {
				found = code != "" && (found || c.codes[0] == Code(code))
			}
		}
		if !found {
			t.Errorf("%s: nothing leads to %q: %+v", name, code, v.Set.Agent.Log.Events)
		}
	}
}

// The same logs with probes that find nothing: no fault of the path is
// claimed, and where the agent waits, the reader is told until when.
func TestSamplesAreHistory(t *testing.T) {
	files, _ := filepath.Glob(samples + "real-*.log")
	if len(files) < 50 {
		t.Fatalf("%d samples", len(files))
	}
	for _, f := range files {
		w := sample(t, filepath.Base(f))
		w.sockets()
		v := Run(w.Set, Options{})
		invariants(t, w.Set, v)
		waits := false
		for _, e := range w.Agent.Log.Events {
			waits = waits || e.Stem == fact.LogSleep && !e.Old
		}
		for _, x := range v.Causes {
			switch group := docOf[x.Code].Group; group {
			case "DN", "RT", "SG", "GW", "EP", "TL", "PX", "FW", "IM", "OS":
				t.Errorf("%s: %s on a path that works: %s", f, x.Code, x.Summary)
			}
		}
		if asleep := find(v, "AG-04"); waits && w.Agent.Identity.Type != "OnPrem" && asleep == nil && find(v, "AG-08") == nil {
			t.Errorf("%s: nothing about the wait: %s", f, outline(v))
		}
		// The agent is connected: nothing about it is left.
		w.Agent.Procs[1].Start = w.Agent.Procs[0].Start
		w.wrote(fact.LogConnected, "", 0, func(e *fact.LogEvent) { e.First, e.Last = w.Set.Start, w.Set.Start })
		w.sockets(established("10.192.10.12", host("ssmmessages")))
		for _, x := range Run(w.Set, Options{}).Causes {
			if x.Code == "AG-04" || x.Code == "AG-16" || x.Code == "AG-20" || x.Code == "AG-21" || x.Code == "AG-26" {
				t.Errorf("%s: %s although connected", f, x.Code)
			}
		}
	}
}
