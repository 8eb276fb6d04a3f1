// Package frames carries a small document through a serial console: a line of
// text in a stream that the kernel, systemd and a login prompt write to as
// well, and of which only the last 64 kB are kept.
//
// In goes a document, out come lines of 78 characters; in goes what a console
// has kept, out come documents and what of them is lost:
//
//	VPCD1 3fa9c1d2 03/41 9abcdef0 <48 characters of base64>
//
// A line stands alone: form and version, the run, its number of how many, the
// CRC-32 of run, number and payload, 36 bytes. The bytes of all lines together
// are the length of the compressed document (2 bytes), the first 8 bytes of
// the SHA-256 of the document, the document by deflate (RFC 1951), zeros.
//
// Lines +1, +2 and so on repair lost ones: of n lines, m of them follow, one
// for each eight and two at least, and line +j is the exclusive or of the lines
// j, j+m, j+2m ... So m lines in a row may be lost.
//
// What gets into a line is recognised by the CRC: a time stamp of EC2 in
// brackets, colours, carriage returns, another writer's lines. EC2 puts
// stamps into long lines (openshift/osd-network-verifier removes them from its
// own), hence 78 characters.
//
// Whatever is read is hostile: bounded in size and time. The package is pure.
package frames
