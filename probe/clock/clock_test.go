package clock

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/pace"
	"vpcdoctor/probe/probetest"
)

// patient is not meant to run out, however busy the machine is; short is.
const (
	patient = 20 * time.Second
	short   = 80 * time.Millisecond
)

func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		name    string
		s       *probetest.SNTP
		timeout time.Duration
		class   fact.Class
		kiss    string
		unsync  bool
	}{
		{"in step", &probetest.SNTP{}, patient, "", "", false},
		{"we are slow", &probetest.SNTP{Offset: 7 * time.Minute}, patient, "", "", false},
		{"we are fast", &probetest.SNTP{Offset: -400 * time.Second, Stratum: 1}, patient, "", "", false},
		{"next era", &probetest.SNTP{Offset: 12 * 365 * 24 * time.Hour}, patient, "", "", false},
		{"spoofed first", &probetest.SNTP{Mode: probetest.SNTPSpoofed, Offset: time.Hour}, patient, "", "", false},
		{"silent", &probetest.SNTP{Mode: probetest.SNTPSilent}, short, fact.Timeout, "", false},
		{"unsynchronised", &probetest.SNTP{Mode: probetest.SNTPUnsynced}, patient, fact.OtherFailure, "", true},
		{"kiss-o'-death", &probetest.SNTP{Mode: probetest.SNTPKiss}, patient, fact.OtherFailure, "RATE", false},
		{"garbage", &probetest.SNTP{Mode: probetest.SNTPGarbage}, time.Second, fact.Malformed, "", false},
		{"cut", &probetest.SNTP{Mode: probetest.SNTPShort}, time.Second, fact.Malformed, "", false},
		{"wrong number", &probetest.SNTP{Mode: probetest.SNTPOrigin}, time.Second, fact.Malformed, "", false},
		{"no time", &probetest.SNTP{Mode: probetest.SNTPZero}, patient, fact.Malformed, "", false},
		{"backward", &probetest.SNTP{Mode: probetest.SNTPBackward}, patient, fact.Malformed, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &Client{Timeout: tt.timeout}
			server := probetest.ListenSNTP(t, tt.s)
			got := c.Ask(t.Context(), server)
			if got.Class != tt.class || got.Kiss != tt.kiss || got.Unsync != tt.unsync || got.CutByBudget {
				t.Fatalf("%+v", got)
			}
			if got.Source != fact.TimeSNTP || got.Server != server || got.Start.IsZero() || tt.s.Asked() != 1 {
				t.Errorf("%+v, asked %d times", got, tt.s.Asked())
			}
			if tt.class != "" {
				if got.Status != fact.Failed || got.Offset != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			// Loopback takes well below a second even on a busy machine, and half
			// of the round trip bounds the error.
			if off := got.Offset.Std() + tt.s.Offset; off.Abs() > got.RTT.Std()/2+10*time.Millisecond {
				t.Errorf("offset %v, want %v within half of %v", got.Offset.Std(), -tt.s.Offset, got.RTT.Std())
			}
		})
	}
}

func TestAskBounds(t *testing.T) {
	closed, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	closed.Close()
	silent := probetest.ListenSNTP(t, &probetest.SNTP{Mode: probetest.SNTPSilent})

	if got := (&Client{Timeout: patient}).Ask(t.Context(), nobody); got.Class != fact.Refused {
		t.Errorf("nobody listens: %+v", got)
	}
	if got := (&Client{}).Ask(t.Context(), netip.AddrPort{}); got.Status != fact.NotRun {
		t.Errorf("no server: %+v", got)
	}
	over, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	if got := (&Client{Timeout: patient}).Ask(over, silent); got.Class != fact.Timeout || !got.CutByBudget {
		t.Errorf("budget: %+v", got)
	}
	<-over.Done()
	if got := (&Client{}).Ask(over, silent); got.Status != fact.NotRun || got.Skipped != "budget" {
		t.Errorf("after the budget: %+v", got)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if got := (&Client{}).Ask(gone, silent); got.Status != fact.NotRun || got.Skipped != "interrupted" {
		t.Errorf("cancelled: %+v", got)
	}
	full := pace.New(1)
	if err := full.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	tight, end := context.WithTimeout(t.Context(), short)
	defer end()
	if got := (&Client{Pace: full}).Ask(tight, silent); got.Status != fact.NotRun {
		t.Errorf("it does not keep to the pace: %+v", got)
	}
}

func TestServers(t *testing.T) {
	if got := Servers(true); len(got) != 2 || got[0].String() != "169.254.169.123:123" || got[1].String() != "[fd00:ec2::123]:123" {
		t.Error(got)
	}
	if got := Servers(false); len(got) != 1 {
		t.Error(got)
	}
}

func TestWallTime(t *testing.T) {
	for _, want := range []time.Time{
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 22, 1, 2, 3, 500_000_000, time.UTC),
		time.Date(2036, 2, 7, 6, 28, 15, 0, time.UTC), time.Date(2036, 2, 7, 6, 28, 17, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got := wallTime(probetest.NTPTime(want)); !got.Equal(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestRequestTellsNothing(t *testing.T) {
	b := request(0x0102030405060708)
	if len(b) != size || b[0] != 0x23 || binary.BigEndian.Uint64(b[atTransmit:]) != 0x0102030405060708 {
		t.Errorf("% x", b)
	}
	for i, c := range b[1:atTransmit] {
		if c != 0 {
			t.Errorf("byte %d is %d", i+1, c)
		}
	}
	if a, c := (&Client{}).newExchange(t.Context()).cookie, (&Client{}).newExchange(t.Context()).cookie; a == c {
		t.Error("the same number twice")
	}
}

func FuzzReply(f *testing.F) {
	s := &probetest.SNTP{}
	for _, m := range []probetest.SNTPMode{probetest.SNTPFine, probetest.SNTPKiss, probetest.SNTPUnsynced, probetest.SNTPZero, probetest.SNTPShort} {
		s.Mode = m
		f.Add(s.Answer(request(7), time.Unix(1_800_000_000, 5))[0], int64(time.Millisecond))
	}
	f.Fuzz(func(t *testing.T, b []byte, elapsed int64) {
		r, ok := parse(b, 7)
		if !ok {
			return
		}
		took := time.Duration(elapsed & (1<<32 - 1)) // the largest that a run allows is 10 s
		sample := fact.TimeSample{Outcome: fact.Outcome{Status: fact.OK}}
		compare(&sample, r, time.Unix(1_800_000_000, 0), took)
		switch {
		case len(sample.Kiss) > 4, sample.RTT < 0 || sample.RTT.Std() > took:
			t.Fatalf("%+v", sample)
		case sample.Status != fact.OK && (sample.Offset != 0 || sample.Class == ""):
			t.Fatalf("%+v", sample)
		case sample.Offset.Std().Abs() > 140*366*24*time.Hour:
			t.Fatalf("offset %v", sample.Offset.Std())
		}
	})
}
