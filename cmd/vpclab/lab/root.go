//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where things lie in the instance's file system.
const (
	hostBin        = "/run/vpclab/bin" // the host's /usr/bin
	unitsFile      = "/run/vpclab/units.txt"
	rpmFile        = "/run/vpclab/rpm.txt"
	peerFile       = "/run/vpclab/peer.txt" // that the agent's worker connects to
	referenceRoots = "/etc/vpclab/aws-ca.pem"
)

// ownDirs are the top-level directories that the instance does not share with
// the host: they are made fresh.
var ownDirs = []string{"root", "etc", "run", "var", "tmp", "opt", "proc", "sys", "snap", "mnt", "old_root"}

// replaced are programs of the host that must not be seen on the instance.
var replaced = []string{"systemctl", "rpm", "snap", "amazon-ssm-agent", "ssm-agent-worker", "ssm-cli"}

// buildRoot makes the instance's root from a fresh tmpfs, read-only binds of
// the host's programs, and the spec's files, and moves into it.
func buildRoot(s *spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	binds, err := openBinds(s.Command)
	if err != nil {
		return err
	}
	defer closeBinds(binds)
	self, err := openSelf()
	if err != nil {
		return err
	}
	defer unix.Close(self)
	root, err := mountPoint(s.Command.Dir)
	if err != nil {
		return err
	}
	if err := unix.Mount("vpclab", root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting the instance's root: %w", err)
	}
	for _, step := range []func() error{
		func() error { return shareHost(root) },
		func() error { return ownBin(root, s, self) },
		func() error { return kernelMounts(root) },
		func() error { return ownMounts(root, s.World) },
		func() error { return writeFiles(root, s.Files) },
		func() error { return sealMounts(root, s.World) },
		func() error { return ageProcesses(root, agentAge(s.World)) },
		func() error { return sysctls(root, s.World) },
		// Last: from here on the host's own files are writable below root.
		func() error { return bindAll(root, binds) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := enter(root, s.Command.Dir); err != nil {
		return err
	}
	// Where the directory is not shared the command starts in the instance's
	// directory of that name, or else in its root.
	if _, err := os.Stat(s.Command.Dir); err != nil {
		s.Command.Dir = "/"
	}
	return nil
}

// bind is a directory or file that the command needs at its own path, held
// open because the new root hides it.
type bind struct {
	path     string
	fd       int
	writable bool
}

func openBinds(c Command) ([]bind, error) {
	var out []bind
	open := func(path string, writable bool) error {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening %s: %w", path, err)
		}
		out = append(out, bind{path, fd, writable})
		return nil
	}
	if shareable(c.Dir) {
		if err := open(c.Dir, true); err != nil {
			return nil, err
		}
	}
	if prog := c.Args[0]; strings.Contains(prog, "/") {
		if !filepath.IsAbs(prog) {
			prog = filepath.Join(c.Dir, prog)
		}
		if err := open(prog, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// instanceDirs are the places that must be the instance's own: a working
// directory that is one of them, holds one or lies in one is not shared.
var instanceDirs = []string{"/etc", "/run", "/proc", "/sys", "/dev", "/usr", "/snap", "/var/lib", "/var/log", "/var/tmp"}

func shareable(dir string) bool {
	return !slices.ContainsFunc(instanceDirs, func(d string) bool {
		return dir == "/" || dir == d || strings.HasPrefix(d, dir+"/") || strings.HasPrefix(dir, d+"/")
	})
}

func closeBinds(binds []bind) {
	for _, b := range binds {
		unix.Close(b.fd)
	}
}

// mountPoint picks an existing directory to build the root on that the
// command does not need.
func mountPoint(dir string) (string, error) {
	for _, d := range []string{"/mnt", "/media", "/srv", "/opt", "/home"} {
		if info, err := os.Stat(d); err == nil && info.IsDir() && dir != d && !strings.HasPrefix(dir, d+"/") {
			return d, nil
		}
	}
	return "", errors.New("found no directory to build the instance's root on")
}

// shareHost shows the host's other top-level directories, read-only.
func shareHost(root string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return fmt.Errorf("reading /: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		src, dst := "/"+name, filepath.Join(root, name)
		switch {
		case slices.Contains(ownDirs, name) || src == root:
			continue
		case e.Type()&fs.ModeSymlink != 0:
			if target, err := os.Readlink(src); err == nil {
				_ = os.Symlink(target, dst)
			}
		case e.IsDir():
			if err := os.Mkdir(dst, 0o755); err != nil {
				return fmt.Errorf("making %s: %w", dst, err)
			}
			if err := bindMount(src, dst, name == "dev"); err != nil {
				// A directory that this user may not see is not needed.
				continue
			}
		}
	}
	for _, d := range append(slices.Clone(ownDirs), "usr/bin") {
		if d == "old_root" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return fmt.Errorf("making %s: %w", d, err)
		}
	}
	return os.Chmod(filepath.Join(root, "tmp"), 0o1777)
}

// bindMount shows a directory or file at another place, with what is mounted
// below it.
func bindMount(src, dst string, writable bool) error {
	if err := unix.Mount(src, dst, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding %s: %w", src, err)
	}
	if writable {
		return nil
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	err := unix.MountSetattr(unix.AT_FDCWD, dst, unix.AT_RECURSIVE, &attr)
	if err != nil && !errors.Is(err, unix.ENOSYS) { // before Linux 5.12
		return fmt.Errorf("making %s read-only: %w", dst, err)
	}
	return nil
}

// ownBin gives the instance its own /usr/bin: links to the host's programs,
// and this program under the names of those that the host must not lend.
func ownBin(root string, s *spec, self int) error {
	bin := filepath.Join(root, "usr/bin")
	shared := filepath.Join(root, hostBin)
	if err := os.MkdirAll(shared, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", hostBin, err)
	}
	if err := bindMount("/usr/bin", shared, false); err != nil {
		return err
	}
	if err := unix.Mount("vpclab", bin, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting /usr/bin: %w", err)
	}
	entries, err := os.ReadDir("/usr/bin")
	if err != nil {
		return fmt.Errorf("reading /usr/bin: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(replaced, e.Name()) {
			_ = os.Symlink(filepath.Join(hostBin, e.Name()), filepath.Join(bin, e.Name()))
		}
	}
	for _, p := range instancePrograms(s.World) {
		if err := placeSelf(filepath.Join(root, p), self); err != nil {
			return err
		}
	}
	return nil
}

// openSelf opens this program by its path: /proc/self/exe itself belongs to
// the mount namespace of the stage above and cannot be bound here.
func openSelf() (int, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0, fmt.Errorf("finding this program: %w", err)
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", path, err)
	}
	return fd, nil
}

// placeSelf makes this program appear at a path, as a file of its own.
func placeSelf(path string, self int) error {
	if err := touch(path, 0o755); err != nil {
		return err
	}
	return bindMount(fmt.Sprintf("/proc/self/fd/%d", self), path, false)
}

func touch(path string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making %s: %w", filepath.Dir(path), err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return f.Close()
}

// kernelMounts mounts /proc for the instance's processes and those parts of
// /sys that exist on an instance too; /sys/class/dmi is the instance's own.
func kernelMounts(root string) error {
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting the instance's /proc: %w", err)
	}
	sys, shadow := filepath.Join(root, "sys"), filepath.Join(root, "run/vpclab/sys")
	if err := os.MkdirAll(shadow, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", shadow, err)
	}
	if err := unix.Mount("sysfs", shadow, "sysfs", unix.MS_RDONLY, ""); err != nil {
		return nil //nolint:nilerr // without it /sys has only what the instance adds
	}
	for _, d := range []string{"devices", "kernel", "module", "class/net", "fs"} {
		dst := filepath.Join(sys, d)
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", dst, err)
		}
		_ = unix.Mount(filepath.Join(shadow, d), dst, "", unix.MS_BIND|unix.MS_REC, "")
	}
	return nil
}

// instanceAge is how long the instance is said to run, unless the world says
// otherwise: a daemon that started with the lab would look as if it had just
// been restarted.
const instanceAge = 3 * time.Hour

// ageProcesses moves the boot time in /proc/stat back, and with it the start
// of every process: /proc/PID/stat counts from it.
func ageProcesses(root string, age time.Duration) error {
	b, err := os.ReadFile(filepath.Join(root, "proc/stat"))
	if err != nil {
		return fmt.Errorf("reading /proc/stat: %w", err)
	}
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		var boot int64
		if n, _ := fmt.Sscanf(l, "btime %d", &boot); n == 1 {
			lines[i] = fmt.Sprintf("btime %d", boot-int64(age.Seconds()))
		}
	}
	aged := filepath.Join(root, "run/vpclab/stat")
	if err := os.WriteFile(aged, []byte(strings.Join(lines, "\n")), 0o444); err != nil {
		return fmt.Errorf("writing the instance's boot time: %w", err)
	}
	return bindMount(aged, filepath.Join(root, "proc/stat"), false)
}

