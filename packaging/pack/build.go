package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Where things are made and where they are delivered, below the source.
const (
	distDir  = "dist"
	buildDir = "dist/build"
	ssmDir   = "dist/ssm"

	changelogFile = "packaging/CHANGELOG.md"
)

// archs are the processors of EC2, in Go's words.
var archs = []string{"amd64", "arm64"}

// build is one run. Its steps stand in main.go in their order.
type build struct {
	ctx     context.Context
	date    time.Time
	version string // of the packages
	shown   string // by vpcdoctor version
	commit  string
	gcflags string
}

// command runs a program in the source directory; its output is ours.
func (b *build) command(env []string, name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %v: %w", name, args, err)
	}
	return nil
}

// clean removes an earlier run's results: SHA256SUMS lists what is there.
func (b *build) clean() error {
	if err := os.RemoveAll(distDir); err != nil {
		return err
	}
	for _, dir := range []string{buildDir + "/man", buildDir + "/completions", ssmDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// binary is the path of the program for one processor.
func binary(arch string) string { return filepath.Join(buildDir, arch, "vpcdoctor") }

func (b *build) binaries() error {
	flags := fmt.Sprintf("-s -w -buildid= -X main.version=%s -X main.commit=%s -X main.date=%s",
		b.shown, b.commit, b.date.Format(time.RFC3339))
	for _, arch := range archs {
		err := b.command([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch},
			"go", "build", "-trimpath", "-buildvcs=false", "-gcflags", b.gcflags, "-ldflags", flags, "-o", binary(arch), "./cmd/vpcdoctor")
		if err != nil {
			return err
		}
		// Bare too, for the bootstrap document and user data.
		if err := copyFile(filepath.Join(distDir, b.name(arch)), binary(arch), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// name is the stem of the files for one processor.
func (b *build) name(arch string) string {
	return "vpcdoctor_" + b.version + "_linux_" + arch
}

// documents has the program write its manual pages and completions.
func (b *build) documents() error {
	if runtime.GOOS != "linux" || !slices.Contains(archs, runtime.GOARCH) {
		return fmt.Errorf("the program writes its own manual: packages are built on Linux, %v", archs)
	}
	own, man := binary(runtime.GOARCH), buildDir+"/man"
	if err := b.command(nil, own, "man", man); err != nil {
		return err
	}
	for _, page := range []string{"vpcdoctor.1", "vpcdoctor.yaml.5"} {
		text, err := os.ReadFile(filepath.Join(man, page))
		if err != nil {
			return err
		}
		packed, err := gzipped(text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(man, page+".gz"), packed, 0o644); err != nil {
			return err
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, err := exec.CommandContext(b.ctx, own, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completion %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(buildDir, "completions", "vpcdoctor."+shell), out, 0o644); err != nil {
			return err
		}
	}
	log, err := os.ReadFile(changelogFile)
	if err != nil {
		return err
	}
	return os.WriteFile(buildDir+"/changelog.yaml", changelog(string(log), b.version, b.date), 0o644)
}

// packages runs nfpm, pinned in packaging/tools, for every processor and kind.
// GOARCH is not set for it: go tool would build nfpm for that processor.
func (b *build) packages() error {
	for _, arch := range archs {
		for _, kind := range []string{"deb", "rpm", "apk"} {
			err := b.command([]string{"PKG_ARCH=" + arch, "VERSION=" + b.version}, "go", "tool",
				"-modfile=packaging/tools/go.mod", "nfpm", "package", "-f", "nfpm.yaml", "-p", kind, "-t", distDir+"/")
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// gzipped compresses without name and time.
func gzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func copyFile(to, from string, mode os.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, mode)
}
