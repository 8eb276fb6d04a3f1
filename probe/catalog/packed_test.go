package catalog

import (
	"os"
	"strings"
	"testing"

	"vpcdoctor/probe/packed"
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
		gz, err := packed.Pack([]byte(embedded))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("endpoint-services.json.gz", gz, 0o644); err != nil {
			t.Fatal(err)
		}
		services = string(gz)
	}
	text, err := packed.Text(services)
	if err != nil {
		t.Fatal(err)
	}
	if text != embedded {
		t.Error("endpoint-services.json.gz is not endpoint-services.json; run go test ./probe/catalog -run CatalogIsPacked -update")
	}
}

func TestUnpackRefuses(t *testing.T) {
	for name, gz := range map[string]string{"nothing": "", "not compressed": "{}", "cut": services[:len(services)/2], "changed": services[:100] + "x" + services[101:]} {
		if text, err := packed.Text(gz); err == nil {
			t.Errorf("%s: no error, and %d bytes", name, len(strings.TrimSpace(text)))
		}
	}
}