func bindAll(root string, binds []bind) error {
	for _, b := range binds {
		dst := filepath.Join(root, b.path)
		var st unix.Stat_t
		if err := unix.Fstat(b.fd, &st); err != nil {
			return fmt.Errorf("looking at %s: %w", b.path, err)
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			_ = os.MkdirAll(dst, 0o755) // below a read-only directory it exists already
		} else if _, err := os.Stat(dst); err != nil {
			if err := touch(dst, 0o755); err != nil {
				return err
			}
		}
		if err := bindMount(fmt.Sprintf("/proc/self/fd/%d", b.fd), dst, b.writable); err != nil {
			return fmt.Errorf("%s: %w", b.path, err)
		}
	}
	return nil
}

// writeFiles writes the instance's own files. A content that starts with
// "link:" makes a symbolic link, a name that ends in "/" a directory.
func writeFiles(root string, files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return fmt.Errorf("making %s: %w", name, err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the directory of %s: %w", name, err)
		}
		if target, ok := strings.CutPrefix(content, linkMark); ok {
			_ = os.Remove(path)
			if err := os.Symlink(target, path); err != nil {
				return fmt.Errorf("linking %s: %w", name, err)
			}
			continue
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(name, "/var/lib/amazon/") {
			mode = 0o600 // as the agent writes them
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

const linkMark = "link:"

// enter makes the new root the root and forgets the old one.
func enter(root, dir string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("entering the instance's root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detaching the host's root: %w", err)
	}
	if err := unix.Chdir(dir); err != nil && shareable(dir) {
		return fmt.Errorf("returning to %s: %w", dir, err)
	}
	return nil
}
