package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"vpcdoctor/report/deliver"
)

// stage gives the daemon a /run and /var/log of its own, and the machine
// nothing. The name makes it an instance beside the machine's, which reads
// neither the kernel's nor the audit log.
const stage = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir /run/systemd /var/log/journal
mount -t proc proc /proc
[ -s /etc/machine-id ]
exec /lib/systemd/systemd-journald vpcdoctor`

// The machine's own journald takes the entry, and journalctl finds it by its
// fields.
func TestJournald(t *testing.T) {
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf // there it has to run
	}
	for _, p := range []string{"/lib/systemd/systemd-journald", "/usr/bin/journalctl"} {
		if _, err := os.Stat(p); err != nil {
			skip("needs systemd: %v", err)
		}
	}
	if os.Geteuid() != 0 {
		skip("needs root: mounts in a namespace")
	}
	var said bytes.Buffer
	daemon := exec.CommandContext(t.Context(), "/bin/sh", "-c", stage)
	daemon.Stderr = &said
	daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := daemon.Start(); err != nil {
		skip("needs namespaces: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	defer func() {
		_ = daemon.Process.Kill()
		<-ended
	}()
	root := filepath.Join("/proc", strconv.Itoa(daemon.Process.Pid), "root")
	socket := root + "/run/systemd/journal.vpcdoctor/socket"
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		select {
		case err := <-ended:
			ended <- err
			skip("journald does not run in a namespace here: %v: %s", err, said.String())
		default:
		}
		if time.Now().After(limit) {
			t.Fatalf("journald does not listen: %s", said.String())
		}
	}
	r := sample()
	if _, err := New(Options{Socket: socket}).Deliver(t.Context(), parcel(r), func(string, deliver.Fate) {}); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		dirs, _ := filepath.Glob(root + "/var/log/journal/*")
		if len(dirs) > 0 {
			out, err := exec.CommandContext(t.Context(), "journalctl", "--directory", dirs[0], "--output", "json", "--all", "VPCDOCTOR_CODE=SG-02", "MESSAGE_ID="+MessageID).Output()
			var e map[string]string
			if err == nil && json.Unmarshal(bytes.TrimSpace(out), &e) == nil {
				if e["MESSAGE"] == "" || e["PRIORITY"] != "3" || e["VPCDOCTOR_RUN_ID"] != r.Context.RunID || !json.Valid([]byte(e["VPCDOCTOR_SUMMARY"])) || e["SYSLOG_IDENTIFIER"] != "vpcdoctor" {
					t.Errorf("%s", out)
				}
				return
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("the entry is not in the journal: %v: %s", dirs, said.String())
		}
	}
}
