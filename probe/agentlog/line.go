package agentlog

import (
	"bytes"
	"strconv"
	"time"
)

// line is one line, taken apart. Without a time it continues the message of the
// line before.
type line struct {
	time    time.Time // UTC
	level   string
	message []byte // or the continuation; valid until the next line
}

// levels of the agent's logger.
var levels = []string{"INFO", "ERROR", "WARN", "DEBUG", "CRITICAL", "TRACE"}

// agentLine takes "2006-01-02 15:04:05[.0000] LEVEL message" apart: the form
// of the agent's log files since 2016, with fractions since 3.3.808.0.
func agentLine(z *clockZone, text []byte) (line, bool) {
	wall, rest, ok := wallClock(text)
	if !ok {
		return line{message: text}, false
	}
	level, message, ok := cutLevel(rest)
	if !ok {
		return line{message: text}, false
	}
	return line{time: z.utc(wall), level: level, message: message}, true
}

// journalLine takes "1700000000.123456 host unit[1]: " off and reads the
// agent's own line behind it. The journal's time wins: it needs no zone.
func journalLine(z *clockZone, text []byte) (line, bool) {
	stamp, rest, ok := bytes.Cut(text, []byte(" "))
	if !ok || len(stamp) > 20 {
		return line{}, false
	}
	seconds, err := strconv.ParseFloat(string(stamp), 64)
	if err != nil || !(seconds > 0 && seconds < 1e11) {
		return line{}, false
	}
	_, rest, _ = bytes.Cut(rest, []byte(" ")) // the host
	program, rest, ok := bytes.Cut(rest, []byte("]: "))
	if !ok || !bytes.HasPrefix(program, []byte("amazon-ssm-agen")) && !bytes.HasPrefix(program, []byte("ssm-agent-worke")) {
		return line{}, false // the service manager's
	}
	l, ok := agentLine(z, rest)
	if ok {
		l.time = time.UnixMicro(int64(seconds * 1e6)).UTC()
	}
	return l, ok
}

// cutLevel takes the level off.
func cutLevel(text []byte) (level string, rest []byte, ok bool) {
	for _, l := range levels {
		if len(text) > len(l) && text[len(l)] == ' ' && string(text[:len(l)]) == l {
			return l, text[len(l)+1:], true
		}
	}
	return "", nil, false
}

// wallTime is a time without a zone: seconds since 1970-01-01 as if it were
// UTC, and nanoseconds.
type wallTime struct {
	seconds int64
	nanos   int32
}

const dateForm = "2006-01-02 15:04:05"

// wallClock reads the time at the start of a line. By hand: this is done for
// each of some 40,000 lines, and time.Parse takes ten times as long.
func wallClock(text []byte) (w wallTime, rest []byte, ok bool) {
	if len(text) < len(dateForm)+1 {
		return w, nil, false
	}
	for i := range len(dateForm) {
		switch c := dateForm[i]; c {
		case '-', ' ', ':':
			if text[i] != c {
				return w, nil, false
			}
		default:
			if text[i] < '0' || text[i] > '9' {
				return w, nil, false
			}
		}
	}
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if year < 2000 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return w, nil, false
	}
	w.seconds = days(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	rest = text[len(dateForm):]
	if rest[0] == '.' {
		rest = rest[1:]
		for unit := int32(1e8); len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest, unit = rest[1:], unit/10 {
			w.nanos += int32(rest[0]-'0') * unit
		}
	}
	if len(rest) == 0 || rest[0] != ' ' {
		return w, nil, false
	}
	return w, rest[1:], true
}

// days counts from 1970-01-01 to a date of the Gregorian calendar, in years
// that begin in March so that the leap day is the last one.
func days(year, month, day int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468)
}
