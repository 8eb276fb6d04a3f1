package text

import (
	"os/exec"
	"strings"
	"testing"
)

var shellCommands = []string{
	"true",
	"aws ec2 create-vpc-endpoint --region cn-northwest-1 --vpc-id vpc-0a1b2c3d4e5f60002 --vpc-endpoint-type Interface --service-name com.amazonaws.cn-northwest-1.ssmmessages",
	"aws ssm x --query 'InstanceInformationList[].[PingStatus,AgentVersion]' --filters \"Key=a b,Values=$HOME\" 'a  b'",
	"curl -w '%{http_code}\\n' https://" + strings.Repeat("very-long-name.", 12) + "example/",
	"aws ec2 describe-vpc-endpoints --filters Name=service-name,Values=" + strings.Repeat("com.amazonaws.cn-northwest-1.ssm,", 7) + "last",
	"x '" + strings.Repeat("quoted word  ", 14) + "'",
	"x \"" + strings.Repeat("double \\\" quoted  ", 10) + "\"",
	"x " + strings.Repeat(`a\ `, 60) + "b",
	"x ''" + strings.Repeat("y", 90) + `"z z"`,
	"curl http://169.254.169.254/latest/api/token # 200 is right " + strings.Repeat("and more words ", 8),
}

// TestWrapShellKeepsWords lets a shell split the original and the wrapped
// command into words: both must give the same.
func TestWrapShellKeepsWords(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on this system")
	}
	split := func(cmd string) string {
		out, err := exec.CommandContext(t.Context(), sh, "-c", "f() { for a; do printf '<%s>\\n' \"$a\"; done; }; f "+cmd).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, cmd, out)
		}
		return string(out)
	}
	for _, cmd := range shellCommands {
		lines := wrapShell(cmd, 80, 4)
		for len(lines) > 0 && strings.HasPrefix(lines[0], "    # ") {
			lines = lines[1:]
		}
		wrapped := strings.Join(lines, "\n")
		if got, want := split(strings.TrimLeft(wrapped, " ")), split(cmd); got != want {
			t.Errorf("wrapped as\n%s\ngives\n%swant\n%s", wrapped, got, want)
		}
		for _, l := range lines {
			if len(l) > 80 {
				t.Errorf("%d columns: %s", len(l), l)
			}
		}
	}
}

func TestWrapShellLeavesAlone(t *testing.T) {
	long := strings.Repeat(" word", 30)
	for _, cmd := range []string{
		`x "$(aws sts get-caller-identity --query "Account Name")"` + long,
		"x `date`" + long, "cat <<EOF" + long, "x $'a\\nb'" + long, "x 'open" + long,
	} {
		if got := wrapShell(cmd, 80, 4); len(got) != 1 || got[0] != "    "+cmd {
			t.Errorf("got %q", got)
		}
	}
}

// FuzzWrapShell joins the lines again and compares without white space.
func FuzzWrapShell(f *testing.F) {
	for _, c := range shellCommands {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, cmd string) {
		cmd = cleanCommand(cmd)
		lines := wrapShell(cmd, 80, 4)
		whole := len(lines) == 1
		for _, l := range lines {
			if len(l) > 80 && !whole {
				t.Fatalf("%d columns: %q", len(l), l)
			}
		}
		_, comment := shellWords(cmd)
		if whole || comment != "" {
			return
		}
		joined := strings.ReplaceAll(strings.Join(lines, "\n"), "'\\\n'", "")
		joined = strings.ReplaceAll(joined, "\\\n", "")
		if squash(joined) != squash(cmd) && squash(strings.ReplaceAll(joined, "''", "")) != squash(strings.ReplaceAll(cmd, "''", "")) {
			t.Fatalf("%q became %q", cmd, joined)
		}
	})
}
