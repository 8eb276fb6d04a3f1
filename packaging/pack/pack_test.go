package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var date = time.Date(2026, 11, 22, 3, 4, 5, 0, time.UTC)

// Whatever git describe says becomes a version that no packager sorts before
// the release it follows, and that apk accepts.
func TestPackageVersion(t *testing.T) {
	for describe, want := range map[string]string{
		"v1.2.3":              "1.2.3",
		"1.2.3":               "1.2.3",
		"v1.2.3-rc1":          "1.2.3-rc1",
		"v1.2.3-5-gabc1234":   "1.2.4-pre20261122030405",
		"v1.2.3-dirty":        "1.2.4-pre20261122030405",
		"37df008":             "0.0.0-pre20261122030405",
		"37df008-dirty":       "0.0.0-pre20261122030405",
		"v1.2.3-rc1-4-gabc":   "1.2.4-pre20261122030405",
		"v1.2.3; touch /tmp/": "0.0.0-pre20261122030405",
		"":                    "0.0.0-pre20261122030405",
	} {
		if got := packageVersion(describe, date); got != want {
			t.Errorf("packageVersion(%q) = %q, want %q", describe, got, want)
		}
	}
}

func TestChangelog(t *testing.T) {
	text := "# Changelog\n\n- no change, before any version\n\n## [Unreleased]\n\n### Added\n\n- One: a \"thing\"\n  of two lines.\n- Two.\n\nProse.\n\n" +
		"## [1.0.0] - 2026-10-01\n\n### Fixed\n\n- Three.\n\n## [0.9.0] - 2026-09-01\n"
	var got []struct {
		Semver  string
		Date    time.Time
		Changes []struct{ Commit, Note string }
	}
	if err := yaml.Unmarshal(changelog(text, "1.1.0", date), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[0].Changes) != 2 || len(got[1].Changes) != 1 {
		t.Fatalf("%+v", got)
	}
	if got[0].Semver != "1.1.0" || !got[0].Date.Equal(date) || got[0].Changes[0].Note != `One: a "thing" of two lines.` {
		t.Errorf("unreleased: %+v", got[0])
	}
	if got[1].Semver != "1.0.0" || got[1].Date.Format(time.DateOnly) != "2026-10-01" || got[1].Changes[0].Note != "Three." {
		t.Errorf("released: %+v", got[1])
	}
}

// TestOwnChangelog holds ours to the form that changelog reads.
func TestOwnChangelog(t *testing.T) {
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	all := entries(string(text), "0.0.1", date)
	if len(all) == 0 || len(all[0].notes) == 0 {
		t.Fatalf("no change in it: %+v", all)
	}
	if n := strings.Count(string(text), "\n## "); n != len(all) {
		t.Errorf("%d headings, %d versions", n, len(all))
	}
}

// What is released has a version that everybody sorts alike and a dated section
// of its own, with nothing left over.
func TestReleased(t *testing.T) {
	const ready = "## [Unreleased]\n\n## [1.2.0] - 2026-11-22\n\n- One.\n\n## [1.1.0] - 2026-10-01\n\n- Two.\n"
	for _, c := range []struct{ text, version, want string }{
		{ready, "1.2.0", ""},
		{ready, "v1.2.0", "want x.y.z"},
		{ready, "1.2", "want x.y.z"},
		{ready, "1.2.0-5-gabc1234", "want x.y.z"},
		{ready, "dev", "want x.y.z"},
		{ready, "1.3.0", "no section"},
		{strings.Replace(ready, " - 2026-11-22", "", 1), "1.2.0", "no section"},
		{strings.Replace(ready, "- One.\n", "", 1), "1.2.0", "no section"},
		{strings.Replace(ready, "[Unreleased]\n", "[Unreleased]\n\n- Three.\n", 1), "1.2.0", "stand under Unreleased"},
	} {
		err := released(c.text, c.version)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in\n%s\n%v, want %q", c.version, c.text, err, c.want)
		}
	}
}

