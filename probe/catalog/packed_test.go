package catalog

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
)

// embedded is the text of endpoint-services.json, the file that people edit.
var embedded = func() string {
	b, err := os.ReadFile("endpoint-services.json")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

// The compressed file in the binary is the file that people edit.
func TestCatalogIsPacked(t *testing.T) {
	if *update {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write([]byte(embedded)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("endpoint-services.json.gz", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		packed = b.String()
	}
	text, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	if text != embedded {
		t.Error("endpoint-services.json.gz is not endpoint-services.json; run go test ./probe/catalog -run CatalogIsPacked -update")
	}
}

func TestUnpackRefuses(t *testing.T) {
	for name, gz := range map[string]string{"nothing": "", "not compressed": "{}", "cut": packed[:len(packed)/2], "changed": packed[:100] + "x" + packed[101:]} {
		if text, err := unpack(gz); err == nil {
			t.Errorf("%s: no error, and %d bytes", name, len(strings.TrimSpace(text)))
		}
	}
}
