//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// setupFailed is the exit code of a stage that could not do its part; it is
// above what commands use and below the signals.
const setupFailed = 125

// Dispatch runs the program's other roles, told by argv[0]: the stages of the
// lab and the programs that exist only on the instance. It returns when the
// program was called by its own name. Call it first in main and TestMain.
func Dispatch() {
	name := filepath.Base(os.Args[0])
	switch name {
	case worldStage:
		stage(runWorld)
	case instanceStage:
		stage(runInstance)
	case "amazon-ssm-agent", "ssm-agent-worker":
		os.Exit(agentProcess(name, os.Args[1:]))
	case "systemctl", "rpm":
		os.Exit(fakeTool(name, os.Args[1:]))
	}
}

func stage(run func() (int, error)) {
	code, err := run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		code = setupFailed
	}
	os.Exit(code)
}
