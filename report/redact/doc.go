// Package redact maps what identifies a customer to made-up values, so that
// facts can be shown to strangers and still tell the same story: account,
// instance, VPC, subnet, interface, group and endpoint ids, private and public
// addresses, host names that are not AWS's own, names of roles, buckets, log
// groups, keys, users and custom endpoints, MACs, ARNs, proxies, request ids,
// subjects of certificates that no public authority signed.
//
// Rules that hold everywhere here:
//   - One value has one substitute, wherever it stands in the file.
//   - Addresses keep their class (RFC 1918 block, shared, link-local, public),
//     the prefixes that they share, the first four of each known block (network,
//     router, resolver) and their order. What every instance has stays as it
//     is: 169.254.169.254, 127.0.0.1, fd00:ec2::/32.
//   - Substitutes are numbered by the order of the real values, so that sorted
//     lists keep their order and the number says nothing else. Nothing is
//     derived from a real value: there is no key to lose and nothing to guess.
//   - AWS's public names, Regions, zones and service names stay, and so do
//     times, versions and codes: they are the story.
//   - Only facts are mapped. A verdict is made again from the mapped facts, so
//     no sentence can carry over what a rule here has missed.
//
// Two files are mapped each on its own: the same instance may have another
// substitute in the second file. The package is pure.
package redact
