package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// families are the platforms of a Distributor manifest, in the SSM Agent's
// words for them, by the kind of package they take.
var families = map[string][]string{
	"deb": {"debian", "ubuntu"},
	"rpm": {"almalinux", "amazon", "centos", "oracle", "redhat", "rocky", "suse"},
}

// machines are the agent's words for processors, by Go's.
var machines = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// manifest is the content of a document of type Package (AWS Systems Manager
// User Guide, "Create a package", read 2026-11).
type manifest struct {
	SchemaVersion string                                     `json:"schemaVersion"`
	Version       string                                     `json:"version"`
	Publisher     string                                     `json:"publisher"`
	Packages      map[string]map[string]map[string]packageOf `json:"packages"` // platform, its version, machine
	Files         map[string]fileSums                        `json:"files"`
}

type packageOf struct {
	File string `json:"file"`
}

type fileSums struct {
	Checksums map[string]string `json:"checksums"`
}

// distributor packs every deb and rpm with the scripts that the agent runs.
func (b *build) distributor() error {
	zips := map[string]map[string]string{"deb": {}, "rpm": {}} // kind and machine to file
	sums := map[string]string{}
	for kind := range zips {
		for _, arch := range archs {
			from, err := one(filepath.Join(distDir, packagePattern(kind, arch)))
			if err != nil {
				return err
			}
			packed, err := zipped(b.date, []member{
				{filepath.Base(from), from, 0o644},
				{"install.sh", "packaging/ssm/install.sh", 0o755},
				{"uninstall.sh", "packaging/ssm/uninstall.sh", 0o755},
				{"update.sh", "packaging/ssm/update.sh", 0o755},
			})
			if err != nil {
				return err
			}
			name := fmt.Sprintf("vpcdoctor_%s_%s_%s.zip", b.version, kind, machines[arch])
			if err := os.WriteFile(filepath.Join(ssmDir, name), packed, 0o644); err != nil {
				return err
			}
			zips[kind][machines[arch]], sums[name] = name, sum(packed)
		}
	}
	text, err := json.MarshalIndent(newManifest(b.version, zips, sums), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(ssmDir, "manifest.json"), append(text, '\n'), 0o644)
}

func newManifest(version string, zips map[string]map[string]string, sums map[string]string) manifest {
	m := manifest{
		SchemaVersion: "2.0", Version: version, Publisher: "vpcdoctor",
		Packages: map[string]map[string]map[string]packageOf{}, Files: map[string]fileSums{},
	}
	for kind, platforms := range families {
		for _, p := range platforms {
			byMachine := map[string]packageOf{}
			for machine, file := range zips[kind] {
				byMachine[machine] = packageOf{file}
			}
			m.Packages[p] = map[string]map[string]packageOf{"_any": byMachine}
		}
	}
	for file, s := range sums {
		m.Files[file] = fileSums{map[string]string{"sha256": s}}
	}
	return m
}

// packagePattern finds a package by the words of its kind for a processor.
func packagePattern(kind, arch string) string {
	if kind == "rpm" {
		return map[string]string{"amd64": "*.x86_64.rpm", "arm64": "*.aarch64.rpm"}[arch]
	}
	return "*_" + arch + ".deb"
}

func one(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s: %d files, want one", pattern, len(found))
	}
	return found[0], nil
}
