package agent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/proxyenv"
	"vpcdoctor/probe/host/sysfile"
)

// maxEnviron bounds a process's environment: 128 kB is what the kernel allows
// for one variable (MAX_ARG_STRLEN), and far above any real environment.
const maxEnviron = 128 << 10

// proxy reads the proxy variables that the running agent was started with,
// for they alone decide what it does. When it does not run, or hides its
// environment from this user, the unit's files say what it would be started
// with; the setting's Source then names the file.
func (r *reader) proxy(procs []fact.AgentProc, table fact.Outcome, f found) (proxyenv.Proxy, fact.Outcome) {
	pid := speaker(procs)
	if pid == 0 {
		p, err := r.unitProxy(f)
		switch {
		case table.Status == fact.NotRun: // it may run unseen
			return p, table
		case err != nil:
			return p, r.outcome(err)
		case p.Setting.Source == "":
			return p, fact.Skip("the agent is not running")
		}
		return p, fact.Outcome{Status: fact.OK}
	}
	start := r.now()
	buf := make([]byte, maxEnviron)
	n, err := r.ReadInto(fmt.Sprintf("/proc/%d/environ", pid), buf)
	cut := errors.Is(err, sysfile.ErrTooLarge)
	if err != nil && !cut {
		o := r.outcome(err)
		if o.Status == fact.NotRun {
			p, _ := r.unitProxy(f)
			return p, o
		}
		return proxyenv.Proxy{}, o
	}
	vars := parseEnviron(buf[:n])
	clear(buf) // other variables may be secrets; what we keep was copied
	o := fact.Outcome{Status: fact.OK, Start: start.UTC(), Took: fact.Duration(r.now().Sub(start))}
	if cut {
		o.Detail = "environment longer than 128 kB, read in part"
	}
	return proxyenv.Read(func(name string) string { return vars[name] }, fmt.Sprintf("process %d", pid)), o
}

// speaker is the process whose environment counts: the core, from which the
// worker inherits it; a worker alone when its core died. 0: none runs.
func speaker(procs []fact.AgentProc) int {
	for _, role := range []string{"core", "worker"} {
		for _, p := range procs {
			if p.Role == role {
				return p.PID
			}
		}
	}
	return 0
}

// parseEnviron takes the proxy variables out of an environment block: strings
// NAME=value, each closed by a zero byte. Values may hold "=" signs. Of two
// with one name the first counts, as in Go. What follows the last zero byte
// was cut off and is left out.
func parseEnviron(b []byte) map[string]string {
	vars := map[string]string{}
	for {
		entry, rest, closed := bytes.Cut(b, []byte{0})
		if !closed {
			return vars
		}
		b = rest
		name, value, ok := bytes.Cut(entry, []byte{'='})
		if !ok || len(name) > len("HTTPS_PROXY") || !slices.Contains(proxyenv.Names, string(name)) {
			continue
		}
		if _, seen := vars[string(name)]; !seen {
			vars[string(name)] = string(value)
		}
	}
}
