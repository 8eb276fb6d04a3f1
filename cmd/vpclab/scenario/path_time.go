package scenario

import (
	"time"

	"vpcdoctor/cmd/vpclab/world"
)

// clocks are worlds whose time is not the instance's, or that lie about it.
func clocks() []Scenario {
	const day = 24 * time.Hour
	expired := func(w *world.World, s *Seed) { w.VPC.Endpoint(Pick(s, required)).Server.CertExpired = true }
	shift := func(d time.Duration) func(*world.World, *Seed) {
		return func(w *world.World, _ *Seed) { w.Clock = d }
	}
	noTime := func(w *world.World, _ *Seed) { w.NoTime = true }
	return []Scenario{{
		Name: "time-silent", Kind: Healthy, Want: noFault.never("IA-16", "TL-03"), NearOf: "clock-skew-alone",
		Story:  "the Amazon Time Sync Service is silent, and the clock is right",
		Change: noTime,
	}, {
		Name: "clock-skew-alone", Kind: Fault, Want: broken("IA-16"), NearOf: "clock-skew",
		Story:  "the clock is eleven minutes behind, and the Amazon Time Sync Service is silent",
		Change: both(shift(11*time.Minute), noTime),
	}, {
		Name: "date-lies", Kind: Healthy, Want: noFault.never("TL-03"), NearOf: "clock-skew",
		Story:  "a device on the path puts a Date that is eleven minutes late on every answer; the time service agrees with our clock",
		Change: func(w *world.World, _ *Seed) { w.DateLie = -11 * time.Minute },
	}, {
		Name: "clock-ahead", Kind: Fault, Want: broken("TL-03"), NearOf: "certificate-expired",
		Story:  "the instance's clock is eleven months ahead: every certificate has expired",
		Change: shift(-330 * day),
	}, {
		Name: "clock-behind", Kind: Fault, Want: broken("TL-03"), NearOf: "certificate-early",
		Story:  "the instance's clock is four months behind: no certificate is valid yet",
		Change: shift(120 * day),
	}, {
		Name: "clock-within-validity", Kind: Fault, Want: broken("IA-16"), NearOf: "clock-behind",
		Story:  "the instance's clock is one month behind: certificates are valid, signatures are not",
		Change: shift(30 * day),
	}, {
		Name: "certificate-early", Kind: Fault, Want: broken("TL-13"), NearOf: "certificate-expired",
		Story: "a required endpoint presents a certificate that is not valid yet",
		Change: func(w *world.World, s *Seed) {
			w.VPC.Endpoint(Pick(s, required)).Server.CertFuture = true
		},
	}, {
		Name: "certificate-expired-alone", Kind: Fault, Want: broken("TL-13"), NearOf: "clock-ahead",
		Story:  "a required endpoint presents an expired certificate, and the Amazon Time Sync Service is silent",
		Change: both(expired, noTime),
	}}
}
