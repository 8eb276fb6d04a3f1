// Package probe gathers the facts of one run. Run is the only orchestrator:
// it decides what is asked, of whom, in which order and for how long, and
// leaves how to the packages below it (imds, resolve, dial, host, agent).
//
// What goes in: Options, an Env that stands for the host, a context. What
// comes out: a fact.Set, always, however badly the network behaves. An error
// of the network is a fact; Run has no error to return. It never judges, never
// prints and never changes anything on the host.
package probe
