//go:build linux

// Package lab brings a world to life around one command: network namespaces,
// servers, and a file system in which the command sees an EC2 instance.
//
// Three processes take part, all of them this program under other names:
//
//	vpclab           the caller's; starts the next and waits
//	vpclab-world     PID 1 of a new PID namespace, in the network namespace of
//	                 the servers; runs the fabric and the servers
//	vpclab-instance  PID 1 of a PID namespace inside it, in the instance's
//	                 network and mount namespaces; runs the agent's processes
//	                 and the command
//
// Each dies with the one above it (parent death signal, PID 1 of its
// namespace), and everything they made lives in namespaces that end with
// them: kill -9 of vpclab leaves nothing behind. The package never touches the
// host's network, files or processes.
package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"vpcdoctor/cmd/vpclab/world"
)

// Command is what runs on the instance.
type Command struct {
	Args []string // program and arguments
	Dir  string   // working directory; visible and writable on the instance, unless it is a system directory
	Env  []string // NAME=value, the whole environment

	Packets string // file of the host that gets one fabric.Record per packet; empty: none
	Calls   string // file of the host that gets one probetest.APICall per request to AWS; empty: none

	// Mended is what the world becomes while MendedBy, a file of the host, exists.
	// Network and servers change, the instance stays what it is.
	Mended   *world.World
	MendedBy string
}

// spec is what the stages hand down to each other.
type spec struct {
	World   *world.World
	Command Command
	Seed    uint64
	Trace   bool
	Files   map[string]string // of the instance, added by vpclab-world
}

// ErrNoNamespaces says that this user may not create namespaces here.
var ErrNoNamespaces = errors.New("cannot create namespaces here: run as root, or where unprivileged user namespaces are allowed")

// ErrNeedsRoot says that the world has a second user, which needs root.
var ErrNeedsRoot = errors.New("this scenario runs its command as another user: run as root")

// Names of the stages, taken from argv[0].
const (
	worldStage    = "vpclab-world"
	instanceStage = "vpclab-instance"
)

// Run runs a command inside a world and returns its exit code. An error means
// that the lab itself could not be set up.
func Run(w *world.World, c Command, seed uint64) (int, error) {
	root := os.Geteuid() == 0
	if !root && w.Host.UID != 0 {
		return 0, ErrNeedsRoot
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{worldStage},
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
			Pdeathsig:  syscall.SIGKILL,
		},
	}
	if !root {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	code, err := run(cmd, &spec{World: w, Command: c, Seed: seed, Trace: os.Getenv("VPCLAB_TRACE") != ""})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		return 0, fmt.Errorf("%w (%w)", ErrNoNamespaces, err)
	}
	return code, err
}

// run starts a stage, hands it the spec on descriptor 3 and waits for it.
// SIGTERM is passed on; SIGINT reaches the whole foreground group by itself.
func run(cmd *exec.Cmd, s *spec) (int, error) {
	// The parent death signal is tied to the thread that starts the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("making a pipe: %w", err)
	}
	cmd.ExtraFiles = []*os.File{r}
	pass := catchSignals()
	err = cmd.Start()
	r.Close()
	if err != nil {
		w.Close()
		return 0, fmt.Errorf("starting %s: %w", cmd.Args[0], err)
	}
	go pass(cmd.Process)
	err = json.NewEncoder(w).Encode(s)
	w.Close()
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		_ = cmd.Process.Kill()
		return 0, fmt.Errorf("handing the world to %s: %w", cmd.Args[0], err)
	}
	return exitCode(cmd.Wait())
}

// catchSignals takes the signals that end programs away from this one; the
// result passes them on to a process. SIGINT is not passed on: the terminal
// sends it to the whole group.
func catchSignals() (pass func(*os.Process)) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	return func(p *os.Process) {
		for sig := range signals {
			if sig != syscall.SIGINT {
				_ = p.Signal(sig)
			}
		}
	}
}

// wait starts a command, passes signals on and returns its exit code.
func wait(cmd *exec.Cmd) (int, error) {
	pass := catchSignals()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", cmd.Args[0], err)
	}
	go pass(cmd.Process)
	return exitCode(cmd.Wait())
}

// exitCode turns the end of a process into a shell's exit code.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, err
	}
	if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// readSpec reads the spec that the stage above wrote.
func readSpec() (*spec, error) {
	f := os.NewFile(3, "spec")
	defer f.Close()
	var s spec
	if err := json.NewDecoder(f).Decode(&s); err != nil {
		return nil, fmt.Errorf("reading the world: %w", err)
	}
	return &s, nil
}
