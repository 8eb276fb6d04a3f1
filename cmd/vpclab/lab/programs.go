//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/world"
)

// programsDir holds the configuration of the programs that stand in for
// servers: a file system of their own, which only this mount namespace sees.
// The instance has its own /mnt.
const programsDir = "/mnt"

// startTimeout is how long a program may take until it listens.
const startTimeout = 10 * time.Second

// Where programs listen that are reached through a relay: a listener of the
// lab's has every address on the ports that they would take.
var relayed = map[world.Program]netip.AddrPort{
	world.Nginx: netip.MustParseAddrPort("127.0.0.1:18443"),
	world.Squid: netip.MustParseAddrPort("127.0.0.1:13128"),
}

// startPrograms starts the programs that the world asks for and returns where
// those listen that need a relay.
func startPrograms(w *world.World, p *pki) (map[world.Program]netip.AddrPort, error) {
	relays := map[world.Program]netip.AddrPort{}
	start := func(program world.Program, at netip.AddrPort, config func() ([]string, error)) error {
		if err := mountPrograms(); err != nil {
			return err
		}
		args, err := config()
		if err != nil {
			return fmt.Errorf("configuring %s: %w", program, err)
		}
		return startProgram(program, at, args)
	}
	for _, d := range w.DNSServers {
		if d.Program == world.NoProgram {
			continue
		}
		if err := start(d.Program, netip.AddrPortFrom(d.Addr, 53), func() ([]string, error) { return forwarder(d) }); err != nil {
			return nil, err
		}
	}
	for _, x := range w.Proxies {
		if x.Program == world.Squid && !relays[world.Squid].IsValid() {
			relays[world.Squid] = relayed[world.Squid]
			if err := start(world.Squid, relayed[world.Squid], squid); err != nil {
				return nil, err
			}
		}
	}
	if fronts := nginxHosts(w); len(fronts) > 0 {
		relays[world.Nginx] = relayed[world.Nginx]
		if err := start(world.Nginx, relayed[world.Nginx], func() ([]string, error) { return nginx(p, fronts) }); err != nil {
			return nil, err
		}
	}
	return relays, nil
}

// nginxHosts are the names that nginx answers for.
func nginxHosts(w *world.World) []string {
	var out []string
	for _, e := range w.VPC.Endpoints {
		if e.Server.Program == world.Nginx {
			out = append(out, e.Hosts...)
		}
	}
	return out
}

// mountPrograms makes programsDir once.
func mountPrograms() error {
	if _, err := os.Stat(filepath.Join(programsDir, "programs")); err == nil {
		return nil
	}
	if err := unix.Mount("vpclab", programsDir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting a directory for programs: %w", err)
	}
	return os.WriteFile(filepath.Join(programsDir, "programs"), nil, 0o600)
}

// startProgram starts a program and waits until it takes TCP at an address.
// It ends with this process.
func startProgram(program world.Program, at netip.AddrPort, args []string) error {
	path, err := findProgram(program)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = programsDir
	log, err := os.Create(filepath.Join(programsDir, string(program)+".log"))
	if err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for limit := time.After(startTimeout); ; {
		c, err := net.DialTimeout("tcp", at.String(), time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s ended: %w: %s", program, errors.Join(err, errEnded), said)
		case <-limit:
			return fmt.Errorf("%s does not listen at %s: %w", program, at, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("before it listened")

// findProgram finds a daemon, which many users' PATH does not cover.
func findProgram(program world.Program) (string, error) {
	if path, err := exec.LookPath(string(program)); err == nil {
		return path, nil
	}
	path, err := exec.LookPath("/usr/sbin/" + string(program))
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", program, err)
	}
	return path, nil
}

// programOf is the program that answers in place of a service.
func programOf(s world.Service) world.Program {
	if s.Proxy != nil {
		return s.Proxy.Program
	}
	return s.Behavior.Program
}

// relay joins a connection with one to a program.
func relay(c net.Conn, to netip.AddrPort) {
	defer c.Close()
	d, err := net.Dial("tcp", to.String())
	if err != nil {
		return
	}
	defer d.Close()
	go func() {
		_, _ = io.Copy(d, c)
		if t, ok := d.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
	}()
	_, _ = io.Copy(c, d)
}
