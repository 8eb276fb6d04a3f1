//go:build !unix

package main

// onSuspend has nothing to do where no key stops a program.
func onSuspend(_, _ func()) (end func()) { return func() {} }
