package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
)

// Paths are tried when none is named: the kernel's own choice, the serial port
// of Nitro and Xen instances, the paravirtual one.
func Paths() []string { return []string{"/dev/console", "/dev/ttyS0", "/dev/hvc0"} }

// Options of the sink.
type Options struct {
	Path string // where to write; empty: the first of Tried that works
	Full bool   // no name is made up

	// Tried instead of Paths, for tests. Only terminals are written to there.
	Tried []string
}

// New returns the sink "console". It keeps nothing for later: what was true an
// hour ago only pushes newer lines out of the 64 kB.
func New(o Options) deliver.Sink {
	if len(o.Tried) == 0 {
		o.Tried = Paths()
	}
	return sink{o}
}

type sink struct{ o Options }

func (sink) Name() string { return "console" }

func (sink) Keeps() bool { return false }

// longest is how long a console is waited for when nobody says less. 8,000
// bytes take 0.7 s at 115,200 baud and 8.3 s at 9,600.
const longest = 10 * time.Second

func (s sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	return deliver.Latest(parcels, settle, func(_ deliver.Parcel, r *report.Report) (string, error) {
		lines, err := Lines(r, s.o.Full)
		if err != nil {
			return "", err
		}
		where, err := s.write(ctx, lines)
		if err != nil {
			return where, err
		}
		return where + "; read it with: " + strings.ReplaceAll(ReadCommand(r.Context), "\\\n  ", ""), nil
	})
}

// write takes the first path that takes the first line.
func (s sink) write(ctx context.Context, lines []string) (string, error) {
	if s.o.Path != "" {
		_, err := writeTo(ctx, s.o.Path, false, lines)
		return s.o.Path, err
	}
	var failed []string
	for _, path := range s.o.Tried {
		n, err := writeTo(ctx, path, true, lines)
		if err == nil || n > 0 {
			return path, err
		}
		failed = append(failed, err.Error())
	}
	return "", fmt.Errorf("no console takes a line: %s; --console PATH names another", strings.Join(slices.Compact(failed), "; "))
}
