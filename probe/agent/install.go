package agent

import (
	"bufio"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
)

// Where an installation leaves its marks.
const (
	binaryPath = "/usr/bin/amazon-ssm-agent"
	snapDir    = "/snap/amazon-ssm-agent/current" // a link to the revision in use
	snapBinary = snapDir + "/amazon-ssm-agent"
	dpkgList   = "/var/lib/dpkg/info/amazon-ssm-agent.list"
	dpkgStatus = "/var/lib/dpkg/status"
)

const (
	// maxStatus bounds the scan of dpkg's status file: some 1 kB a package,
	// 2 MB on a full server. It is read as a stream.
	maxStatus = 32 << 20
	// maxSnapYAML bounds the snap's metadata, which has about 500 bytes.
	maxSnapYAML = 64 << 10
)

// found is what the file system shows of installations.
type found struct {
	binary bool   // the binary of a package, or one put there by hand
	deb    bool   // dpkg has it installed
	debV   string // version by dpkg
	snap   bool
	snapV  string
	rpm    bool // this system has the rpm command
}

// finds looks for installations, with files alone.
func (r *reader) finds() found {
	var f found
	f.binary = r.regular(binaryPath)
	f.snap = r.regular(snapBinary)
	if f.snap {
		if b, err := r.Read(snapDir+"/meta/snap.yaml", maxSnapYAML); err == nil {
			f.snapV = snapVersion(string(b))
		}
	}
	if f.binary && r.regular(dpkgList) {
		if status, err := r.Open(dpkgStatus); err == nil {
			f.debV, f.deb = dpkgVersion(io.LimitReader(status, maxStatus))
			status.Close()
		}
	}
	f.rpm = r.regular("/usr/bin/rpm") || r.regular("/bin/rpm")
	return f
}

func (r *reader) regular(name string) bool {
	info, err := r.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// rpmVersion asks rpm for the package's version; empty when the package is not
// its own. It is not asked where dpkg has the package: many Debian hosts have
// the rpm command too.
func (r *reader) rpmVersion(ctx context.Context, f found) string {
	if !f.binary || f.deb || !f.rpm {
		return ""
	}
	out, err := r.command(ctx, "rpm", "-q", "--qf", "%{VERSION}\n", coreName)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n") // of several installed, the first
	return cleanVersion(first)
}

// installs lists the installations. A package and a snap side by side are two:
// they fight over one data directory.
func (r *reader) installs(ctx context.Context, f found, rpm string, procs []fact.AgentProc) []fact.AgentInstall {
	var out []fact.AgentInstall
	switch {
	case f.deb:
		out = append(out, fact.AgentInstall{Kind: "deb", Path: binaryPath, Version: f.debV})
	case rpm != "":
		out = append(out, fact.AgentInstall{Kind: "rpm", Path: binaryPath, Version: rpm})
	case f.binary:
		out = append(out, fact.AgentInstall{Kind: "binary", Path: binaryPath, Version: r.ownVersion(ctx)})
	}
	if f.snap {
		out = append(out, fact.AgentInstall{Kind: "snap", Path: snapBinary, Version: f.snapV})
	}
	// A core that runs from somewhere else was put there by hand. Its binary
	// is not run to learn its version: we do not know whose it is.
	for _, p := range procs {
		elsewhere := p.Role == "core" && path.IsAbs(p.Exe) && p.Exe != binaryPath && !strings.HasPrefix(p.Exe, "/snap/")
		if elsewhere && !slices.ContainsFunc(out, func(i fact.AgentInstall) bool { return i.Path == p.Exe }) {
			out = append(out, fact.AgentInstall{Kind: "binary", Path: p.Exe})
		}
	}
	return out
}

// ownVersion asks the binary itself, which answers before it opens its log or
// reads its config. A file that others may write is not run with our rights.
func (r *reader) ownVersion(ctx context.Context) string {
	info, err := r.Stat(binaryPath)
	if err != nil || info.Mode().Perm()&0o022 != 0 {
		return ""
	}
	out, err := r.command(ctx, binaryPath, "-version")
	if err != nil {
		return ""
	}
	// "SSM Agent version: 3.3.987.0", in older releases among other lines.
	_, v, ok := strings.Cut(string(out), "version: ")
	if !ok {
		return ""
	}
	v, _, _ = strings.Cut(v, "\n")
	return cleanVersion(v)
}

// version picks the version that counts: of the installation that runs, else
// of the first one.
func version(installs []fact.AgentInstall, procs []fact.AgentProc) (v, from string) {
	if len(installs) == 0 {
		return "", ""
	}
	best := installs[0]
	for _, p := range procs {
		for _, i := range installs {
			if p.Exe == i.Path || i.Kind == "snap" && strings.HasPrefix(p.Exe, "/snap/") {
				best = i
			}
		}
	}
	if best.Version == "" {
		return "", ""
	}
	switch best.Kind {
	case "deb", "rpm":
		return best.Version, "package"
	}
	return best.Version, best.Kind
}

// dpkgVersion finds the agent's stanza in dpkg's status file. A package that
// was removed but not purged keeps its stanza and its list file, with another
// Status than "installed".
func dpkgVersion(status io.Reader) (v string, installed bool) {
	sc := bufio.NewScanner(status)
	sc.Buffer(make([]byte, 0, 16<<10), 1<<20) // a line of Conffiles or Depends may be long
	ours := false
	for sc.Scan() {
		l := sc.Text()
		switch {
		case l == "":
			if ours {
				return v, installed
			}
		case strings.HasPrefix(l, "Package:"):
			ours = field(l) == coreName
		case ours && strings.HasPrefix(l, "Status:"):
			installed = strings.HasSuffix(field(l), " installed")
		case ours && strings.HasPrefix(l, "Version:"):
			v = cleanVersion(field(l))
		}
	}
	if !ours {
		return "", false
	}
	return v, installed
}

// field is the value of a "Name: value" line.
func field(l string) string {
	_, v, _ := strings.Cut(l, ":")
	return strings.TrimSpace(v)
}

// snapVersion takes the top-level version of a snap.yaml.
func snapVersion(text string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "version:") {
			return cleanVersion(strings.Trim(field(l), `'"`))
		}
	}
	return ""
}

// cleanVersion keeps the number of a version: digits and dots, without an
// epoch before and a package revision behind. Text without such a number gives
// an empty string.
func cleanVersion(s string) string {
	s = strings.TrimSpace(s)
	if _, rest, ok := strings.Cut(s, ":"); ok {
		s = rest
	}
	end := strings.IndexFunc(s, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
	if end >= 0 {
		s = s[:end]
	}
	s = strings.Trim(s, ".")
	return classify.Clean(s, 32) // four numbers; "3.3.987.0" has nine characters
}
