// Package journal writes a report into the systemd journal of its instance, by
// journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL, read 2026-11):
// one entry with fields to filter by,
//
//	journalctl VPCDOCTOR_CODE=SG-02
//	journalctl MESSAGE_ID=4d8f9d187e0c44b39fdfc82d600ac849 -o json
//
// In goes a report, out comes one datagram. The verdict is the message, the
// summary of it the field VPCDOCTOR_SUMMARY, as JSON. Nothing is redacted: the
// journal stays on the instance and is readable by root and the groups adm,
// systemd-journal and wheel.
package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/deliver"
	"vpcdoctor/report/diagnose"
	"vpcdoctor/report/summary"
	"vpcdoctor/report/text"
)

// Socket is where journald listens.
const Socket = "/run/systemd/journal/socket"

// MessageID marks the entries of this package among all others.
const MessageID = "4d8f9d187e0c44b39fdfc82d600ac849"

// Options of the sink.
type Options struct {
	Socket string // empty: Socket
}

// New returns the sink "journal". It keeps nothing for later: the journal is on
// this disk as much as the backlog is.
func New(o Options) deliver.Sink { return sink{cmp.Or(o.Socket, Socket)} }

type sink struct{ socket string }

func (sink) Name() string { return "journal" }

func (sink) Keeps() bool { return false }

// longest is how long a journald that does not read is waited for when nobody
// says less.
const longest = 5 * time.Second

// maxSummary bounds the field VPCDOCTOR_SUMMARY, and with it the datagram: far
// below what a socket takes (net.core.wmem_default, 208 kB), so that no memory
// file has to be passed instead.
const maxSummary = 32 << 10

func (s sink) Deliver(ctx context.Context, parcels []deliver.Parcel, settle deliver.Settle) (string, error) {
	return deliver.Latest(parcels, settle, func(_ deliver.Parcel, r *report.Report) (string, error) {
		return "the journal", s.send(ctx, Entry(r))
	})
}

func (s sink) send(ctx context.Context, entry []byte) error {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no journal here: %s does not exist", s.socket)
	case err != nil:
		return fmt.Errorf("journal: %w", err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	until, _ := ctx.Deadline()
	if err := c.SetWriteDeadline(until); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := c.Write(entry); errors.Is(err, syscall.EMSGSIZE) {
		return fmt.Errorf("journal: an entry of %d bytes is too large for its socket", len(entry))
	} else if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Entry is the datagram for a report.
func Entry(r *report.Report) []byte {
	var e entry
	v, c := r.Verdict, r.Context
	lead, _ := v.Lead()
	var codes []string
	for _, f := range v.Counting() {
		codes = append(codes, string(f.Code))
	}
	_, j := summary.New(r, false).Within(maxSummary)
	e.add("MESSAGE", strings.TrimPrefix(text.Line(r), "vpcdoctor: "))
	e.add("MESSAGE_ID", MessageID)
	e.add("PRIORITY", strconv.Itoa(priority(r)))
	e.add("SYSLOG_IDENTIFIER", "vpcdoctor")
	e.add("VPCDOCTOR_RUN_ID", c.RunID)
	e.add("VPCDOCTOR_STATUS", string(v.Status))
	e.add("VPCDOCTOR_CODE", string(lead.Code))
	e.add("VPCDOCTOR_SEVERITY", string(lead.Severity))
	e.add("VPCDOCTOR_CONFIDENCE", string(lead.Confidence))
	e.add("VPCDOCTOR_CODES", strings.Join(codes[:min(len(codes), maxCodes)], ","))
	e.add("VPCDOCTOR_INSTANCE_ID", c.InstanceID)
	e.add("VPCDOCTOR_REGION", c.Region)
	e.add("VPCDOCTOR_VPC_ID", c.VPCID)
	e.add("VPCDOCTOR_SUBNET_ID", c.SubnetID)
	e.add("VPCDOCTOR_VERSION", r.Tool.Version)
	if c.Interrupted {
		e.add("VPCDOCTOR_INTERRUPTED", "1")
	}
	e.add("VPCDOCTOR_SUMMARY", string(j))
	return e.b.Bytes()
}

// priority is that of syslog: what the instance cannot do is an error, what it
// could not find out is worth a note.
func priority(r *report.Report) int {
	const err, warning, notice, info = 3, 4, 5, 6
	switch {
	case r.Context.Interrupted:
		return notice
	case r.Verdict.Status == diagnose.Broken:
		return err
	case r.Verdict.Status == diagnose.Degraded:
		return warning
	case r.Verdict.Status == diagnose.Healthy:
		return info
	}
	return notice
}

// Bounds of single fields.
const (
	maxField = 1000
	maxCodes = 30
)

// entry collects fields.
type entry struct{ b bytes.Buffer }

// add adds a field, unless it is empty. A value with a newline is written with
// its length in 64 bits, the least significant byte first, and so is a long one.
func (e *entry) add(name, value string) {
	if value == "" {
		return
	}
	if name != "VPCDOCTOR_SUMMARY" && len(value) > maxField {
		value = value[:maxField]
	}
	e.b.WriteString(name)
	if len(value) <= maxField && !strings.Contains(value, "\n") {
		e.b.WriteString("=" + value + "\n")
		return
	}
	e.b.WriteByte('\n')
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(value)))
	e.b.Write(n[:])
	e.b.WriteString(value + "\n")
}
