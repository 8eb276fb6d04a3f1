//go:build !linux

// Command vpclab runs a command on a simulated EC2 instance. It is made of
// Linux namespaces and works on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "vpclab: network namespaces exist on Linux only")
	os.Exit(3)
}
