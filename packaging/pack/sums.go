package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sums writes SHA256SUMS over everything delivered, for sha256sum -c, and has
// it signed by the releaser's own command when there is one.
func (b *build) sums() error {
	var out strings.Builder
	err := filepath.WalkDir(distDir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path == filepath.FromSlash(buildDir):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(distDir, path)
		fmt.Fprintf(&out, "%s  %s\n", sum(content), filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return err
	}
	path := filepath.Join(distDir, "SHA256SUMS")
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		return err
	}
	if sign := os.Getenv("SIGN_COMMAND"); sign != "" {
		return b.command(nil, "sh", "-c", sign+` "$1"`, "sh", path)
	}
	return nil
}
