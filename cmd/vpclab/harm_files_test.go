//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/probe/probetest"
)

func init() {
	roles["watch files"] = watchFiles
	roles["listen to requests"] = listenToRequests
	roles["link sinks"] = linkSinks
}

// watched are the places where a program on the instance could leave
// something; everything else is read-only there.
var watched = []string{"/etc", "/var", "/run", "/tmp", "/snap", "."}

// watchFiles runs vpcdoctor and notes what changed in the file system.
func watchFiles(args []string) (any, error) {
	before := listing()
	exit, err := runDoctor(args)
	if err != nil {
		return nil, err
	}
	after := listing()
	var changed []string
	for path, was := range before {
		if now, ok := after[path]; !ok {
			changed = append(changed, path+" is gone")
		} else if now != was {
			changed = append(changed, path+" changed")
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return struct {
		Exit, Files int
		Changed     []string
	}{exit, len(before), changed}, nil
}

// listing is every file of the watched places with what a change would change.
// Directories count by their entries: a temporary file that is gone again
// would only show in their times.
func listing() map[string]string {
	out := map[string]string{}
	here, _ := os.Getwd()
	for _, dir := range watched {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // what root on the instance cannot see, vpcdoctor cannot write
			case path == here, path == "/run/vpclab": // watched as "."; the lab's own, with all programs of the host
				return fs.SkipDir
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			if dir != "." || path != "." { // the working directory holds the sinks
				out[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return out
}

// TestNothingWritten: a run leaves nothing behind but its sinks.
func TestNothingWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"no sinks": {nil, nil},
		"sinks": {
			[]string{"--facts", "f.json", "--output-file", "r.txt", "--state-dir", "state"},
			[]string{"f.json", "r.txt", "state", "state/history.jsonl", "state/last-report.json", "state/lock", "state/runs", "state/runs/RUN.json.gz", "state/tmp"},
		},
		"plan":    {[]string{"--plan", "--facts", "f.json"}, nil},
		"explain": {[]string{"explain", "SG-02"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct {
				Exit, Files int
				Changed     []string
			}
			captureAs(t, "watch files", worldOf(t, "healthy"), tt.args...).noted(t, &got)
			if got.Exit != 0 || got.Files < 30 {
				t.Errorf("exit %d, %d files watched", got.Exit, got.Files)
			}
			want := append(slices.Clone(tt.want), stdoutFile, stderrFile)
			slices.Sort(want)
			for i, f := range got.Changed {
				if strings.HasPrefix(f, "state/runs/") {
					got.Changed[i] = "state/runs/RUN.json.gz"
				}
			}
			if !slices.Equal(got.Changed, want) {
				t.Errorf("changed %q, want %q", got.Changed, want)
			}
		})
	}
}

// linkSinks puts symbolic links where the sinks will be.
func linkSinks(args []string) (any, error) {
	target, err := filepath.Abs("precious")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir("state", 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"f.json", "r.txt", "state/last-report.json"} {
		if err := os.Symlink(target, name); err != nil {
			return nil, err
		}
	}
	return runDoctor(args)
}

// TestSinks: files are 0600, and a symbolic link under a sink's name is
// replaced, not followed.
func TestSinks(t *testing.T) {
	t.Parallel()
	c := captureWith(t, worldOf(t, "healthy"), "link sinks", map[string]string{"precious": "precious"},
		"--facts", "f.json", "--output-file", "r.txt", "--state-dir", "state")
	for _, name := range []string{"f.json", "r.txt", "state/last-report.json"} {
		info, err := os.Lstat(filepath.Join(c.dir, name))
		if err != nil || info.Mode() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if got := c.read("precious"); got != "precious" {
		t.Errorf("a link was followed: %q", firstLine(got))
	}
	if info, err := os.Stat(filepath.Join(c.dir, "state")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v, %v", info, err)
	}
}

// listenToRequests stands on the instance's loopback as an AWS front end of
// every name in the hosts file and notes the requests.
func listenToRequests(args []string) (any, error) {
	l, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		return nil, err
	}
	type request struct{ Method, URI, Host, Agent, Auth string }
	var mu sync.Mutex
	var got []request
	ca := probetest.NewCA("loopback")
	names := strings.Fields(os.Getenv("NAMES"))
	leaf := ca.Leaf(probetest.LeafOptions{Names: names})
	aws := probetest.AWSHandler(probetest.AWSOptions{})
	s := &probetest.TLSServer{Certificate: leaf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, request{r.Method, r.RequestURI, r.Host, r.UserAgent(), r.Header.Get("Authorization") + r.Header.Get("Cookie")})
		mu.Unlock()
		aws.ServeHTTP(w, r)
	})}
	go func() { _ = s.Serve(l) }()
	if err := os.WriteFile("ca.pem", ca.PEM(), 0o644); err != nil {
		return nil, err
	}
	_, err = runDoctor(args)
	mu.Lock()
	defer mu.Unlock()
	return got, err
}

// TestUserAgentOverTLS: every HTTPS request says who asks, carries nothing of
// ours and asks for nothing but the root.
func TestUserAgentOverTLS(t *testing.T) {
	t.Parallel()
	w := worldOf(t, "healthy")
	names := []string{scenario.Host(w, "ssm"), scenario.Host(w, "ssmmessages"), scenario.Host(w, "sqs")}
	w.Host.HostsLines = []string{"127.0.0.1 " + strings.Join(names, " ")}
	w.Host.Env = map[string]string{"NAMES": strings.Join(names, " ")}
	c := captureAs(t, "listen to requests", w, "--service", "sqs", "--ca-bundle", "ca.pem")
	var got []struct{ Method, URI, Host, Agent, Auth string }
	c.noted(t, &got)
	seen := map[string]int{}
	for _, r := range got {
		seen[r.Method+" "+r.URI+" "+r.Host]++
		signed := r.Method == "POST" && r.URI == "/" && r.Host == names[0]
		if (r.Auth != "") != signed {
			t.Errorf("request %+v", r)
		}
		if !agentHeader.MatchString("\r\nUser-Agent: " + r.Agent + "\r\n") {
			t.Errorf("User-Agent %q", r.Agent)
		}
	}
	want := map[string]int{
		"POST / " + names[0]: 1, // the signed call
		"GET /v1/control-channel/i-00000000000000000?role=subscribe&stream=input " + names[1]: 1,
	}
	for _, n := range names {
		want["GET / "+n] = 1
	}
	if !maps.Equal(seen, want) {
		t.Errorf("requests %v, want %v", seen, want)
	}
}
