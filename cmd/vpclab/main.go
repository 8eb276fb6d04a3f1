//go:build linux

// Command vpclab runs a command on a simulated EC2 instance: real sockets,
// real addresses, a VPC around it that is described in plain Go.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/lab"
)

func main() {
	lab.Dispatch()
	code := 0
	root := rootCommand(&code)
	if err := root.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "vpclab: %v\n", err)
		code = 2
		if errors.Is(err, lab.ErrNoNamespaces) || errors.Is(err, lab.ErrNeedsRoot) {
			code = 3
		}
	}
	os.Exit(code)
}

func rootCommand(code *int) *cobra.Command {
	root := &cobra.Command{
		Use:           "vpclab",
		Short:         "Run a command on a simulated EC2 instance",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(runCommand(code), shellCommand(code), listCommand(), showCommand(), verifyCommand(code), recordCommand(), demoCommand(), benchCommand(), measureCommand())
	return root
}
