// Package remedy turns a verdict into texts that repair it. Each cause has a
// card: what to do and where, what it changes and who else notices, console
// steps, AWS CLI lines, CloudFormation, Terraform, shell lines for the
// instance, the way back, and what Reachability Analyzer would say. All cards
// together make one document of a format.
//
// The knowledge is in tables.txt, one record a code and one a kind of repair,
// the same properties for CloudFormation and Terraform; the code fills in this
// instance's values and writes the formats. Facts and a verdict go in, texts
// come out. The package is pure: it never runs, creates or asks anything, and
// it never puts a value into a document that does not have the form of what it
// claims to be (an id, a block, a service name), because facts may come from a
// file that someone else wrote.
package remedy
