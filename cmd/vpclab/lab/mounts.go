//go:build linux

package lab

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/world"
)

// mountInodes is how many files fit into a file system of the world: enough
// for what the instance has, few enough to be used up quickly.
const mountInodes = 256

// ownMounts mounts the file systems of the world, empty.
func ownMounts(root string, w *world.World) error {
	for _, m := range w.Host.Mounts {
		dir := filepath.Join(root, m.Dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", m.Dir, err)
		}
		options := fmt.Sprintf("mode=0755,size=%d,nr_inodes=%d", cmp.Or(m.Bytes, 4<<20), mountInodes)
		if err := unix.Mount("vpclab", dir, "tmpfs", flags(m), options); err != nil {
			return fmt.Errorf("mounting %s: %w", m.Dir, err)
		}
	}
	return nil
}

func flags(m world.HostMount) uintptr {
	if m.NoExec {
		return unix.MS_NOEXEC
	}
	return 0
}

// sealMounts brings the file systems into their state, after the instance's
// files were written.
func sealMounts(root string, w *world.World) error {
	for _, m := range w.Host.Mounts {
		dir := filepath.Join(root, m.Dir)
		if m.Full {
			if err := useSpace(filepath.Join(dir, "core.1")); err != nil {
				return err
			}
		}
		if m.NoInodes {
			if err := useInodes(filepath.Join(dir, "spool")); err != nil {
				return err
			}
		}
		if !m.ReadOnly {
			continue
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|flags(m), ""); err != nil {
			return fmt.Errorf("making %s read-only: %w", m.Dir, err)
		}
	}
	return nil
}

// useSpace writes a file until nothing fits any more.
func useSpace(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("filling a file system: %w", err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return nil
		} else if err != nil {
			return fmt.Errorf("filling a file system: %w", err)
		}
	}
}

// useInodes makes empty files until there can be no more.
func useInodes(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("filling a file system: %w", err)
	}
	for i := range mountInodes {
		err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600)
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("filling a file system: %w", err)
		}
	}
	return nil
}

// sysctls lets files below /proc/sys say what the world wants.
func sysctls(root string, w *world.World) error {
	for name, value := range w.Host.Sysctl {
		said := filepath.Join(root, "run/vpclab/sysctl-"+strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(said, []byte(value+"\n"), 0o444); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := bindMount(said, filepath.Join(root, "proc/sys", name), false); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}
