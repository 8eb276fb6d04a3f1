// Package object knows the S3 buckets that AWS owns and that an instance
// without Internet access needs through its S3 endpoint, and asks for the
// public objects known in them.
//
// In goes where the instance is; out comes the table of its Region (pure), and
// for an open TLS connection the fact of one unsigned HEAD. An endpoint policy
// that leaves these buckets out breaks agent updates, patching, image pulls
// and package updates while the owner's own buckets work.
//
// The package never signs a request, never asks for an object that is not
// public, never guesses a name that is not documented for the Region, never
// reads a body, and never judges: an unsigned 403 proves nothing by itself.
package object
