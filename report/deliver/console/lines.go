package console

import (
	"cmp"
	"fmt"
	"strings"

	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/frames"
	"vpcdoctor/report/redact"
	"vpcdoctor/report/summary"
	"vpcdoctor/report/text"
)

// Bounds of what is written.
const (
	MaxBytes = 8000 // in all, newlines included
	forHuman = 2000 // of it at most for people
	width    = 80
	lead     = "vpcdoctor: "
)

// Lines is what goes to the console, without newlines. Unless full is set,
// names are made up, and the verdict is made again from the facts without them.
func Lines(r *report.Report, full bool) ([]string, error) {
	if !full {
		s, err := redact.Names(r.Facts)
		if err != nil {
			return nil, err
		}
		var ignore []diagnose.Code
		for _, c := range s.Run.Ignored {
			ignore = append(ignore, diagnose.Code(c))
		}
		r = report.New(s, diagnose.Run(s, diagnose.Options{Ignore: ignore}), r.Tool)
	}
	_, doc := summary.New(r, !full).Fit(frames.Fits)
	framed, err := frames.Encode(frames.Key(r.Context.RunID), doc)
	if err != nil {
		return nil, err
	}
	how := []string{"The lines VPCD1 hold a summary. To read it, on any machine:"}
	for _, l := range strings.Split(ReadCommand(r.Context), "\n") {
		how = append(how, "  "+l)
	}
	room := forHuman
	for _, l := range how {
		room -= len(lead) + len(l) + 1
	}
	var out []string
	for _, l := range append(text.Brief(r, width-len(lead), room, len(lead)), how...) {
		out = append(out, lead+l)
	}
	return append(out, framed...), nil
}

// ReadCommand is what an operator runs to read the console of an instance and
// the summary in it: one command on three lines, ready to paste. The Region
// tells the CLI the partition. --latest is for Nitro instances; others show what
// they wrote up to some time ago.
func ReadCommand(c report.Context) string {
	return fmt.Sprintf("aws ec2 get-console-output --latest --output text \\\n  --region %s --instance-id %s \\\n  | vpcdoctor console-decode -",
		cmp.Or(token(c.Region), "REGION"), cmp.Or(token(c.InstanceID), "INSTANCE_ID"))
}

// token is s when it can stand in a command, else empty.
func token(s string) string {
	if len(s) > 32 || strings.HasPrefix(s, "-") || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	return s
}
