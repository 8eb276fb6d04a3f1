// Package awscall is what all sinks that speak to AWS share: one HTTP client,
// one clock, one policy of retries, errors in the words of people, and small
// signed calls for services whose SDK client would not be worth its size.
//
// In go requests; out come bounded answers, or a [Fault] that says what failed,
// at which host, and what to do. Keys and tokens never enter an error; of what
// AWS or somebody in its place answers, only codes that have the form of codes
// and the layer of a denial are repeated. Nothing here follows a redirect, reads
// the environment except where it is handed to it, or goes on after its ctx.
package awscall
