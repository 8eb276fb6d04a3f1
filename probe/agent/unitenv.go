package agent

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/probe/host/sysfile"
)

// unitDirs are where systemd looks for units and their drop-ins, the more
// important first (systemd.unit(5), "Unit File Load Path").
var unitDirs = []string{
	"/etc/systemd/system.control/", "/run/systemd/system.control/", "/run/systemd/transient/",
	unitDir, "/run/systemd/system/", "/run/systemd/generator/",
	"/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/",
}

// managerFiles and managerDirs hold the service manager's own settings, whose
// DefaultEnvironment= every unit starts with (systemd-system.conf(5)).
var (
	managerFiles = []string{"/etc/systemd/system.conf", "/run/systemd/system.conf", "/usr/lib/systemd/system.conf"}
	managerDirs  = []string{
		"/etc/systemd/system.conf.d/", "/run/systemd/system.conf.d/",
		"/usr/local/lib/systemd/system.conf.d/", "/usr/lib/systemd/system.conf.d/",
	}
)

const (
	unitDir     = "/etc/systemd/system/" // where administrators put units and drop-ins
	maxDropIns  = 64                     // files of one directory, and in all; a handful is normal
	maxUnitFile = 64 << 10
	maxEnvFiles = 16  // environment files of a unit
	maxEnvNames = 256 // entries of a directory that a pattern is matched against
)

// setting is the value of a variable and the file that set it.
type setting struct{ value, from string }

// environment is what a service would be started with, as far as it is about
// proxies. Values may hold passwords.
type environment struct {
	manager map[string]setting // DefaultEnvironment=
	unit    map[string]setting // Environment=
	files   []string           // EnvironmentFile=, a "-" before a name lets it be absent
	unset   []string           // UnsetEnvironment=
	failed  error              // of a file that is there and could not be read
}

// unitProxy reads the proxy variables that the installed unit would be started
// with. The error is that of a file that is there and could not be read.
func (r *reader) unitProxy(f found) (proxyenv.Proxy, error) {
	unit := packageUnit
	if f.snap && !f.binary {
		unit = snapUnit
	}
	vars, failed := r.unitVars(unit)
	source := ""
	for _, name := range proxyenv.Names {
		if v := vars[name]; v.value != "" {
			source = cmp.Or(source, "file "+v.from)
		}
	}
	return proxyenv.Read(lookup(vars), classify.Clean(source, maxPathText)), failed
}

// lookup finds values by name.
func lookup(vars map[string]setting) func(string) string {
	return func(name string) string { return vars[name].value }
}

// unitVars reads the proxy variables that a unit would be started with.
func (r *reader) unitVars(unit string) (map[string]setting, error) {
	e := r.managerVars()
	r.apply(&e, "[Service]", first(r, fragments(unit)), e.unit)
	for _, p := range r.dropIns(&e, dropInDirs(unit)) {
		r.apply(&e, "[Service]", p, e.unit)
	}
	return r.merge(&e, unit), e.failed
}

// managerVars reads what every unit is started with.
func (r *reader) managerVars() environment {
	e := environment{manager: map[string]setting{}, unit: map[string]setting{}}
	r.apply(&e, "[Manager]", first(r, managerFiles), e.manager)
	for _, p := range r.dropIns(&e, managerDirs) {
		r.apply(&e, "[Manager]", p, e.manager)
	}
	return e
}

// fragments are the places of a unit's own file.
func fragments(unit string) (out []string) {
	for _, dir := range unitDirs {
		out = append(out, dir+unit)
	}
	return out
}

// first is the first of the files that exists: it hides the others, be it a
// link to /dev/null that masks a unit.
func first(r *reader, paths []string) string {
	for _, p := range paths {
		if _, err := r.Stat(p); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return p
		}
	}
	return ""
}

// dropInDirs are the directories of a unit's drop-ins: its own, those of each
// prefix of its name that ends in a hyphen, and that of all services.
func dropInDirs(unit string) []string {
	names := []string{unit}
	for stem := strings.TrimSuffix(unit, ".service"); ; {
		i := strings.LastIndexByte(strings.TrimSuffix(stem, "-"), '-')
		if i < 0 {
			break
		}
		stem = stem[:i+1]
		names = append(names, stem+".service")
	}
	var out []string
	for _, dir := range unitDirs {
		for _, n := range names {
			out = append(out, dir+n+".d/")
		}
	}
	for _, dir := range unitDirs {
		out = append(out, dir+"service.d/")
	}
	return out
}

