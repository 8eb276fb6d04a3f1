//go:build linux

package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
)

// expected is one probe and its outcome.
type expected struct {
	probe    string
	word     string        // prefix of the outcome's word
	atLeast  time.Duration // it takes
	atMost   time.Duration // it takes; 0: not bounded
	comments string
}

// TestNetwork looks at the lab itself with plain clients: what a real VPC
// would do with these packets.
func TestNetwork(t *testing.T) {
	needLab(t)
	at := func(w *world.World, service string, i int) string {
		return w.VPC.Endpoint(service).Interfaces[i].Addr.String()
	}
	tests := map[string]func(w *world.World) []expected{
		"healthy": func(w *world.World) []expected {
			ssm := scenario.Host(w, "ssm")
			both := at(w, "ssm", 0) + " " + at(w, "ssm", 1)
			free := netip.MustParseAddr(at(w, "ssm", 0))
			for w.OnLink(free) || free == w.Instance.Addr {
				free = free.Next()
			}
			return []expected{
				{probe: "tcp " + at(w, "ssm", 0) + ":443", word: "open"},
				{probe: "tcp " + at(w, "ssm", 1) + ":443", word: "open"},
				{probe: "tcp " + at(w, "ssm", 1) + ":444", word: "timeout", comments: "the group admits 443 only"},
				{probe: "tcp " + free.String() + ":443", word: "no-neighbour", atLeast: 2 * time.Second, comments: "nobody has it"},
				{probe: "tcp " + w.PublicAddrs("sts." + w.Region + "." + w.Suffix)[0].String() + ":443", word: "timeout"},
				{probe: "tcp 169.254.169.254:80", word: "open"},
				{probe: "tcp 169.254.169.254:81", word: "refused"},
				{probe: "get http://169.254.169.254/latest/meta-data/", word: "401"},
				{probe: "udp-dns 169.254.169.253 " + ssm, word: "NOERROR " + both},
				{probe: "udp-dns " + w.VPC.ResolverAddr().String() + " " + ssm, word: "NOERROR " + both},
				{probe: "tcp-dns " + w.VPC.ResolverAddr().String() + " " + ssm, word: "NOERROR " + both},
				{probe: "udp-dns 8.8.8.8 " + ssm, word: "timeout"},
				{probe: "tls " + at(w, "ssm", 0) + ":443 " + ssm, word: ssm, atMost: time.Second},
				{probe: "tls " + at(w, "ssm", 0) + ":443 " + scenario.Host(w, "kms"), word: "certificate"},
				{probe: "tls " + w.PublicAddrs(scenario.Host(w, "s3"))[0].String() + ":443 " + scenario.Host(w, "s3"), word: scenario.Host(w, "s3")},
			}
		},
		"egress-closed": func(w *world.World) []expected {
			return []expected{
				{probe: "tcp " + at(w, "ssm", 0) + ":443", word: "timeout"},
				{probe: "tcp 169.254.169.254:80", word: "open"},
				{probe: "udp-dns 169.254.169.253 " + scenario.Host(w, "ssm"), word: "NOERROR"},
			}
		},
		"nacl-out": func(w *world.World) []expected {
			return []expected{
				{probe: "tcp " + at(w, "ssm", 0) + ":443", word: "open"},
				{probe: "tcp " + at(w, "ssm", 1) + ":443", word: "timeout"},
			}
		},
		"custom-closed": func(w *world.World) []expected {
			e := &w.VPC.Endpoints[len(w.VPC.Endpoints)-1]
			return []expected{{probe: "tcp " + e.Interfaces[1].Addr.String() + ":8443", word: "refused", atMost: time.Second}}
		},
		"hub-endpoints": func(w *world.World) []expected {
			return []expected{{probe: "tcp " + w.Networks[0].Endpoints[0].Interfaces[1].Addr.String() + ":443", word: "open"}}
		},
		"nat-only": func(w *world.World) []expected {
			name := scenario.Host(w, "ssm")
			return []expected{{probe: "tls " + w.PublicAddrs(name)[0].String() + ":443 " + name, word: name}}
		},
		"mtu-hole": func(w *world.World) []expected {
			return []expected{
				{probe: "tcp " + at(w, "ssm", 0) + ":443", word: "open"},
				{probe: "tls " + at(w, "ssm", 0) + ":443 " + scenario.Host(w, "ssm"), word: "timeout"},
			}
		},
		"jumbo-fits": func(w *world.World) []expected {
			return []expected{{probe: "tls " + at(w, "ssm", 0) + ":443 " + scenario.Host(w, "ssm"), word: scenario.Host(w, "ssm")}}
		},
		"far-away": func(w *world.World) []expected {
			return []expected{{probe: "tcp " + at(w, "ssm", 1) + ":443", word: "open", atLeast: 120 * time.Millisecond, atMost: time.Second}}
		},
		"local-reject":     onlyNear("refused"),
		"local-drop":       onlyNear("timeout"),
		"no-default-route": onlyFar("no-route"),
		"host-blackhole":   onlyFar("blackhole"),
		"host-prohibit":    onlyFar("prohibited"),
		"dual-stack": func(w *world.World) []expected {
			e := w.VPC.Endpoint("ssm")
			return []expected{
				{probe: "tcp [" + e.Interfaces[0].IPv6.String() + "]:443", word: "open"},
				{probe: "tcp [" + e.Interfaces[1].IPv6.String() + "]:443", word: "open"},
				{probe: "tls [" + e.Interfaces[1].IPv6.String() + "]:443 " + scenario.Host(w, "ssm"), word: scenario.Host(w, "ssm")},
			}
		},
		"http-on-443": func(w *world.World) []expected {
			for _, s := range []string{"ssm", "ssmmessages"} {
				if w.VPC.Endpoint(s).Server.PlainHTTP {
					return []expected{{probe: "tls " + at(w, s, 0) + ":443 " + scenario.Host(w, s), word: "not-tls"}}
				}
			}
			return nil
		},
		"sni-reset": func(w *world.World) []expected {
			name := w.Middleboxes[0].ResetSNI[0]
			service, _, _ := strings.Cut(name, ".")
			return []expected{
				{probe: "tls " + at(w, service, 0) + ":443 " + name, word: "reset"},
				{probe: "tls " + at(w, "kms", 0) + ":443 " + scenario.Host(w, "kms"), word: scenario.Host(w, "kms")},
			}
		},
		"imds-silent": func(*world.World) []expected { return []expected{{probe: "tcp 169.254.169.254:80", word: "timeout"}} },
		"dns-support-off": func(w *world.World) []expected {
			return []expected{{probe: "udp-dns 169.254.169.253 x.example", word: "timeout"}}
		},
		"stub-down": func(*world.World) []expected {
			return []expected{{probe: "udp-dns 127.0.0.53 x.example", word: "refused"}}
		},
		"stub-resolver": func(w *world.World) []expected {
			return []expected{{probe: "udp-dns 127.0.0.53 " + scenario.Host(w, "ssm"), word: "NOERROR " + at(w, "ssm", 0)}}
		},
	}
	for name, expects := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			want := expects(s.World(1))
			if len(want) == 0 {
				t.Fatal("the scenario is not what this test takes it for")
			}
			for i, got := range tryIn(t, name, want) {
				x := want[i]
				if !strings.HasPrefix(got.Word, x.word) || got.Took < x.atLeast || x.atMost > 0 && got.Took > x.atMost {
					t.Errorf("%s: %q after %s, want %q %s", x.probe, got.Word, got.Took, x.word, x.comments)
				}
			}
		})
	}
}

func onlyNear(word string) func(*world.World) []expected {
	return func(w *world.World) []expected {
		return []expected{{probe: "tcp " + w.VPC.Endpoint("ssm").Interfaces[0].Addr.String() + ":443", word: word}}
	}
}

// onlyFar is about an endpoint outside our subnet; errors of the host's own
// come at once.
func onlyFar(word string) func(*world.World) []expected {
	return func(w *world.World) []expected {
		e := w.VPC.Endpoint("ssm")
		return []expected{{probe: "tcp " + e.Interfaces[len(e.Interfaces)-1].Addr.String() + ":443", word: word, atMost: time.Second}}
	}
}

// tryIn runs probes inside a scenario, with this very binary.
func tryIn(t *testing.T, name string, want []expected) []outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var probes []string
	for _, x := range want {
		probes = append(probes, x.probe)
	}
	job, err := json.Marshal(probes)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(vpclabBin, "run", name, "--", self)
	cmd.Env = append(os.Environ(), insideEnv+"="+string(job))
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("inside %s: %v\n%s", name, err, out)
	}
	var got []outcome
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("inside %s: %v\n%s", name, err, out)
	}
	return got
}
