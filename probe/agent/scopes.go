package agent

import (
	"maps"
	"slices"
	"strings"

	"vpcdoctor/probe/host/proxyenv"
)

// ProxyScopes reads what the files of the service manager and of both of the
// agent's units say about proxies, whether the units run or not: a drop-in of
// the unit that is not installed has no effect, and looks as if it had. A unit's
// Source is "unit NAME", its Path the file that sets the variable.
func ProxyScopes(o Options) []proxyenv.Scope {
	r := newReader(o)
	var out []proxyenv.Scope
	manager := r.managerVars().manager
	if file := setBy(manager); file != "" {
		if s, ok := proxyenv.NewScope(proxyenv.ScopeManager, file, "file "+file, lookup(manager)); ok {
			out = append(out, s)
		}
	}
	for _, unit := range []string{packageUnit, snapUnit} {
		vars, _ := r.unitVars(unit) // a file that cannot be read is told where the agent's own proxy is
		own := maps.Clone(vars)
		installed := first(r, fragments(unit)) != ""
		maps.DeleteFunc(own, func(name string, v setting) bool {
			return manager[name] == v || !installed && !strings.Contains(v.from, unit) // of all units, or of none
		})
		file := setBy(own)
		if file == "" {
			continue
		}
		if s, ok := proxyenv.NewScope(proxyenv.ScopeUnit, file, "unit "+unit, lookup(vars)); ok {
			out = append(out, s)
		}
	}
	return out
}

// setBy is the file that set the first of the variables that matter most.
func setBy(vars map[string]setting) string {
	i := slices.IndexFunc(proxyenv.Names, func(n string) bool { return vars[n].value != "" })
	if i < 0 {
		return ""
	}
	return vars[proxyenv.Names[i]].from
}
