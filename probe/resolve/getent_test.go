package resolve

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// exitCode is the error of a command that ended with a code.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exitCode) ExitCode() int { return int(e) }

// printing is a Command that prints and ends so.
func printing(out string, err error) Command {
	return func(context.Context, string, ...string) ([]byte, error) { return []byte(out), err }
}

const twoAddresses = `10.0.2.9        STREAM ssm.us-east-1.amazonaws.com
10.0.2.9        DGRAM
10.0.2.9        RAW
10.0.1.5        STREAM
10.0.1.5        DGRAM
10.0.1.5        RAW
`

func TestOS(t *testing.T) {
	six := "2600::1  STREAM ssm.us-east-1.amazonaws.com\n2600::1  DGRAM\n"
	for _, tt := range []struct {
		name string
		run  Command
		want string
	}{
		{"IPv4", printing(twoAddresses, nil), "A getent#1 ok 10.0.1.5 10.0.2.9"},
		{"both families", printing(six+twoAddresses, nil), "A getent#1 ok 10.0.1.5 10.0.2.9; AAAA getent#1 ok 2600::1"},
		{"IPv6 only", printing(six, nil), "A getent#1 failed nodata; AAAA getent#1 ok 2600::1"},
		{"mapped", printing("::ffff:10.0.0.7 STREAM x\n", nil), "A getent#1 ok 10.0.0.7"},
		{"no entry", printing("", fmt.Errorf("running getent: %w", exitCode(2))), "A getent#1 failed unresolved"},
		{"says nothing", printing("", nil), "A getent#1 failed malformed"},
		{"other text", printing("usage: getent [-s config] database\n", nil), "A getent#1 failed malformed"},
		{"unknown database", printing("", exitCode(1)), "A getent#1 not_run no getent"},
		{"absent", printing("", fmt.Errorf("running getent: %w", exec.ErrNotFound)), "A getent#1 not_run no getent"},
		{"no commands", nil, "A getent#1 not_run no getent"},
		{"hangs", printing("", fmt.Errorf("running getent: %w", context.DeadlineExceeded)), "A getent#1 failed timeout"},
		{"crashes", printing("", exitCode(139)), "A getent#1 failed other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out []string
			for _, l := range OS(t.Context(), tt.run, ssm+".") {
				s := l.Type + " " + shape(l)
				if l.Skipped != "" {
					s += " " + l.Skipped
				}
				out = append(out, s)
				if l.Name != ssm || l.Via != fact.ViaOS || l.Server.IsValid() || l.CutByBudget {
					t.Errorf("%+v", l)
				}
			}
			if got := strings.Join(out, "; "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestOSRunsOneFixedCommand(t *testing.T) {
	var ran []string
	var left time.Duration
	run := func(ctx context.Context, name string, args ...string) ([]byte, error) {
		ran = append(ran, strings.Join(append([]string{name}, args...), " "))
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return []byte("10.0.0.1 STREAM corp.example\n"), nil
	}
	ls := OS(t.Context(), run, ssm)
	if len(ran) != 1 || ran[0] != "getent ahosts "+ssm || left <= 0 || left > osTimeout {
		t.Errorf("%q with %v", ran, left)
	}
	if len(ls) != 1 || len(ls[0].CNAMEs) != 1 || ls[0].CNAMEs[0] != "corp.example" {
		t.Errorf("%+v", ls)
	}
	for _, bad := range []string{"-s", "", "a b", "a;b", "a\nb", strings.Repeat("a", 300)} {
		if ls := OS(t.Context(), run, bad); ls[0].Status != fact.NotRun {
			t.Errorf("%q was asked", bad)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if ls := OS(gone, run, ssm); ls[0].Skipped != "interrupted" {
		t.Errorf("%+v", ls)
	}
	if len(ran) != 1 {
		t.Errorf("%q", ran)
	}
}

func TestOSEndsWithTheRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	hangs := func(ctx context.Context, _ string, _ ...string) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l := OS(ctx, hangs, ssm)[0]; l.Class != fact.Timeout || !l.CutByBudget {
		t.Errorf("%+v", l)
	}
}

func FuzzAhosts(f *testing.F) {
	f.Add([]byte(twoAddresses))
	f.Add([]byte("fe80::1%eth0 STREAM \x1b[31m\n::ffff:1.2.3.4 RAW x\n1.2.3.4\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := parseAhosts(b)
		if len(h.addrs) > maxAddrs || h.more > 0 && len(h.addrs) != maxAddrs {
			t.Fatalf("%d addresses, %d more", len(h.addrs), h.more)
		}
		printableText(t, h.canonical)
		for _, l := range byFamily(osLookup("a.example"), h) {
			for _, a := range l.Addrs {
				if a.Is4In6() || a.Is4() != (l.Type == "A") {
					t.Fatalf("%v in %s", a, l.Type)
				}
				printableText(t, a.String())
			}
		}
	})
}