// dropIns lists the files of the directories in the order in which they apply:
// by name, whatever the directory. Of two with one name that in the earlier
// directory counts.
func (r *reader) dropIns(e *environment, dirs []string) []string {
	var out []string
	for _, dir := range dirs {
		names, err := r.Names(strings.TrimSuffix(dir, "/"), maxDropIns)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.failed = err
		}
		for _, n := range names {
			same := func(p string) bool { return path.Base(p) == n }
			if strings.HasSuffix(n, ".conf") && len(out) < maxDropIns && !slices.ContainsFunc(out, same) {
				out = append(out, dir+n)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return out
}

// apply adds what a file says in a section.
func (r *reader) apply(e *environment, section, file string, vars map[string]setting) {
	if file == "" {
		return
	}
	b, err := r.Read(file, maxUnitFile)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, sysfile.ErrNotRegular): // masked: a link to /dev/null
	case err != nil:
		e.failed = err
	default:
		e.parse(section, file, string(b), vars)
	}
}

// parse reads a unit file or the manager's file. An empty value takes back
// what was set before it (systemd.exec(5)).
func (e *environment) parse(section, file, text string, vars map[string]setting) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\\\n", " ") // a line that goes on
	in := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			in = l
			continue
		}
		name, value, ok := strings.Cut(l, "=")
		if !ok || in != section {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "Environment", "DefaultEnvironment":
			if value == "" {
				clear(vars)
			}
			for _, word := range unitWords(value) {
				if name, value, ok := strings.Cut(word, "="); ok && slices.Contains(proxyenv.Names, name) {
					vars[name] = setting{strings.ReplaceAll(value, "%%", "%"), file} // "%" starts a specifier
				}
			}
		case "EnvironmentFile":
			if value == "" {
				e.files = nil
			} else if len(e.files) < maxEnvFiles {
				e.files = append(e.files, value)
			}
		case "UnsetEnvironment":
			if value == "" {
				e.unset = nil
			}
			for _, word := range unitWords(value) {
				if slices.Contains(proxyenv.Names, word) && len(e.unset) < 2*len(proxyenv.Names) {
					e.unset = append(e.unset, word)
				}
			}
		}
	}
}

// merge puts the parts together as systemd does: the manager's variables, over
// them the unit's, over them those of its environment files.
func (r *reader) merge(e *environment, unit string) map[string]setting {
	vars := e.manager
	for name, v := range e.unit {
		vars[name] = v
	}
	for _, file := range e.files {
		file, optional := strings.CutPrefix(file, "-")
		for _, p := range r.matches(expand(file, unit)) {
			if err := r.envFile(p, vars); err != nil && !(optional && errors.Is(err, fs.ErrNotExist)) {
				e.failed = err
			}
		}
	}
	for _, name := range e.unset {
		delete(vars, name)
	}
	return vars
}

// expand replaces the specifiers that name the unit.
func expand(file, unit string) string {
	stem := strings.TrimSuffix(unit, ".service")
	return strings.NewReplacer("%%", "%", "%n", unit, "%N", stem, "%p", stem).Replace(file)
}

// matches is the file, or what a pattern in its last part matches.
func (r *reader) matches(file string) []string {
	if !path.IsAbs(file) {
		return nil
	}
	dir, pattern := path.Split(file)
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{file}
	}
	names, _ := r.Names(strings.TrimSuffix(dir, "/"), maxEnvNames)
	var out []string
	for _, n := range names {
		if ok, err := path.Match(pattern, n); ok && err == nil && len(out) < maxEnvFiles {
			out = append(out, dir+n)
		}
	}
	return out
}

// envFile adds the proxy variables of an environment file. The rest of it may
// be secrets, and is wiped.
func (r *reader) envFile(file string, vars map[string]setting) error {
	buf := make([]byte, maxUnitFile)
	defer clear(buf)
	n, err := r.ReadInto(file, buf)
	if err != nil {
		return err
	}
	parseEnvFile(buf[:n], file, vars)
	return nil
}

// parseEnvFile reads lines NAME=value. A value that goes on in the next line is
// not one of a proxy.
func parseEnvFile(b []byte, file string, vars map[string]setting) {
	for l := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(l), []byte{'='})
		name = bytes.TrimSpace(name)
		if ok && len(name) <= len("HTTPS_PROXY") && slices.Contains(proxyenv.Names, string(name)) {
			vars[string(name)] = setting{envValue(string(bytes.TrimSpace(value))), file}
		}
	}
}

// envValue takes the quotes and backslashes out of a value as systemd does
// (systemd.exec(5), "EnvironmentFile="): in double quotes a backslash protects
// one of "\`$, in single quotes nothing, elsewhere any character.
func envValue(s string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			if i++; quote == '"' && !strings.ContainsRune("\"\\`$", rune(s[i])) {
				b.WriteByte(c)
			}
			b.WriteByte(s[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
