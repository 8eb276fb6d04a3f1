package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"vpcdoctor/probe"
)

// maxConfig bounds the configuration file. A real one is a few hundred bytes.
const maxConfig = 1 << 20

// configFile is the YAML configuration. Its keys are the flags' names with
// underscores; a key it does not know is an error, because a misspelt key
// would silently change nothing.
type configFile struct {
	Profiles       []string         `yaml:"profiles"`
	Services       []string         `yaml:"services"`
	Endpoints      []configEndpoint `yaml:"endpoints"`
	Auto           *bool            `yaml:"auto"`
	All            *bool            `yaml:"all"`
	DialPublic     *bool            `yaml:"dial_public"`
	NoControls     *bool            `yaml:"no_controls"`
	NoSigned       *bool            `yaml:"no_signed"`
	Rehearse       *bool            `yaml:"rehearse"`
	SessionKMSKey  string           `yaml:"session_kms_key"`
	SessionBucket  string           `yaml:"session_bucket"`
	SessionLogs    string           `yaml:"session_log_group"`
	OutputBucket   string           `yaml:"output_bucket"`
	OutputLogs     string           `yaml:"output_log_group"`
	Wait           string           `yaml:"wait"`
	Jitter         string           `yaml:"jitter"`
	Output         string           `yaml:"output"`
	SummaryJSON    *bool            `yaml:"summary_json"`
	OutputFile     string           `yaml:"output_file"`
	Facts          string           `yaml:"facts"`
	Redact         *bool            `yaml:"redact"`
	Region         string           `yaml:"region"`
	Expect         string           `yaml:"expect"`
	RequirePrivate *bool            `yaml:"require_private"`
	RequireAgent   *bool            `yaml:"require_agent"`
	FailOn         string           `yaml:"fail_on"`
	Ignore         []string         `yaml:"ignore"`
	Catalog        string           `yaml:"catalog"`
	Resolvers      []string         `yaml:"resolver"`
	Timeout        string           `yaml:"timeout"`
	Budget         string           `yaml:"budget"`
	CABundle       string           `yaml:"ca_bundle"`
	ReferenceRoots []string         `yaml:"reference_roots"`
	StateDir       string           `yaml:"state_dir"`
	SinceLast      *bool            `yaml:"since_last"`
	To             []string         `yaml:"to"`
	Require        *bool            `yaml:"require_delivery"`
	Each           string           `yaml:"delivery_timeout"`
	LogGroup       string           `yaml:"log_group"`
	LogStream      string           `yaml:"log_stream"`
	LogShards      int              `yaml:"log_stream_shards"`
	CreateLogGroup *bool            `yaml:"create_log_group"`
	LogsEndpoint   string           `yaml:"logs_endpoint"`
	Metrics        string           `yaml:"metrics"`
	Credentials    string           `yaml:"credentials"`
	S3             string           `yaml:"s3"`
	S3Owner        string           `yaml:"s3_owner"`
	Console        string           `yaml:"console"`
	ConsoleFull    *bool            `yaml:"console_full"`
	NoColor        *bool            `yaml:"no_color"`
	LogLevel       string           `yaml:"log_level"`

	path string
	line map[string]int // of each key at the top
}

// configEndpoint is one custom endpoint of the configuration file.
type configEndpoint struct {
	Name    string `yaml:"name"`
	Host    string `yaml:"host"`
	Port    uint16 `yaml:"port"`
	TLSName string `yaml:"tls_name"`
	Plain   bool   `yaml:"plain"`
	CIDR    string `yaml:"cidr"`
	AZs     int    `yaml:"azs"`
}

// readConfig reads the configuration. A missing file is an error only when
// the user named it.
func readConfig(path string, named bool) (*configFile, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &configFile{}, nil
	}
	if err != nil {
		return nil, usagef("configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, usagef("configuration %s: %w", path, err)
	}
	if len(b) > maxConfig {
		return nil, usagef("configuration %s: larger than 1 MB", path)
	}
	c, err := parseConfig(b)
	if err != nil {
		return nil, usagef("configuration %s: %w", path, err)
	}
	c.path = path
	return c, nil
}

