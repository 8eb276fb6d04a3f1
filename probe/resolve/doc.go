// Package resolve reads how this host resolves names and asks name servers
// directly.
//
// In go files (Config: resolv.conf, nsswitch.conf, the hosts file, leases,
// traces of a local stub) and questions (Client: one name, one type, one
// server); out come a fact.Resolver and fact.Lookups, one for every attempt.
// Effective then derives, without any I/O, what an ordinary program on this
// host gets for a name.
//
// On trouble there is a second pass: Extra (pure) plans what can still change
// the verdict, within a budget of packets, and Client.Run asks it: the system's
// own path through getent, further servers and transports, search domains,
// random labels, TTLs. Its results are a fact.DNSDiff.
//
// The Client asks absolute names: the search list never applies, but where
// its effect is the question. Only OS uses the system's resolver functions, in
// a process of its own. The package never asks a server that it was not given,
// never judges an answer, and never returns a Go error for what the network did.
// Files and answers are untrusted: everything is bounded, and text that reaches
// a fact is printable ASCII.
package resolve