// Archives tell nothing of who packed them, where and when.
func TestArchivesAreReproducible(t *testing.T) {
	var tars, zips [2][]byte
	for i := range tars {
		dir := t.TempDir()
		from := filepath.Join(dir, "file")
		if err := os.WriteFile(from, []byte("content\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(from, time.Time{}, date.AddDate(i, 0, 0)); err != nil {
			t.Fatal(err)
		}
		files := []member{{"bin/a", from, 0o755}, {"b", from, 0o644}}
		var err error
		if tars[i], err = tarball(date, "top", files); err != nil {
			t.Fatal(err)
		}
		if zips[i], err = zipped(date, files); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(tars[0], tars[1]) || !bytes.Equal(zips[0], zips[1]) {
		t.Error("the same files gave other bytes")
	}
	g, err := gzip.NewReader(bytes.NewReader(tars[0]))
	if err != nil {
		t.Fatal(err)
	}
	h, err := tar.NewReader(g).Next()
	if err != nil || h.Name != "top/bin/a" || h.Mode != 0o755 || h.Uid != 0 || !h.ModTime.Equal(date) {
		t.Errorf("%+v, %v", h, err)
	}
	z, err := zip.NewReader(bytes.NewReader(zips[0]), int64(len(zips[0])))
	if err != nil {
		t.Fatal(err)
	}
	if f := z.File[0]; f.Name != "bin/a" || f.Mode() != 0o755 || !f.Modified.Equal(date) {
		t.Errorf("%+v", f.FileHeader)
	}
	r, err := z.File[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "content\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := tarball(date, "top", []member{{"a", "/does/not/exist", 0o644}}); err == nil {
		t.Error("a file that is missing was packed")
	}
}

// The limits of a Distributor manifest: AWS Systems Manager User Guide (read
// 2026-11).
func TestManifest(t *testing.T) {
	zips := map[string]map[string]string{
		"deb": {"x86_64": "d1.zip", "arm64": "d2.zip"}, "rpm": {"x86_64": "r1.zip", "arm64": "r2.zip"},
	}
	sums := map[string]string{"d1.zip": "1", "d2.zip": "2", "r1.zip": "3", "r2.zip": "4"}
	m := newManifest(packageVersion("v1.2.3-5-gabc", date), zips, sums)
	if !regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`).MatchString(m.Version) {
		t.Errorf("version %q", m.Version)
	}
	for platform, kind := range map[string]string{"amazon": "rpm", "redhat": "rpm", "ubuntu": "deb", "debian": "deb"} {
		for machine, file := range zips[kind] {
			if got := m.Packages[platform]["_any"][machine].File; got != file {
				t.Errorf("%s %s: %q, want %q", platform, machine, got, file)
			}
		}
	}
	if len(m.Files) != 4 || m.Files["r2.zip"].Checksums["sha256"] != "4" {
		t.Errorf("%+v", m.Files)
	}
}

// The bill names every module as it was linked, and no other.
func TestBillOfMaterials(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "vpcdoctor"},
		Deps: []*debug.Module{
			{Path: "example.com/z", Version: "v1.0.0", Sum: "h1:z"},
			{Path: "example.com/a", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
		},
		Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "arm64"}},
	}
	digest := sum([]byte("binary"))
	b := newBOM(info, "1.2.3", digest, date)
	var got []string
	for _, c := range b.Components {
		got = append(got, c.PURL)
	}
	want := []string{"pkg:golang/example.com/fork@v2.0.0", "pkg:golang/example.com/z@v1.0.0", "pkg:golang/std@1.26.8"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if p := b.Components[1].Properties; len(p) != 1 || p[0].Value != "h1:z" {
		t.Errorf("sum of a module: %v", p)
	}
	if c := b.Metadata.Component; c.Hashes[0].Content != digest || c.Properties[0] != (property{"go:build:GOARCH", "arm64"}) {
		t.Errorf("%+v", c)
	}
	if len(b.Dependencies) != 1 || len(b.Dependencies[0].On) != len(b.Components) || b.Dependencies[0].Ref != b.Metadata.Component.Ref {
		t.Errorf("%+v", b.Dependencies)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.SerialNumber) {
		t.Errorf("serial number %q", b.SerialNumber)
	}
}

// SHA256SUMS lists what is delivered and nothing of what it was made from, and
// the releaser's command gets it.
func TestSums(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range []string{"dist/a.deb", "dist/ssm/b.zip", "dist/build/c"} {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SIGN_COMMAND", "cp dist/SHA256SUMS dist/signed; printf %s >dist/path")
	b := &build{ctx: t.Context()}
	if err := b.sums(); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile("dist/signed")
	want := sum([]byte("dist/a.deb")) + "  a.deb\n" + sum([]byte("dist/ssm/b.zip")) + "  ssm/b.zip\n"
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if path, _ := os.ReadFile("dist/path"); string(path) != filepath.FromSlash("dist/SHA256SUMS") {
		t.Errorf("the command was given %q", path)
	}
	t.Setenv("SIGN_COMMAND", "false")
	if err := b.sums(); err == nil {
		t.Error("a command that failed was taken for a signature")
	}
}
