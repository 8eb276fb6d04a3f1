package diagnose

import (
	_ "embed"
	"strings"
	"sync"

	"vpcdoctor/probe/packed"
)

// pagesText is pages.txt, which people edit, compressed to a third for the
// binary; a test holds the two together and writes it anew with -update. A
// block is a code and its texts, a line each: "Symptom: ", "Proof: ", "Fix: ",
// "False positives: "; or "Symptom: ", "Call: ", "Fix: " for a cause of which
// nothing shows on the instance.
//
//go:embed pages.txt.gz
var pagesText string

// pages are the blocks by code. Only `vpcdoctor explain` and a finding without
// an action of its own need them.
var pages = sync.OnceValue(func() map[Code]string {
	text := packed.MustText("pages.txt.gz", pagesText)
	out := make(map[Code]string, len(docs))
	for _, block := range strings.Split(text, "\n\n") {
		code, texts, _ := strings.Cut(block, "\n")
		out[Code(code)] = texts
	}
	return out
})

// withTexts is a Doc with its texts.
func withTexts(d Doc) Doc {
	for _, line := range strings.Split(pages()[d.Code], "\n") {
		name, text, _ := strings.Cut(line, ": ")
		switch name {
		case "Symptom":
			d.Symptom = text
		case "Proof":
			d.Proof = text
		case "Call":
			d.Call = text
		case "Fix":
			d.Fix = text
		case "False positives":
			d.FalsePositives = text
		}
	}
	if d.Visible = d.Call == ""; !d.Visible {
		d.Proof = "Nothing on the instance shows it. The call that decides: " + d.Call + "."
		d.FalsePositives = "None: no run of vpcdoctor prints it."
	}
	return d
}

// fixOf is what the page of a code says to do.
func fixOf(code Code) string { return withTexts(Doc{Code: code}).Fix }
