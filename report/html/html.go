package html

import (
	"io"

	"vpcdoctor/report"
)

// Write renders the report. The only errors are those of w.
func Write(w io.Writer, r *report.Report) error {
	p := &page{}
	p.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
	p.open(`meta http-equiv="Content-Security-Policy"`, attr{"content", policy()})
	p.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n" +
		"<meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n")
	label, _ := verdictLabel(r.Verdict)
	p.el("title", label+" - "+known(r.Context.InstanceID, "instance unknown")+" - vpcdoctor")
	p.raw("<style>")
	p.raw(style)
	p.raw("</style>\n</head>\n<body>\n")
	head(p, r)
	p.raw("<main>\n")
	picture(p, r)
	first(p, r)
	changed(p, r.Changes)
	cards(p, r)
	further(p, r)
	effects(p, r.Verdict.Effects)
	endpoints(p, r)
	items(p, r.Verdict.Checks)
	innocent(p, r.Verdict.Innocent)
	notChecked(p, r.Verdict.NotChecked)
	thisRun(p, r)
	p.raw("</main>\n<script>")
	p.raw(script)
	p.raw("</script>\n</body>\n</html>\n")
	_, err := io.WriteString(w, p.b.String())
	return err
}
