// Package compare finds where two runs part: works here and not there, worked
// yesterday and not today. Two reports go in, the differences come out in the
// order of the path, from the ground up, because the first one is most often
// the reason for those after it.
//
// A difference counts when it can change what works. Ids, own addresses and
// times differ between any two instances and are no news; where they place an
// instance (VPC, subnet, zone, security groups, role) they are listed apart,
// because the reason may hide there. What only one of the runs looked at is no
// difference and is listed apart too.
//
// The package is pure and judges nothing: both reports come with a verdict, and
// it should be one of the same rules.
package compare
