//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// usage is what one run of a program cost, by the kernel's own accounting.
type usage struct {
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"` // user and system
	RSS  int64         `json:"rss_bytes"`
	Exit int           `json:"exit"`
}

// measureCommand runs a command and writes what it cost; bench uses it inside
// the simulated instance, so that the lab itself is not measured.
func measureCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "measure FILE -- COMMAND [ARG...]",
		Hidden: true,
		Args:   cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := exec.CommandContext(cmd.Context(), args[1], args[2:]...)
			c.Stderr = os.Stderr
			start := time.Now()
			err := c.Run()
			u := usage{Wall: time.Since(start)}
			if c.ProcessState == nil {
				return fmt.Errorf("running %s: %w", args[1], err)
			}
			u.Exit = c.ProcessState.ExitCode()
			u.CPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
			if r, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
				u.RSS = r.Maxrss * 1024 // Linux counts in kilobytes
			}
			b, err := json.Marshal(u)
			if err != nil {
				return err
			}
			return os.WriteFile(args[0], b, 0o600)
		},
	}
}
