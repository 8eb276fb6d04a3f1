package report

import "time"

// wrongBy is how far the instance's clock may be off before At corrects it:
// below that the comparison itself is no better.
const wrongBy = 2 * time.Second

// At is the start of the run as the world's clocks had it: what the instance's
// clock said, less its offset where the run found it wrong.
func (r *Report) At() time.Time {
	t := r.Context.Time
	if r.Facts == nil || t.IsZero() {
		return t
	}
	if o, ok := r.Facts.ClockOffset(); ok && o.By.Abs() > wrongBy {
		t = t.Add(-o.By)
	}
	return t.UTC()
}
