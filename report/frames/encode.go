package frames

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
)

// Form of a line.
const (
	mark    = "VPCD1 "
	payload = 36 // bytes a line
	text    = payload * 4 / 3
	keyLen  = 8
	head    = len(mark) + keyLen + len(" 03/41 ") + 8 + len(" ")

	// Length of every line, without its newline.
	Length = head + text

	// MaxLines is how many lines a document may have, those that repair not
	// counted: with them and their newlines less than 6,000 bytes.
	MaxLines = 66

	prefix = 2 + sumLen // before the compressed document
	sumLen = 8
)

// ErrTooLarge is returned for a document that does not fit into MaxLines.
var ErrTooLarge = errors.New("the document does not fit into the lines")

// repairs is how many lines repair n lines.
func repairs(n int) int { return max(2, (n+7)/8) }

// Key is what the lines carry of the id of a run: its random part. An id of
// another form has its CRC-32.
func Key(runID string) string {
	if i := strings.LastIndexByte(runID, '-'); len(runID)-i-1 == keyLen && isHex(runID[i+1:]) {
		return runID[i+1:]
	}
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(runID)))
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// Fits tells whether a document fits into MaxLines.
func Fits(doc []byte) bool { return len(doc) <= MaxDocument && len(pack(doc)) <= MaxLines*payload }

// MaxDocument bounds a document, whatever it is compressed to.
const MaxDocument = 64 << 10

// Encode makes the lines of a document, without newlines.
func Encode(key string, doc []byte) ([]string, error) {
	if len(key) != keyLen || !isHex(key) {
		return nil, fmt.Errorf("key %q: want %d digits of base 16", key, keyLen)
	}
	if !Fits(doc) {
		return nil, ErrTooLarge
	}
	all := pack(doc)
	n := (len(all) + payload - 1) / payload
	all = append(all, make([]byte, n*payload-len(all))...)
	m := repairs(n)
	parity := make([]byte, m*payload)
	var out []string
	for i := range n {
		chunk := all[i*payload : (i+1)*payload]
		xor(parity[i%m*payload:], chunk)
		out = append(out, line(key, fmt.Sprintf("%02d", i+1), n, chunk))
	}
	for i := range m {
		j := (n + i) % m // goes on in the order of the others: any m in a row are of m sorts
		out = append(out, line(key, fmt.Sprintf("+%d", j+1), n, parity[j*payload:(j+1)*payload]))
	}
	return out, nil
}

// writers of deflate have 1.2 MB each, and a document is packed anew for each
// part that is left out of it.
var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestCompression)
	if err != nil {
		panic(err) // the level is right
	}
	return w
}}

// pack is length, checksum and compressed document.
func pack(doc []byte) []byte {
	var b bytes.Buffer
	sum := sha256.Sum256(doc)
	b.Write(make([]byte, 2))
	b.Write(sum[:sumLen])
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	if _, err := w.Write(doc); err != nil || w.Close() != nil {
		panic("frames: deflate into memory failed")
	}
	binary.BigEndian.PutUint16(b.Bytes(), uint16(min(b.Len()-prefix, 1<<16-1)))
	return b.Bytes()
}

func line(key, seq string, total int, chunk []byte) string {
	body := base64.StdEncoding.EncodeToString(chunk)
	number := fmt.Sprintf("%s/%02d", seq, total)
	return mark + key + " " + number + " " + checksum(key, number, body) + " " + body
}

func checksum(key, number, body string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(key+number+body)))
}

// xor adds b to a, byte by byte, without carry.
func xor(a, b []byte) {
	for i := range b {
		a[i] ^= b[i]
	}
}
