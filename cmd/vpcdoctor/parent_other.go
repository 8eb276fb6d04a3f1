//go:build !linux

package main

// parentName is not known outside Linux.
func parentName() string { return "" }
