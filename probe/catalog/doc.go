// Package catalog knows the AWS endpoint services: which exist in a Region,
// what their service names and host names are, on which ports they listen and
// which of them a use case needs. It turns a [Selection] (Region, profiles,
// services) into [fact.Target]s, and an address into the Region and service of
// AWS's published ranges.
//
// Everything comes from two embedded files: endpoint-services.json, the
// reviewed catalogue, whose fields and sources are explained in its own
// "semantics" and "sources" sections, and ranges.bin, AWS's public address
// ranges in a form that is searched without being decoded.
//
// To add or correct a service, edit its line of endpoint-services.json (one
// entry per line, "id" and "service" first) and run `make catalog`: it packs the
// file for the binary, and the tests named TestCatalog… hold it to the evidence
// in testdata, whose source letters are the keys of its "sources" section. To
// renew the address ranges, replace testdata/aws-ip-ranges.tsv and run
//
//	go test ./probe/catalog -run Ranges -update
//
// The package is pure: it opens no file, sends nothing and never looks at the
// clock. It must never invent a host name: a name that no source states is
// marked derived, and a service without any usable name gives no target but a
// note.
package catalog
