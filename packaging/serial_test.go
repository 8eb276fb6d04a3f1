//go:build linux

package packaging_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serialFile names a file to paste in place of a small one: that of a release
// takes 8 minutes.
const serialFile = "VPCDOCTOR_PASTE"

// The recipe for the serial console, typed at a terminal with its line editing
// and echo at the speed of 115,200 baud: ten bits a byte.
func TestPasteOverSerialLine(t *testing.T) {
	for _, program := range []string{"xz", "base64", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, err.Error())
		}
	}
	payload := pasted(t)
	dir := t.TempDir()
	recipe := strings.ReplaceAll(byHand(t, "paste"), "/dev/shm/", dir+"/")
	// Never a check: this is not the simulated VPC.
	run := "sudo " + dir + "/vpcdoctor\n"
	if !strings.HasSuffix(recipe, run) {
		t.Fatalf("the recipe ends with something else than %q", run)
	}
	recipe = strings.TrimSuffix(recipe, run) + dir + "/vpcdoctor version\n"
	text := packedForPaste(t, payload)

	master, slave := openPTY(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", recipe)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	said := make(chan []byte, 1)
	go func() {
		var out bytes.Buffer
		_, _ = out.ReadFrom(master) // ends with EIO when the last one there is gone
		said <- out.Bytes()
	}()
	time.Sleep(300 * time.Millisecond) // nobody types before the prompt is gone
	start := time.Now()
	const step = 576 // bytes in 50 ms
	for i := 0; i < len(text); i += step {
		if _, err := master.Write(text[i:min(i+step, len(text))]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(start.Add(time.Duration(i+step) * time.Second / 11520)))
	}
	if _, err := master.Write([]byte{4}); err != nil { // Ctrl-D
		t.Fatal(err)
	}
	t.Logf("%d bytes of text in %v", len(text), time.Since(start).Round(time.Second))
	if err := cmd.Wait(); err != nil {
		t.Errorf("the recipe: %v", err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "vpcdoctor"))
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("%d bytes arrived of %d, %v", len(got), len(payload), err)
	}
	out := string(<-said)
	if !strings.Contains(out, fmt.Sprintf("%x", sha256.Sum256(payload))) || !strings.Contains(out, "vpcdoctor") {
		t.Errorf("it said %q", out)
	}
	if strings.Contains(out, string(text[:40])) {
		t.Error("the text is echoed, which doubles the time")
	}
}

// pasted is what is pasted: a script that names itself, and noise behind it.
func pasted(t *testing.T) []byte {
	t.Helper()
	if path := os.Getenv(serialFile); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := []byte("#!/bin/sh\necho vpcdoctor runs\nexit 0\n")
	source := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 24<<10)
	_, _ = source.Read(noise)
	return append(b, noise...)
}

// packedForPaste is the text that the recipe for one's own machine makes.
func packedForPaste(t *testing.T, payload []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vpcdoctor"), payload, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", byHand(t, "pack"))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "paste.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := base64.StdEncoding.DecodeString(string(text)); err != nil {
		t.Fatal(err)
	}
	return text
}

// byHand is a block of BY-HAND.md.
func byHand(t *testing.T, name string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)<!-- try: " + name + " -->\n```sh\n(.*?)```\n").FindStringSubmatch(read(t, "BY-HAND.md"))
	if m == nil {
		t.Fatalf("BY-HAND.md has no block %s", name)
	}
	return m[1]
}

// openPTY opens a terminal of the kernel's default manners.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		missing(t, err.Error())
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// missing skips a test for want of something that CI has.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
