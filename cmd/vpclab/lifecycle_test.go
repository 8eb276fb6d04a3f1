//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExitCodeAndOutput(t *testing.T) {
	needLab(t)
	cmd := exec.Command(vpclabBin, "run", "healthy", "--", "sh", "-c", "cat; echo here >&2; pwd; exit 42")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader("in\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 42 {
		t.Errorf("ended with %v", err)
	}
	if out.String() != "in\n"+cmd.Dir+"\n" || errs.String() != "here\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), errs.String())
	}
}

// What the command writes where it was started stays; everything else is the
// instance's own and goes.
func TestFileSystem(t *testing.T) {
	needLab(t)
	cmd := exec.Command(vpclabBin, "run", "healthy", "--", "sh", "-c", `
		echo kept > kept.txt
		echo x > /etc/vpclab-was-here && echo x > /var/lib/vpclab-was-here && echo x > /run/vpclab-was-here || exit 1
		touch /usr/vpclab-was-here 2>/dev/null && exit 2
		cat /sys/class/dmi/id/sys_vendor
		grep -c . /etc/resolv.conf
		readlink /proc/1/ns/net /proc/self/ns/net | uniq | wc -l
		systemctl show -p ActiveState amazon-ssm-agent.service | grep ActiveState`)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if want := "Amazon EC2\n2\n1\nActiveState=active\n"; err != nil || string(out) != want {
		t.Errorf("%v, %q, want %q", err, out, want)
	}
	if b, err := os.ReadFile(filepath.Join(cmd.Dir, "kept.txt")); err != nil || string(b) != "kept\n" {
		t.Errorf("kept.txt: %q, %v", b, err)
	}
	for _, p := range []string{"/etc/vpclab-was-here", "/var/lib/vpclab-was-here", "/run/vpclab-was-here", "/usr/vpclab-was-here"} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("the host has %s", p)
		}
	}
}

// kill -9 of vpclab ends the command, and no mount and no process is left.
func TestKillLeavesNothing(t *testing.T) {
	needLab(t)
	const mark = "86399.25" // seconds; nobody else sleeps so long
	before := mounts(t)
	cmd := exec.Command(vpclabBin, "run", "healthy", "--", "sh", "-c", "echo up; exec sleep "+mark)
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if len(processes(mark)) == 0 {
		t.Fatal("the command is not to be seen from outside: this test would prove nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The pipe ends when the last process that holds it is gone.
	closed := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, out); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("a process outlived vpclab by ten seconds")
	}
	_ = cmd.Wait()
	if left := processes(mark); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	if after := mounts(t); after != before {
		t.Errorf("mounts before:\n%s\nafter:\n%s", before, after)
	}
}

// SIGTERM reaches the command, which may still say its last word.
func TestTerminateReachesTheCommand(t *testing.T) {
	needLab(t)
	cmd := exec.Command(vpclabBin, "run", "healthy", "--", "sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done")
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if string(rest) != "bye\n" || err != nil {
		t.Errorf("after SIGTERM: %q, %v", rest, err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("ended with %v", err)
	}
}

// An ordinary user has the lab too, where user namespaces are allowed.
func TestWithoutRoot(t *testing.T) {
	needLab(t)
	if os.Geteuid() != 0 {
		t.Skip("every test of this run is without root")
	}
	cmd := exec.Command(vpclabBin, "run", "healthy", "--", "sh", "-c", "id -u; getent hosts localhost >/dev/null && echo files")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "cannot create namespaces") {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("refused with %v", err)
		}
		if os.Getenv("CI") == "true" {
			t.Fatal("this machine allows ordinary users no namespaces")
		}
		t.Skip("this machine allows ordinary users no namespaces")
	}
	if err != nil || string(out) != "0\nfiles\n" {
		t.Errorf("%v, %q", err, out)
	}
	cmd = exec.Command(vpclabBin, "run", "no-root", "--", "true")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "run as root") {
		t.Errorf("a scenario with a second user: %v, %q", err, out)
	}
}

func TestUnknownScenario(t *testing.T) {
	out, err := exec.Command(vpclabBin, "run", "nacl-owt", "--", "true").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("%v, %q", err, out)
	}
}

func mounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// processes are the command lines that contain a mark.
func processes(mark string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if line := strings.ReplaceAll(string(b), "\x00", " "); err == nil && strings.Contains(line, mark) {
			out = append(out, line)
		}
	}
	return out
}
