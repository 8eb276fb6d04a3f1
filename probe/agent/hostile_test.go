package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
)

// readPaths are the files that Read opens on a host with a stopped deb agent
// and on one with a running agent.
var readPaths = []string{
	"/proc/stat", "/proc/812/cmdline", "/proc/812/status", "/proc/812/stat", "/proc/812/limits", "/proc/812/environ",
	"/proc/812/fd", "/proc/812/mountinfo", "/proc/812/attr/current", "/proc/812/fdinfo/3",
	"/proc/self/mountinfo", "/proc/meminfo", "/proc/sys/fs/inotify/max_user_instances", "/proc/sys/fs/inotify/max_user_watches",
	"/dev/kmsg", auditLog, "/sys/fs/selinux/enforce", "/sys/module/apparmor/parameters/enabled", "/sys/kernel/security/apparmor/profiles",
	configPath, identityPath, registrationPath, stateDir + "Vault/Manifest", vaultKeyPath, stateDir + "Vault/Store/EC2RegistrationKey",
	dpkgStatus, dpkgList, "/snap/amazon-ssm-agent/current/meta/snap.yaml",
	unitDir + packageUnit, unitDir + packageUnit + ".d", unitDir + packageUnit + ".d/a.conf", "/etc/systemd/system.conf",
	"/etc/init/amazon-ssm-agent.conf", "/var/lib/amazon/ssm", "/var", "/tmp", "/etc/amazon",
}

// TestHostileFiles puts what should not be there in the place of each file in
// turn: Read must end soon, without a panic, with printable facts.
func TestHostileFiles(t *testing.T) {
	garbage := strings.Repeat("\x00\xff\x1b[2J;,:=(){} \"'\\\n", 100)
	kinds := map[string]func(path string) error{
		"binary":    func(p string) error { return os.WriteFile(p, []byte(garbage), 0o644) },
		"empty":     func(p string) error { return os.WriteFile(p, nil, 0o644) },
		"one line":  func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("audit(", 1<<18)), 0o644) },
		"directory": func(p string) error { return os.MkdirAll(p, 0o755) },
		"loop":      func(p string) error { return os.Symlink(filepath.Base(p), p) },
		"dangling":  func(p string) error { return os.Symlink("/nowhere/at/all", p) },
		"sparse": func(p string) error {
			if err := os.WriteFile(p, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(p, 1<<32)
		},
		"pipe": func(p string) error { return makePipe(p) },
	}
	stopped := system(deb, limits, tree{unitDir + packageUnit + ".d/a.conf": "[Service]\nEnvironmentFile=/etc/e\n"})
	for name, base := range map[string]tree{"stopped": stopped, "running": system(core, worker, limits, tree{
		"/proc/self/ns/mnt": "-> mnt:[1]", "/proc/812/ns/mnt": "-> mnt:[2]", "/proc/812/fd/3": "-> anon_inode:inotify",
		"/sys/module/apparmor/parameters/enabled": "Y",
	})} {
		root := base.write(t)
		for _, path := range readPaths {
			full := filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			kept := full + ".kept"
			had := os.Rename(full, kept) == nil
			for kind, put := range kinds {
				if err := put(full); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				a, _ := Read(t.Context(), Options{Root: root, Command: (&commands{}).run})
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("%s: %s as %s took %v", name, path, kind, took)
				}
				printable(t, a)
				if err := os.RemoveAll(full); err != nil {
					t.Fatal(err)
				}
			}
			if had {
				if err := os.Rename(kept, full); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestASystemctlThatHangs keeps nothing else from being read.
func TestASystemctlThatHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	a, _ := Read(ctx, Options{Root: system(deb, core, worker, limits).write(t), Command: func(ctx context.Context, _ string, _ ...string) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if a.UnitsRun.Status != fact.Failed || a.UnitsRun.Class != fact.Timeout || !a.UnitsRun.CutByBudget {
		t.Errorf("units_run %+v", a.UnitsRun)
	}
	if len(a.Procs) != 2 || a.Version == "" || a.Ground.Inotify.Status != fact.OK || a.Ground.Mounts[0].Status != fact.OK {
		t.Errorf("%+v", a)
	}
}