// parseConfig decodes the YAML strictly. Errors name line and key.
func parseConfig(b []byte) (*configFile, error) {
	c := &configFile{}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	err := d.Decode(c)
	c.line = keyLines(b)
	var te *yaml.TypeError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return c, nil
	case errors.As(err, &te) && len(te.Errors) > 0:
		return nil, errors.New(c.typeError(te.Errors[0]))
	}
	return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
}

// keyLines are the lines of the keys at the top of a document.
func keyLines(b []byte) map[string]int {
	lines := map[string]int{}
	var doc yaml.Node
	if yaml.Unmarshal(b, &doc) != nil || len(doc.Content) == 0 {
		return lines
	}
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		k := doc.Content[0].Content[i]
		lines[k.Value] = k.Line
	}
	return lines
}

var (
	unknownKey = regexp.MustCompile(`^line (\d+): field (\S+) not found in type main\.(\w+)$`)
	wrongType  = regexp.MustCompile(`^line (\d+): (cannot unmarshal .*)$`)
)

// typeError says one complaint of the YAML package in terms of the file: with
// its key, and with the nearest key that exists.
func (c *configFile) typeError(text string) string {
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		known := reflect.TypeFor[configFile]()
		if m[3] == "configEndpoint" {
			known = reflect.TypeFor[configEndpoint]()
		}
		return fmt.Sprintf("line %s: unknown key %s%s", m[1], m[2], didYouMean(nearest(m[2], yamlKeys(known))))
	}
	m := wrongType.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	// The value stands on the line of its key or below it.
	at, _ := strconv.Atoi(m[1])
	key, last := "", 0
	for k, line := range c.line {
		if line <= at && line > last {
			key, last = k, line
		}
	}
	return fmt.Sprintf("line %s, key %s: %s", m[1], key, m[2])
}

// yamlKeys are the keys of a struct of the configuration.
func yamlKeys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if k := t.Field(i).Tag.Get("yaml"); k != "" {
			keys = append(keys, k)
		}
	}
	return keys
}

// apply sets the flags that neither the command line nor the environment set.
func (c *configFile) apply(f *pflag.FlagSet, origin map[string]string) error {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		value, flag := valueText(v.Field(i)), keyFlag(key)
		if value == "" || f.Changed(flag) {
			continue
		}
		origin[flag] = fmt.Sprintf("configuration %s: line %d, key %s", c.path, c.line[key], key)
		if err := f.Set(flag, value); err != nil {
			return usagef("%s: %w", origin[flag], badValue(err))
		}
	}
	return nil
}

// valueText is a value of the configuration in the form that a flag takes;
// empty when it is not set, and for what is no flag.
func valueText(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, ",")
	case *bool:
		if v != nil {
			return strconv.FormatBool(*v)
		}
	case int:
		if v != 0 {
			return strconv.Itoa(v)
		}
	}
	return ""
}

// keyFlag is the flag that a key of the configuration stands for: a list has a
// plural name.
func keyFlag(key string) string {
	switch key {
	case "profiles", "services":
		key = strings.TrimSuffix(key, "s")
	}
	return strings.ReplaceAll(key, "_", "-")
}

func (c *configFile) endpoints() ([]probe.Endpoint, error) {
	var out []probe.Endpoint
	for _, e := range c.Endpoints {
		if e.Port == 0 {
			e.Port = 443
		}
		p := probe.Endpoint{Name: e.Name, Host: e.Host, Port: e.Port, TLSName: e.TLSName, Plain: e.Plain, CIDR: e.CIDR, AZs: e.AZs}
		if err := p.Check(); err != nil {
			return nil, usagef("configuration %s: %w", c.path, err)
		}
		out = append(out, p)
	}
	return out, nil
}
