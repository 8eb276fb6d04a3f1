package remedy

import (
	"strings"

	"vpcdoctor/report/diagnose"
)

// statements are the policy statements that the causes lack, and for those of
// an endpoint the question that finds the refusal in CloudTrail.
func statements(v diagnose.Verdict) []Template {
	var out []Template
	for _, f := range v.Counting() {
		if f.Action.Statement != "" {
			notes := []string{"Add it to the policy that the fix names, beside the statements that are there."}
			if strings.Contains(f.Action.Statement, "\"Principal\"") {
				notes = append(notes, "Who else is affected: such a policy holds for every caller. As an endpoint's policy it replaces full access for the whole VPC, so never put this statement there alone.")
			}
			out = append(out, Template{
				Title: "Policy statement for " + string(f.Code), Format: Policy, File: "vpcdoctor-" + string(f.Code) + ".json",
				Body: f.Action.Statement + "\n", Notes: notes,
			})
		}
		if f.Action.Query != "" {
			out = append(out, Template{
				Title: "The same refusal in CloudTrail", Format: SQL, File: "vpcdoctor-" + string(f.Code) + ".sql", Body: f.Action.Query + "\n",
				Notes: []string{"For Athena or an event data store of the account that owns the endpoint. Network activity events are logged only where they were turned on for this service."},
			})
		}
	}
	return out
}
