package events

import (
	"strconv"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/report"
	"vpcdoctor/report/diagnose"
)

// InventoryType is the type of our entries in the inventory and compliance of
// Systems Manager. A type of one's own begins with "Custom:" and has at most 100
// characters (Systems Manager API Reference, InventoryItem, read 2026-11).
const InventoryType = "Custom:VpcDoctor"

// Inventory is a run as the one entry of that type: attributes of at most 64
// characters with values of at most 2,048, of 4,096 that are allowed. All
// attributes are always there, so that a query over the fleet finds columns.
func Inventory(r *report.Report, o Options) map[string]string {
	o.Metrics = false
	w := writer{r: r, o: o, common: commonOf(r, o)}
	e := w.summary()
	ms := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'f', -1, 64)
	}
	var failed []string
	for _, x := range r.Verdict.Rows {
		if x.Required() && x.Status == diagnose.Fail {
			failed = append(failed, x.ID)
		}
	}
	return map[string]string{
		"RunId": e.RunID, "Time": e.Time, "Version": e.Version,
		"Status": e.Status, "Code": e.Code, "Severity": e.Severity, "Confidence": e.Confidence,
		"Headline": e.Headline, "Action": e.Action, "Codes": e.Codes,
		"Errors": strconv.Itoa(e.Errors), "Warnings": strconv.Itoa(e.Warnings), "NotChecked": strconv.Itoa(e.NotChecked),
		"FailedServices": classify.Clean(strings.Join(failed, ","), maxText),
		"VpcId":          e.VPCID, "SubnetId": e.SubnetID, "AvailabilityZone": e.AZ,
		"RunMs": ms(e.RunMS), "ClockOffsetMs": ms(e.ClockOffsetMS),
	}
}
