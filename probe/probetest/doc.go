// Package probetest has the fakes of everything that vpcdoctor talks to: the
// metadata service, DNS servers, TLS endpoints and AWS front ends, the API of an
// AWS account, proxies.
// Unit tests use them on the loopback address, the simulated VPC (cmd/vpclab)
// on real addresses inside its own namespaces.
//
// In go plain descriptions (an instance, a zone, a certificate) and modes, each
// of which is one fault as it is met in the field; out come handlers. A fake
// answers as the real service does, as far as a client can tell: same status
// codes, headers and bodies; where the real behaviour is documented, the source
// stands at the code.
//
// The package must never be linked into the shipped binary, never listen on
// anything but what it is given, except the loopback helpers for tests, and
// never judge: what a mode means for the verdict is not known here.
package probetest
