package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/text"
)

// explainCommand prints what is known of one finding, offline.
func (a *app) explainCommand() *cobra.Command {
	var list, all bool
	var output string
	cmd := &cobra.Command{
		Use:   "explain CODE",
		Short: "Explain a finding: symptom, proof, fix, false positives",
		Args: func(cmd *cobra.Command, args []string) error {
			if list || all {
				if len(args) > 0 {
					return usagef("--list and --all take no code")
				}
				return nil
			}
			return exactlyOne("code")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			if list || all {
				return a.explainAll(output, all)
			}
			d, ok := diagnose.Explain(diagnose.Code(args[0]))
			if !ok {
				return unknownCode(args[0])
			}
			if output == "json" {
				return a.writeJSON(d)
			}
			return a.explainPage(d)
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "all codes, one a line")
	cmd.Flags().BoolVar(&all, "all", false, "the pages of all codes")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text|json`")
	return cmd
}

// explainAll prints every code: one a line, or its page.
func (a *app) explainAll(output string, pages bool) error {
	codes := diagnose.Codes()
	if output == "json" {
		return a.writeJSON(codes)
	}
	if !pages {
		return text.Codes(a.stdout, codes, text.Options{Width: textWidth})
	}
	for i, d := range codes {
		if i > 0 {
			if _, err := fmt.Fprintln(a.stdout); err != nil {
				return err
			}
		}
		if err := a.explainPage(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) explainPage(d diagnose.Doc) error {
	return text.Explain(a.stdout, d, text.Options{Width: textWidth, Color: a.color(a.stdoutTTY, false)})
}

// writeJSON prints a value as indented JSON.
func (a *app) writeJSON(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, string(b))
	return err
}
