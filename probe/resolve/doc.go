// Package resolve reads how this host resolves names and asks name servers
// directly.
//
// In go files (Config: resolv.conf, nsswitch.conf, the hosts file, leases,
// traces of a local stub) and questions (Client: one name, one type, one
// server); out come a fact.Resolver and fact.Lookups, one for every attempt.
// Effective then derives, without any I/O, what an ordinary program on this
// host gets for a name.
//
// Names are always asked as absolute names: the search list never applies.
// The package never uses the system's resolver functions, never asks a server
// that it was not given, never judges an answer, and never returns a Go error
// for what the network did. Files and answers are untrusted: everything is
// bounded, and text that reaches a fact is printable ASCII.
package resolve
