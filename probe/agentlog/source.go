package agentlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

const (
	// lineLimit is the longest line that is looked at; the agent's own stay
	// below 2 kB, an answer of a server that it quotes may be anything.
	lineLimit = 16 << 10
	// checkEvery is how many lines are read between two looks at the budget.
	checkEvery = 1024
)

// file reads the last limit bytes of a log.
func (r *reader) file(name string, limit int64) fact.LogFile {
	f := fact.LogFile{Path: name}
	in, err := r.root.Open(name)
	if err != nil {
		f.Outcome = r.ended(err)
		return f
	}
	defer in.Close()
	cut := false
	if s, ok := in.(io.Seeker); ok {
		f.Bytes, err = s.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = s.Seek(max(f.Bytes-limit, 0), io.SeekStart)
		}
		if err != nil {
			f.Outcome = r.ended(err)
			return f
		}
		cut = f.Bytes > limit
	}
	// What is written while we read is left for the next run: a log that grows
	// faster than it is read must not hold us.
	f.Outcome = r.ended(r.lines(io.LimitReader(in, min(limit, f.Bytes)), cut, &f, agentLine))
	return f
}

// journalLines is how much of the journal is asked for: about a day of a healthy
// agent, some 600 kB. Should that be more than one command may say, the last
// lines would be missing, and fewer are asked for.
var journalLines = []string{"3000", "300"}

// journal reads the agent's units in the journal.
func (r *reader) journal() fact.LogFile {
	f := fact.LogFile{Path: journal}
	var out []byte
	var err error
	for _, n := range journalLines {
		out, err = r.Command(r.ctx, "journalctl", "-u", "amazon-ssm-agent",
			"-u", "snap.amazon-ssm-agent.amazon-ssm-agent", "-o", "short-unix", "-n", n, "--no-pager", "-q")
		if err == nil || len(out) == 0 {
			break
		}
	}
	f.Bytes = int64(len(out))
	switch {
	case err != nil:
		f.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.OtherFailure, Detail: detail(err)}
		return f
	case len(out) == 0:
		f.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.NotFound, Detail: "the journal has nothing of the agent"}
		return f
	}
	r.all.enter(journal, time.Time{})
	f.Outcome = r.ended(r.lines(bytes.NewReader(out), false, &f, journalLine))
	return f
}

// split takes one line apart. ok says that it starts a message; a line that
// does not is the continuation of the one before.
type split func(z *clockZone, line []byte) (l line, ok bool)

// lines passes a source line by line to the collection. The first line after
// a cut is the rest of one and is left out.
func (r *reader) lines(in io.Reader, cut bool, f *fact.LogFile, form split) error {
	counted := &counter{r: in}
	b := bufio.NewReaderSize(counted, lineLimit)
	defer func() { f.Read = counted.n }()
	r.zone.restart()
	for n := 0; ; n++ {
		if n%checkEvery == 0 && r.ctx.Err() != nil {
			return fmt.Errorf("reading %s: %w", f.Path, r.ctx.Err())
		}
		text, err := b.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if long {
			// The beginning of a long line is still a message; its rest is not.
			text = bytes.Clone(text)
			err = skipLine(b)
		}
		if len(text) > 0 && !(cut && n == 0) {
			r.line(text, long, f, form)
		}
		switch {
		case errors.Is(err, io.EOF):
			r.all.flush()
			return nil
		case err != nil:
			r.all.flush()
			return fmt.Errorf("reading %s: %w", f.Path, err)
		}
	}
}

func (r *reader) line(text []byte, long bool, f *fact.LogFile, form split) {
	text = bytes.TrimRight(text, "\r\n")
	f.Lines++
	l, ok := form(r.zone, text)
	switch {
	case long || binary(text):
		f.Odd++
	case !ok && len(text) > 0 && !r.all.open:
		f.Odd++ // a continuation of nothing
	}
	if !ok {
		r.all.more(l.message)
		return
	}
	if f.From.IsZero() {
		f.From = l.time
	}
	f.Until = l.time
	r.all.begin(l)
}

// binary tells a line that no logger writes: control characters other than a
// tab.
func binary(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// skipLine passes over the rest of a line.
func skipLine(b *bufio.Reader) error {
	for {
		_, err := b.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// location is the zone of the agent's times: the system's own, not that of
// our environment.
func (r *reader) location() *time.Location {
	if r.Zone != nil {
		return r.Zone
	}
	b, err := r.root.Read("/etc/localtime", 64<<10)
	if err == nil {
		if loc, err := time.LoadLocationFromTZData("localtime", b); err == nil {
			return loc
		}
	}
	return time.Local
}

// suffixNumber is the N of "name.N".
func suffixNumber(s, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) > 6 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

// detail is an error of ours in words.
func detail(err error) string {
	if errors.Is(err, sysfile.ErrNotRegular) {
		return "not a regular file"
	}
	return classify.Clean(err.Error(), 128)
}
