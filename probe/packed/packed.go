// Package packed compresses the texts that are embedded in the binary: the file
// that people edit lies beside its packed form, and a test of the package that
// embeds it holds the two together.
package packed

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
)

// Text returns what Pack compressed, or the error of package gzip for what is
// cut, changed or no gzip at all.
func Text(gz string) (string, error) {
	r, err := gzip.NewReader(strings.NewReader(gz))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(12 * len(gz)) // the catalogue is packed to a twelfth
	if _, err := io.Copy(&b, r); err != nil {
		return "", err
	}
	return b.String(), nil
}

// MustText is Text of an embedded file, which a test has checked. It panics
// with the name of the file where the binary is damaged.
func MustText(name, gz string) string {
	text, err := Text(gz)
	if err != nil {
		panic("embedded " + name + ": " + err.Error())
	}
	return text
}

// Pack compresses a text as far as gzip can; the same text gives the same
// bytes. The errors are those of package gzip, which has none in memory.
func Pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
