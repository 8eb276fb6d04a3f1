package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/remedy"
	"vpcdoctor/report/text"
)

// fixFormats are the words of --format and the formats they stand for.
var fixFormats = map[string]string{
	"text": "", "cli": remedy.CLI, "cloudformation": remedy.CloudFormation, "terraform": remedy.Terraform,
}

// fixCommand prints how to repair what a report or recorded facts show. It
// judges the facts anew and changes nothing.
func (a *app) fixCommand() *cobra.Command {
	var format, code string
	cmd := &cobra.Command{
		Use:   "fix FILE",
		Short: "Print the repair of what a report shows, without doing it",
		Long: `fix reads a JSON report, a facts file or a state directory and prints how to
repair what it shows: cards with impact, console steps, commands and the way
back, or one document for all of it (AWS CLI, CloudFormation, Terraform) with
the Region, VPC, subnets, security groups and service names of the instance.
It executes nothing and sends nothing.

Exit codes: 0 printed, 1 nothing in the file has a repair in this format.`,
		Args: exactlyOne("file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.fix(args[0], format, code) },
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "`text|cli|cloudformation|terraform`")
	f.StringVar(&code, "code", "", "this finding `CODE` only, information and alternatives included")
	return cmd
}

func (a *app) fix(path, format, code string) error {
	form, ok := fixFormats[format]
	if !ok {
		return usagef("--format %q: want one of text, cli, cloudformation, terraform", format)
	}
	only := diagnose.Code("")
	if code != "" {
		d, known := diagnose.Explain(diagnose.Code(code))
		if !known {
			return unknownCode(code)
		}
		only = d.Code
	}
	stored, err := readReport(path)
	if err != nil {
		return err
	}
	cards := remedy.Cards(stored.Facts, diagnose.Run(stored.Facts, diagnose.Options{}), only)
	if form == "" && len(cards) > 0 {
		return text.Cards(a.stdout, cards, text.Options{Width: textWidth, Color: a.color(a.stdoutTTY, false)})
	}
	if doc := remedy.Document(cards, form); doc != "" {
		_, err := fmt.Fprint(a.stdout, doc)
		return err
	}
	a.code = 1
	switch {
	case len(cards) > 0:
		a.complain(fmt.Errorf("no cause in %s has a repair as %s; --format text has the cards", path, format))
	case only != "":
		a.complain(fmt.Errorf("%s does not show %s", path, only))
	default:
		a.complain(fmt.Errorf("%s shows nothing to repair", path))
	}
	return nil
}
