package frames

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
)

// Run is one document, as far as the console has kept it.
type Run struct {
	Key      string
	Doc      []byte // the document; its beginning, closed as JSON, when lines are missing; nil: nothing can be restored
	Whole    bool   // Doc is the document to the last byte: its checksum agrees
	Lines    int    // of the document, those that repair not counted
	Missing  []int  // lines that could not be repaired, from 1
	Repaired int    // lines that were lost or damaged and were restored
}

// Decode finds the documents in what a console has kept, in the order of their
// last lines, and restores them. It looks at the first MaxInput bytes.
func Decode(console []byte) []Run {
	console = console[:min(len(console), MaxInput)]
	f := finder{budget: maxTries, sets: map[setKey]*set{}}
	f.text = clean(console, "")
	f.find()
	if other := clean(console, "$1"); len(other) != len(f.text) {
		f.text = other
		f.find()
	}
	var found []*set
	for _, s := range f.sets {
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b *set) int { return cmp.Compare(a.last, b.last) })
	out := make([]Run, 0, len(found))
	for _, s := range found {
		out = append(out, s.restore())
	}
	return out
}

// Bounds of the decoder. A console has 64 kB; somebody may have joined some.
const (
	MaxInput = 1 << 20
	maxSets  = 1000    // more runs than that no console holds
	maxTries = 2 << 20 // joinings of damaged lines, 0.3 s of them
	maxNoise = 4 << 10 // how much may stand inside a line
	maxCuts  = 24      // newlines in it
)

// setKey tells runs apart. Lines that disagree on how many there are belong to
// different documents.
type setKey struct {
	key   string
	total int
}

// set is what was found of one run.
type set struct {
	setKey
	data   [][]byte // by number, from 0; nil: not seen
	parity [][]byte
	last   int // number of the line of text that its last one begins in
}

type finder struct {
	text   []byte
	at     int // number of the line of text that is looked at
	budget int
	sets   map[setKey]*set
}

// find visits every place where a line begins.
func (f *finder) find() {
	f.at = 0
	for at := 0; ; {
		i := bytes.Index(f.text[at:], []byte(mark))
		if i < 0 {
			return
		}
		f.at += bytes.Count(f.text[at:at+i], []byte{'\n'})
		at += i
		if end := at + Length; end > len(f.text) || !f.take(f.text[at:end]) {
			f.rejoin(at)
		}
		at += len(mark)
	}
}

// rejoin tries a line that something was written into: its beginning stands at
// a place, its end before one of the next newlines.
func (f *finder) rejoin(at int) {
	window := f.text[at:min(len(f.text), at+Length+maxNoise)]
	begin := len(mark)
	for begin < min(Length-1, len(window)) && inLine(window[begin]) {
		begin++
	}
	for stop, cuts := 0, 0; cuts < maxCuts && stop < len(window) && f.budget > 0; cuts++ {
		if i := bytes.IndexByte(window[stop:], '\n'); i < 0 {
			stop = len(window) // the text may end without a newline
		} else {
			stop += i
		}
		if f.join(window[:begin], window[:stop]) {
			return
		}
		stop++
	}
}

// join tries beginnings of a line with the end of a text.
func (f *finder) join(begin, end []byte) bool {
	var buf [Length]byte
	for kept := len(mark); kept <= len(begin); kept++ {
		from := len(end) - (Length - kept)
		if from < kept {
			continue
		}
		f.budget--
		copy(buf[:], begin[:kept])
		copy(buf[kept:], end[from:])
		if f.take(buf[:]) {
			return true
		}
	}
	return false
}

// inLine tells the characters of a line.
func inLine(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=' || c == ' '
}

// take notes a line, when it is one.
func (f *finder) take(l []byte) bool {
	key, number, sum, body := l[len(mark):len(mark)+keyLen], l[15:20], l[21:29], l[head:]
	if l[14] != ' ' || l[20] != ' ' || l[29] != ' ' || number[2] != '/' {
		return false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || crc32.Update(crc32.Update(crc32.ChecksumIEEE(key), crc32.IEEETable, number), crc32.IEEETable, body) != uint32(want) {
		return false
	}
	total, err := strconv.Atoi(string(number[3:]))
	if err != nil || total < 1 || total > MaxLines || !isHex(string(key)) {
		return false
	}
	chunk, err := base64.StdEncoding.AppendDecode(nil, body)
	if err != nil || len(chunk) != payload {
		return false
	}
	s := f.set(setKey{string(key), total})
	if s == nil {
		return false
	}
	list, digits := s.data, number[:2]
	if number[0] == '+' {
		list, digits = s.parity, number[1:2]
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 1 || n > len(list) {
		return false
	}
	list[n-1], s.last = chunk, max(s.last, f.at)
	return true
}

func (f *finder) set(k setKey) *set {
	s := f.sets[k]
	if s == nil && len(f.sets) < maxSets {
		s = &set{setKey: k, data: make([][]byte, k.total), parity: make([][]byte, repairs(k.total))}
		f.sets[k] = s
	}
	return s
}

// restore repairs lines and unpacks the document, or its beginning.
func (s *set) restore() Run {
	r := Run{Key: s.key, Lines: s.total}
	m := len(s.parity)
	for j, sum := range s.parity {
		lost := -1
		rest := slices.Clone(sum)
		for i := j; i < s.total && sum != nil; i += m {
			switch {
			case s.data[i] != nil:
				xor(rest, s.data[i])
			case lost >= 0:
				sum = nil // two are lost: no repair
			default:
				lost = i
			}
		}
		if sum != nil && lost >= 0 {
			s.data[lost] = rest
			r.Repaired++
		}
	}
	var all []byte
	for i, d := range s.data {
		if d == nil {
			r.Missing = append(r.Missing, i+1)
		} else if len(r.Missing) == 0 {
			all = append(all, d...)
		}
	}
	r.Doc, r.Whole = unpack(all, len(r.Missing) == 0)
	return r
}

// unpack is the document, and whether it is whole. Of a part it gives what can
// be read of it, closed as JSON.
func unpack(all []byte, complete bool) ([]byte, bool) {
	if len(all) < prefix {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(all))
	sum, packed := all[2:prefix], all[prefix:]
	packed = packed[:min(n, len(packed))]
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), MaxDocument+1))
	if len(doc) > MaxDocument {
		return nil, false
	}
	if got := sha256.Sum256(doc); complete && err == nil && bytes.Equal(sum, got[:sumLen]) {
		return doc, true
	}
	return Close(doc), false
}
