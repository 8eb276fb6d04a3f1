//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/lab"
	"vpcdoctor/cmd/vpclab/scenario"
)

func runCommand(code *int) *cobra.Command {
	var seed uint64
	var mend string
	c := &cobra.Command{
		Use:   "run SCENARIO -- COMMAND [ARG...]",
		Short: "Run a command on the instance of a scenario and return its exit code",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return runIn(args[0], args[1:], seed, mend, code)
		},
	}
	c.Flags().Uint64Var(&seed, "seed", 1, "chooses Region, addresses and ids")
	c.Flags().StringVar(&mend, "mend", "", mendUsage)
	return c
}

const mendUsage = "while `FILE` exists, the network and its servers are as if nothing were wrong"

func shellCommand(code *int) *cobra.Command {
	var seed uint64
	var mend string
	c := &cobra.Command{
		Use:   "shell SCENARIO",
		Short: "Open a shell on the instance of a scenario",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := scenario.Find(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "vpclab: %s\n", s.Story)
			return runIn(args[0], []string{"bash", "--norc"}, seed, mend, code)
		},
	}
	c.Flags().Uint64Var(&seed, "seed", 1, "chooses Region, addresses and ids")
	c.Flags().StringVar(&mend, "mend", "", mendUsage)
	return c
}

// packetsEnv names a file that gets one line of JSON per packet on the
// instance's wire.
const packetsEnv = "VPCLAB_PACKETS"

// callsEnv names a file that gets one line of JSON per request that reached AWS,
// with what it brought: events, metrics, objects.
const callsEnv = "VPCLAB_CALLS"

func runIn(name string, args []string, seed uint64, mend string, code *int) error {
	s, err := scenario.Find(name)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working directory: %w", err)
	}
	c := lab.Command{Args: args, Dir: dir, Env: os.Environ(), Packets: os.Getenv(packetsEnv), Calls: os.Getenv(callsEnv)}
	if mend != "" {
		c.Mended = s.Mended(seed)
		if c.MendedBy, err = filepath.Abs(mend); err != nil {
			return fmt.Errorf("finding the file of --mend: %w", err)
		}
	}
	*code, err = lab.Run(s.World(seed), c, seed)
	return err
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the scenarios",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
			for _, s := range append(scenario.All(), scenario.Programs()...) {
				note := ""
				if s.NearOf != "" {
					note = " [near miss of " + s.NearOf + "]"
				}
				if s.NeedsRoot {
					note += " [needs root]"
				}
				if s.Program != "" {
					note += " [needs " + string(s.Program) + "]"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s%s\n", s.Name, s.Kind, strings.Join(s.Want.Codes, "|"), s.Story, note)
			}
			return t.Flush()
		},
	}
}
