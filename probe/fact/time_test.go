package fact

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestClockOffset(t *testing.T) {
	sntp := func(ms int) TimeSample {
		return TimeSample{Outcome: Outcome{Status: OK}, Source: TimeSNTP, Server: netip.MustParseAddrPort("169.254.169.123:123"), Offset: Duration(time.Duration(ms) * time.Millisecond)}
	}
	imds := func(ms int) TimeSample { x := sntp(ms); x.Source = TimeIMDSDate; return x }
	dates := func(ms ...int) (out []Request) {
		for i, m := range ms {
			out = append(out, Request{Outcome: Outcome{Status: OK}, Host: fmt.Sprint("h", i), HasOffset: true, Offset: Duration(time.Duration(m) * time.Millisecond)})
		}
		return out
	}
	unsynced, failed := sntp(400_000), sntp(400_000)
	unsynced.Unsync = true
	failed.Status = Failed
	synced := Clock{Outcome: Outcome{Status: OK}, MaxError: Duration(20 * time.Millisecond)}
	adrift := synced
	adrift.Unsynchronised = true
	doubtful := synced
	doubtful.MaxError = Duration(16 * time.Second)

	tests := []struct {
		name     string
		times    []TimeSample
		requests []Request
		clock    Clock
		want     string // offset, sources, agreeing/against
	}{
		{"nothing", nil, nil, Clock{}, "?"},
		{"belief alone", nil, nil, synced, "?"},
		{"healthy", []TimeSample{sntp(3)}, dates(600, -200), synced, "3ms adjtimex,date,sntp 4/0"},
		{"all shifted", []TimeSample{sntp(-400_000)}, dates(-399_400), adrift, "-6m40s date,sntp 2/0"},
		{"the kernel believes wrongly", []TimeSample{sntp(-400_000)}, dates(-399_400), synced, "-6m40s date,sntp 2/1"},
		{"the time service alone", []TimeSample{sntp(40_000)}, nil, doubtful, "40s sntp 1/0"},
		{"the time service against belief", []TimeSample{sntp(40_000)}, nil, synced, "40s sntp 1/1"},
		{"a lying proxy on every answer", []TimeSample{sntp(5), imds(300)}, dates(900_000, 900_100, 900_200, 900_300), adrift, "5ms imds_date,sntp 2/4"},
		{"one front end off", nil, dates(0, 100, 50_000), Clock{}, "100ms date 2/1"},
		{"two that disagree", nil, dates(0, 50_000), Clock{}, "?"},
		{"time service against Date", []TimeSample{sntp(5)}, dates(50_000), Clock{}, "5ms sntp 1/1"},
		{"Date and belief against the time service", []TimeSample{sntp(70_000)}, dates(300), synced, "300ms adjtimex,date 2/1"},
		{"edge of agreement", nil, dates(0, 2000), Clock{}, "2s date 2/0"},
		{"what failed has no voice", []TimeSample{unsynced, failed}, dates(100), Clock{}, "100ms date 1/0"},
		{"three chained", nil, dates(0, 1500, 3000), Clock{}, "1.5s date 2/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Set{Times: tt.times, Requests: tt.requests, Host: Host{Clock: tt.clock}}
			o, ok := s.ClockOffset()
			got := "?"
			if ok {
				got = fmt.Sprintf("%v %s %d/%d", o.By, strings.Join(o.Sources, ","), o.Agreeing, o.Against)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if ok && len(o.Keys) == 0 {
				t.Error("no evidence")
			}
		})
	}
}
