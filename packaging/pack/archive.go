package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"time"
)

// member is a file of an archive.
type member struct {
	name, from string
	mode       int64
}

// tarballs are for machines without a package manager of ours.
func (b *build) tarballs() error {
	for _, arch := range archs {
		packed, err := tarball(b.date, b.name(arch), []member{
			{"vpcdoctor", binary(arch), 0o755},
			{"LICENSE", "LICENSE", 0o644},
			{"README.md", "README.md", 0o644},
			{"CHANGELOG.md", changelogFile, 0o644},
			{"config.yaml", "packaging/config.yaml", 0o644},
			{"systemd/vpcdoctor.service", "systemd/vpcdoctor.service", 0o644},
			{"systemd/vpcdoctor.timer", "systemd/vpcdoctor.timer", 0o644},
			{"systemd/vpcdoctor-boot.service", "systemd/vpcdoctor-boot.service", 0o644},
			{"systemd/console.conf", "systemd/console.conf", 0o644},
			{"systemd/findings-fail.conf", "systemd/findings-fail.conf", 0o644},
			{"systemd/kernel-log.conf", "systemd/kernel-log.conf", 0o644},
			{"man/vpcdoctor.1", buildDir + "/man/vpcdoctor.1", 0o644},
			{"man/vpcdoctor.yaml.5", buildDir + "/man/vpcdoctor.yaml.5", 0o644},
			{"completions/vpcdoctor.bash", buildDir + "/completions/vpcdoctor.bash", 0o644},
			{"completions/vpcdoctor.fish", buildDir + "/completions/vpcdoctor.fish", 0o644},
			{"completions/_vpcdoctor", buildDir + "/completions/vpcdoctor.zsh", 0o644},
		})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(distDir, b.name(arch)+".tar.gz"), packed, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tarball packs files below one directory, all of them root's and of one time.
func tarball(date time.Time, dir string, files []member) ([]byte, error) {
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{
			Name: dir + "/" + f.name, Mode: f.mode, Size: int64(len(content)), ModTime: date,
			Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return gzipped(raw.Bytes())
}

// zipped packs files without owners, all of one time.
func zipped(date time.Time, files []member) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return nil, err
		}
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: date}
		h.SetMode(os.FileMode(f.mode))
		m, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := m.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
