//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInstance is the third stage: the instance's file system, its network, its
// processes, then the command.
func runInstance() (int, error) {
	s, err := readSpec()
	if err != nil {
		return 0, err
	}
	if err := unix.Sethostname([]byte(hostname(s.World))); err != nil {
		return 0, fmt.Errorf("setting the host name: %w", err)
	}
	if err := buildRoot(s); err != nil {
		return 0, err
	}
	if err := instanceNetwork(s.World); err != nil {
		return 0, err
	}
	if s.World.Host.Stub.Configured && s.World.Host.Stub.Running {
		if err := serveStub(s.World); err != nil {
			return 0, err
		}
	}
	if err := startAgent(s.World); err != nil {
		return 0, err
	}
	return runCommand(s)
}

// runCommand runs the command and returns its exit code.
func runCommand(s *spec) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	path, err := lookPath(s.Command.Args[0], s.Command.Env)
	if err != nil {
		return 0, err
	}
	cmd := &exec.Cmd{
		Path: path, Args: s.Command.Args, Dir: s.Command.Dir, Env: commandEnv(s),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	if uid := s.World.Host.UID; uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	return wait(cmd)
}

// commandEnv is the command's environment: the caller's without what would
// leak the host's situation into the instance, and what the world adds.
func commandEnv(s *spec) []string {
	hidden := []string{"AWS_", "VPCDOCTOR_", "SSL_CERT_", "HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY=", "ALL_PROXY=",
		"http_proxy=", "https_proxy=", "no_proxy=", "all_proxy=", "CI=", "INVOCATION_ID=", "JOURNAL_STREAM="}
	var env []string
	for _, v := range s.Command.Env {
		if !slices.ContainsFunc(hidden, func(h string) bool { return strings.HasPrefix(v, h) }) {
			env = append(env, v)
		}
	}
	env = append(env, "VPCDOCTOR_REFERENCE_ROOTS="+referenceRoots)
	for k, v := range s.World.Host.Env {
		env = append(env, k+"="+v)
	}
	return env
}

// lookPath finds the program as a shell would, by the caller's PATH.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			_ = os.Setenv("PATH", p)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("looking for the command: %w", err)
	}
	return path, nil
}

func ipNet(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err) // only called with constants
	}
	return n
}

func hostNet(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

func prefixNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func parseMAC(s string) (net.HardwareAddr, error) {
	m, err := net.ParseMAC(s)
	if err != nil {
		return nil, fmt.Errorf("the instance's MAC: %w", err)
	}
	return m, nil
}
