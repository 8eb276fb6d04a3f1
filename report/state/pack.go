package state

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"vpcdoctor/report"
)

// pack writes a report of maxPlain bytes at most. The head of the file carries
// the run id and its time, so that a list of parcels unpacks nothing; the
// checksum at its end tells a damaged one.
func pack(w io.Writer, plain []byte, runID string, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	z.Name, z.Comment = runID, at.UTC().Format(time.RFC3339Nano)
	if _, err := z.Write(plain); err != nil {
		return err
	}
	return z.Close()
}

var errDamaged = errors.New("damaged")

// head reads whose report a packed file says to hold, and of when.
func head(z *gzip.Reader, r io.Reader, runID string) (time.Time, error) {
	if err := z.Reset(r); err != nil || z.Name != runID {
		return time.Time{}, errDamaged
	}
	at, err := time.Parse(time.RFC3339Nano, z.Comment)
	if err != nil {
		return time.Time{}, errDamaged
	}
	return at, nil
}

// Unpack reads a packed report, of which it takes 16 MB at most.
func Unpack(r io.Reader) (*report.Report, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, errDamaged
	}
	limited := &io.LimitedReader{R: z, N: maxPlain + 1}
	rep, err := report.Read(limited)
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("larger than %d MB", maxPlain>>20)
	case err != nil:
		return nil, err
	}
	return rep, nil
}
