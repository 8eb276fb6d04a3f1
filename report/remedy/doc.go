// Package remedy turns a verdict into texts that repair it: a CloudFormation
// template and the AWS CLI lines for endpoints that are missing. Facts and a
// verdict go in, texts come out. The package is pure: it never runs, creates
// or asks anything, and it never puts a value into a template that does not
// have the exact form of what it claims to be (an id, a block, a service name),
// because facts may come from a file that someone else wrote.
package remedy
