package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bom is a bill of materials in the form of CycloneDX 1.6
// (cyclonedx.org/docs/1.6/json, read 2026-11), as far as a Go binary tells its
// own: modules with their sums, and the standard library.
type bom struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     bomMetadata  `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Hashes     []hash     `json:"hashes,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// materials writes the bill of each binary beside it.
func (b *build) materials() error {
	for _, arch := range archs {
		content, err := os.ReadFile(binary(arch))
		if err != nil {
			return err
		}
		info, err := buildinfo.ReadFile(binary(arch))
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(newBOM(info, b.version, sum(content), b.date), "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(distDir, b.name(arch)+".cdx.json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func newBOM(info *buildinfo.BuildInfo, version, digest string, date time.Time) bom {
	program := component{
		Type: "application", Ref: info.Main.Path + "@" + version, Name: "vpcdoctor", Version: version,
		Hashes: []hash{{"SHA-256", digest}},
	}
	for _, s := range info.Settings {
		program.Properties = append(program.Properties, property{"go:build:" + s.Key, s.Value})
	}
	std := strings.TrimPrefix(info.GoVersion, "go")
	parts := []component{{
		Type: "library", Ref: "std@" + std, Name: "std", Version: std, PURL: "pkg:golang/std@" + std,
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{
			Type: "library", Ref: m.Path + "@" + m.Version, Name: m.Path, Version: m.Version,
			PURL: "pkg:golang/" + m.Path + "@" + m.Version,
		}
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}} // of go.sum, over the module's files
		}
		parts = append(parts, c)
	}
	slices.SortFunc(parts, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	on := dependency{Ref: program.Ref}
	for _, p := range parts {
		on.On = append(on.On, p.Ref)
	}
	return bom{
		Format: "CycloneDX", SpecVersion: "1.6", SerialNumber: "urn:uuid:" + uuid(digest), Version: 1,
		Metadata:   bomMetadata{date.Format(time.RFC3339), program},
		Components: parts, Dependencies: []dependency{on},
	}
}

// uuid is a name-like UUID (version 8, RFC 9562) out of a digest, so that the
// bill of one binary has always one number.
func uuid(digest string) string {
	d := []byte(digest[:32])
	d[12], d[16] = '8', 'a'
	return fmt.Sprintf("%s-%s-%s-%s-%s", d[:8], d[8:12], d[12:16], d[16:20], d[20:])
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
