package packed

import (
	"bytes"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("vpce ", 1000)} {
		gz, err := Pack([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Pack([]byte(text)); err != nil || !bytes.Equal(gz, again) {
			t.Errorf("packed twice, %q differs (%v)", text, err)
		}
		if got, err := Text(string(gz)); err != nil || got != text {
			t.Errorf("%q came back as %q (%v)", text, got, err)
		}
		if MustText("x", string(gz)) != text {
			t.Errorf("MustText of %q", text)
		}
		for name, bad := range map[string]string{"nothing": "", "no gzip": "{}", "cut": string(gz[:len(gz)/2]), "changed": string(gz[:len(gz)-8]) + "xxxxxxxx"} {
			if got, err := Text(bad); err == nil {
				t.Errorf("%s: no error and %d bytes", name, len(got))
			}
		}
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "table.gz") {
			t.Errorf("panic says %q", text)
		}
	}()
	MustText("table.gz", "damaged")
}
