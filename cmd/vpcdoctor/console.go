package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vpcdoctor/report"
	"vpcdoctor/report/frames"
	"vpcdoctor/report/summary"
	"vpcdoctor/report/text"
)

// consoleDecodeCommand restores what a run has written to the serial console.
func (a *app) consoleDecodeCommand() *cobra.Command {
	var output, run string
	cmd := &cobra.Command{
		Use:   "console-decode FILE",
		Short: "Restore the summary in the output of a serial console",
		Long: `console-decode finds the lines VPCD1 that a run has written to the serial
console of its instance, repairs what others have written into them, and shows
the newest summary. FILE is the output of

  aws ec2 get-console-output --latest --output text --region R --instance-id I

or its JSON; "-" is standard input. --latest wants a Nitro instance.

Exit codes: 0 restored, 1 restored in part (lines are missing), 2 usage, or
nothing in the file can be restored.`,
		Args: exactlyOne("file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			return a.consoleDecode(args[0], output, run)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text|json`")
	cmd.Flags().StringVar(&run, "run", "", "the run with this `ID`, or its last 8 characters, not the newest")
	return cmd
}

func (a *app) consoleDecode(path, output, run string) error {
	b, err := a.readConsole(path)
	if err != nil {
		return err
	}
	found := frames.Decode(consoleText(b))
	r, err := chosen(found, run)
	if err != nil {
		return usagef("%s: %w", path, err)
	}
	if r.Doc == nil {
		return usagef("%s: run %s: of %d lines %s are missing, and nothing can be restored without them; the lines that begin with vpcdoctor: tell the verdict", path, r.Key, r.Lines, numbers(r.Missing))
	}
	d, err := summary.Read(r.Doc)
	if err != nil {
		return usagef("%s: run %s: %w", path, r.Key, err)
	}
	d.Cut = d.Cut || !r.Whole
	a.sayRestored(r, found)
	if d.Cut {
		a.code = report.ExitFinding
	}
	if output == "json" {
		_, err := a.stdout.Write(append(d.JSON(), '\n'))
		return err
	}
	return text.Summary(a.stdout, d, "This is what run "+r.Key+" wrote to the serial console", text.Options{Width: textWidth, Color: a.color(a.stdoutTTY, false)})
}

// sayRestored tells on stderr what the reader of stdout has to know.
func (a *app) sayRestored(r frames.Run, found []frames.Run) {
	if r.Repaired > 0 {
		fmt.Fprintf(a.stderr, "vpcdoctor: %d of %d lines were lost and are restored\n", r.Repaired, r.Lines)
	}
	if !r.Whole {
		why := "its checksum is wrong"
		if len(r.Missing) > 0 {
			why = "lines " + numbers(r.Missing) + " of " + fmt.Sprint(r.Lines) + " are missing"
		}
		fmt.Fprintf(a.stderr, "vpcdoctor: restored in part: %s, and what was behind them is lost\n", why)
	}
	var others []string
	for i := len(found) - 1; i >= 0; i-- {
		if found[i].Key != r.Key && len(others) < 8 {
			others = append(others, found[i].Key)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(a.stderr, "vpcdoctor: other runs in the file (--run ID), newest first: %s\n", strings.Join(others, ", "))
	}
}

// chosen is the newest run, or the one that was asked for.
func chosen(found []frames.Run, id string) (frames.Run, error) {
	if len(found) == 0 {
		return frames.Run{}, errors.New("no line VPCD1 of vpcdoctor is in it; the console keeps 64 kB, and without --latest an older state is shown")
	}
	if id == "" {
		return found[len(found)-1], nil
	}
	var keys []string
	for i := len(found) - 1; i >= 0; i-- {
		if found[i].Key == id || found[i].Key == frames.Key(id) {
			return found[i], nil
		}
		if len(keys) < 8 {
			keys = append(keys, found[i].Key)
		}
	}
	return frames.Run{}, fmt.Errorf("run %q is not in it; these are: %s", id, strings.Join(keys, ", "))
}

// numbers joins line numbers: "3, 5-9".
func numbers(in []int) string {
	var out []string
	for i := 0; i < len(in); {
		j := i
		for j+1 < len(in) && in[j+1] == in[j]+1 {
			j++
		}
		if j > i {
			out = append(out, fmt.Sprintf("%d-%d", in[i], in[j]))
		} else {
			out = append(out, fmt.Sprint(in[i]))
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}

// readConsole reads a file, or standard input for "-", within the bounds of the
// decoder.
func (a *app) readConsole(path string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, cannotRead(path, err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	const most = 2 * frames.MaxInput // base64 and escapes make it larger
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, cannotRead(path, err)
	case len(b) > most:
		return nil, usagef("%s: larger than %d MB; a console keeps 64 kB", path, most>>20)
	}
	return b, nil
}

// consoleText is the output of a console: of the CLI as text or as JSON, or as
// the API gives it, in base64.
func consoleText(b []byte) []byte {
	var answer struct{ Output string }
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '{' && json.Unmarshal(t, &answer) == nil && answer.Output != "" {
		b = []byte(answer.Output)
	}
	if bytes.Contains(b, []byte("VPCD1 ")) {
		return b
	}
	packed := bytes.Join(bytes.Fields(b), nil)
	if plain, err := base64.StdEncoding.AppendDecode(nil, packed); err == nil {
		return plain
	}
	return b
}
