package deliver

import (
	"errors"
	"fmt"

	"vpcdoctor/report"
)

// ParcelOf is the parcel of the run at hand, whose report is in memory.
func ParcelOf(r *report.Report) Parcel {
	return Parcel{RunID: r.Context.RunID, Time: r.At(), Load: func() (*report.Report, error) { return r, nil }}
}

// Read is Load with an error that says which report it is about. Whoever sends a
// backlog carries on with the others.
func (p Parcel) Read() (*report.Report, error) {
	r, err := p.Load()
	if err != nil {
		return nil, fmt.Errorf("report %s cannot be read: %w", p.RunID, err)
	}
	return r, nil
}

// Latest is Deliver for places that hold one report: only the run at hand goes
// there. do takes it there and names the place.
func Latest(parcels []Parcel, settle Settle, do func(Parcel, *report.Report) (where string, err error)) (string, error) {
	if len(parcels) == 0 {
		return "", errors.New("nothing to deliver")
	}
	p := parcels[len(parcels)-1]
	r, err := p.Read()
	if err != nil {
		return "", err
	}
	where, err := do(p, r)
	if err == nil {
		settle(p.RunID, Delivered)
	}
	return where, err
}
