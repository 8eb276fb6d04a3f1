//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/scenario"
)

// showCommand prints the description that drives the lab, for people who want
// to know exactly what a scenario is.
func showCommand() *cobra.Command {
	var seed uint64
	c := &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Print the description of a scenario's world as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := scenario.Find(args[0])
			if err != nil {
				return err
			}
			e := json.NewEncoder(os.Stdout)
			e.SetIndent("", "  ")
			if err := e.Encode(s.World(seed)); err != nil {
				return fmt.Errorf("writing the world: %w", err)
			}
			return nil
		},
	}
	c.Flags().Uint64Var(&seed, "seed", 1, "chooses Region, addresses and ids")
	return c
}
