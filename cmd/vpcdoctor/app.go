package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"vpcdoctor/report"
	"vpcdoctor/report/nagios"
)

// version, commit and the time of the source are set by the linker (see
// Makefile).
var (
	version = "dev"
	commit  = ""
	date    = "" // RFC 3339
)

// app is the program with its surroundings, so that a test can run it whole.
type app struct {
	stdout    *stdout
	stderr    io.Writer
	getenv    func(string) string
	environ   []string
	uid       int
	stdoutTTY bool
	stderrTTY bool
	size      func() (width, height int) // of the terminal on stdout
	code      int                        // exit code of the verb that ran
}

func newApp() *app {
	return &app{
		stdout: &stdout{w: os.Stdout}, stderr: os.Stderr, getenv: os.Getenv, environ: os.Environ(), uid: os.Geteuid(),
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())), stderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		size: terminalSize,
	}
}

// terminalSize is that of the terminal on stdout. A serial line does not know
// its own and says 0 by 0: what every terminal has for sure serves then.
func terminalSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return textWidth, 24
	}
	return width, height
}

// usageError is a fault in the command line or the configuration: exit code 2.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// run executes the command line and returns the exit code (decisions.md,
// "Exit codes").
func (a *app) run(args []string) int {
	// Without this a reader that goes away (vpcdoctor | head) would kill us
	// before the file sinks are written.
	signal.Ignore(syscall.SIGPIPE)

	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		err = a.stdout.lost()
	}
	switch {
	case err != nil && asPlugin(cmd):
		a.complain(err)
		_ = nagios.Fault(a.stdout, err)
		return nagios.Unknown
	case err == nil:
		return a.code
	case errors.As(err, new(usageError)):
		a.complain(err)
		return report.ExitUsage
	default:
		a.complain(err)
		return report.ExitFault
	}
}

// complain writes an error the way every error of ours looks: program name,
// what happened, no capital, no full stop.
func (a *app) complain(err error) {
	fmt.Fprintf(a.stderr, "vpcdoctor: %v\n", err)
}

// note writes a line that is no error: stdout is the report's.
func (a *app) note(text string) {
	fmt.Fprintf(a.stderr, "vpcdoctor: %s\n", text)
}

// rootCommand is the whole command tree. Without a verb it is check.
func (a *app) rootCommand() *cobra.Command {
	check := a.checkCommand()
	root := &cobra.Command{
		Use:   "vpcdoctor",
		Short: "Name the root cause when an EC2 instance cannot reach AWS endpoints",
		Long: `vpcdoctor runs on an EC2 instance and names the root cause when AWS service
endpoints or Session Manager do not work: it reads the metadata service, asks
DNS, dials every address on its ports, speaks TLS, looks at the SSM Agent, and
reasons over what it saw. It changes nothing.

Without a verb it is "vpcdoctor check --profile session-manager".

Exit codes: 0 healthy or warnings only, 1 an error was found, 2 usage or
configuration, 3 inconclusive or interrupted, 4 a fault of vpcdoctor or
a report that could not be written to stdout. With --output nagios they are
those of a plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.`,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          check.RunE,
	}
	root.Flags().AddFlagSet(check.Flags())
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(usage)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(check, a.servicesCommand(), a.explainCommand(), a.diagnoseCommand(), a.fixCommand(), a.renderCommand(), a.diffCommand(), a.historyCommand(), a.consoleDecodeCommand(), a.manCommand(), a.versionCommand())
	return root
}

// noArgs refuses a word that is not a verb, with the nearest verb.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var verbs []string
	for _, c := range cmd.Root().Commands() {
		verbs = append(verbs, c.Name())
	}
	if cmd.HasParent() {
		return usagef("%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return usagef("unknown verb %q%s", args[0], didYouMean(nearest(args[0], verbs)))
}

func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("%s wants one %s, got %d arguments", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}
