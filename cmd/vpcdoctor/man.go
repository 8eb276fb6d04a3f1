package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vpcdoctor/report/state"
)

// manCommand writes the manual pages from the same flags and configuration
// keys that the program reads, so that they cannot tell anything else. It is
// for those who build packages, hence not listed.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write vpcdoctor.1 and vpcdoctor.yaml.5 into a directory",
		Hidden: true,
		Args:   exactlyOne("directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := a.sourceDate()
			if err != nil {
				return err
			}
			for name, page := range map[string]string{
				"vpcdoctor.1":      programPage(cmd.Root(), date),
				"vpcdoctor.yaml.5": configPage(cmd.Root(), date),
			} {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(page), 0o644); err != nil {
					return usagef("manual page: %w", err)
				}
			}
			return nil
		},
	}
}

// sourceDate is the date on the pages: that of the source, so that two builds
// of one source are the same (reproducible-builds.org, SOURCE_DATE_EPOCH).
func (a *app) sourceDate() (string, error) {
	v := a.getenv("SOURCE_DATE_EPOCH")
	if v == "" {
		return "", nil
	}
	s, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return "", usagef("environment variable SOURCE_DATE_EPOCH %q: want seconds since 1970", v)
	}
	return time.Unix(s, 0).UTC().Format(time.DateOnly), nil
}

// programPage is vpcdoctor(1).
func programPage(root *cobra.Command, date string) string {
	var p roff
	p.head("VPCDOCTOR", "1", date)
	p.section("NAME")
	p.text("vpcdoctor - " + lower(root.Short))
	p.section("SYNOPSIS")
	p.line(".B vpcdoctor")
	p.text("[check] [flags]")
	for _, c := range root.Commands() {
		if !listed(c) || c.Name() == "check" {
			continue
		}
		p.line(".br")
		p.line(".B vpcdoctor " + escape(c.Name()))
		_, args, _ := strings.Cut(c.Use, " ")
		p.text(strings.TrimSpace(args + " [flags]"))
	}
	about, codes, _ := strings.Cut(root.Long, "\n\nExit codes: ")
	p.section("DESCRIPTION")
	p.prose(about)
	p.section("COMMANDS")
	for _, c := range root.Commands() {
		if !listed(c) {
			continue
		}
		p.line(".SS vpcdoctor " + escape(c.Name()))
		p.prose(cmp.Or(c.Long, c.Short+"."))
		p.flags(c.Flags())
	}
	p.section("EXIT STATUS")
	p.prose("Of check and diagnose: " + codes)
	p.section("ENVIRONMENT")
	p.prose("Every flag of check can be set by a variable: VPCDOCTOR_, then its name in capitals with " +
		"underscores, as in VPCDOCTOR_REQUIRE_PRIVATE=true. Flags win over the environment, the " +
		"environment over the configuration file.\n\n" +
		"NO_COLOR switches colour off. AWS_REGION, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, " +
		"AWS_CA_BUNDLE, AWS_EC2_METADATA_SERVICE_ENDPOINT and AWS_EC2_METADATA_DISABLED mean what they " +
		"mean to the AWS SDKs; the SSM Agent has an environment of its own, which is read from its process.")
	p.section("FILES")
	p.item(defaultConfig, "Configuration, when it exists: see vpcdoctor.yaml(5).")
	p.item("DIR/"+state.LastReport, "The last report, in the directory of --state-dir.")
	p.item("DIR/runs, DIR/history.jsonl, DIR/spool, DIR/bad", "Whole reports of the last runs, a line for each run, what waits for "+
		"delivery, and what was not understood. All are bounded and can be deleted.")
	p.section("EXAMPLES")
	for _, e := range []struct{ command, why string }{
		{"sudo vpcdoctor", "Why does Session Manager not work here?"},
		{"vpcdoctor check --profile ssm,ecr-pull --service logs,sqs", "What else this instance needs."},
		{"vpcdoctor check --plan", "What a run would send; sends nothing."},
		{"vpcdoctor explain SG-02", "One finding in full, offline."},
	} {
		p.item(e.command, e.why)
	}
	p.section("SEE ALSO")
	p.text("vpcdoctor.yaml(5), systemctl(1)")
	return p.String()
}

// listed tells the verbs that are for users. help and completion speak for
// themselves.
func listed(c *cobra.Command) bool {
	return !c.Hidden && c.Name() != "help" && c.Name() != "completion"
}

// endpointKeys explains the keys of one entry of "endpoints".
var endpointKeys = map[string]string{
	"name":     "How the report calls it.",
	"host":     "Host name to resolve and dial.",
	"port":     "TCP port; 443 unless given.",
	"tls_name": "Name to expect in the certificate, when it is not the host.",
	"plain":    "true for a port that does not speak TLS.",
	"cidr":     "Block in which its addresses must lie.",
	"azs":      "How many zones have an address of it.",
}

// configPage is vpcdoctor.yaml(5).
func configPage(root *cobra.Command, date string) string {
	var p roff
	p.head("VPCDOCTOR.YAML", "5", date)
	p.section("NAME")
	p.text("vpcdoctor.yaml - configuration of vpcdoctor")
	p.section("DESCRIPTION")
	p.prose("vpcdoctor reads " + defaultConfig + ", when it exists, or the file of --config, which must exist. " +
		"No key is required and no file is needed. The keys are the names of the flags of vpcdoctor check, " +
		"with underscores; lists have plural names. A key that is not known is an error, and so is a value " +
		"of the wrong kind. Flags and environment variables win over the file.")
	p.section("KEYS")
	check, _, err := root.Find([]string{"check"})
	if err != nil {
		check = root
	}
	for _, key := range yamlKeys(reflect.TypeFor[configFile]()) {
		if key == "endpoints" {
			p.item(key, "Endpoints of your own, a list of:")
			p.line(".RS")
			for _, k := range yamlKeys(reflect.TypeFor[configEndpoint]()) {
				p.item(k, endpointKeys[k])
			}
			p.line(".RE")
			continue
		}
		f := check.Flags().Lookup(keyFlag(key))
		if f == nil {
			continue // a test says that this never happens
		}
		_, usage := pflag.UnquoteUsage(f)
		p.item(key, kind(f)+": "+usage+"."+defaultText(f))
	}
	p.section("EXAMPLE")
	p.literal("profiles: [session-manager, cloudwatch-agent]\n" +
		"expect: private\n" +
		"endpoints:\n" +
		"  - {name: billing, host: vpce-0a1.example.internal, port: 8443}")
	p.section("SEE ALSO")
	p.text("vpcdoctor(1)")
	return p.String()
}

// kind says what a value is, in the words of people who write YAML.
func kind(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "stringSlice", "stringArray":
		return "List"
	case "bool":
		return "true or false"
	case "duration":
		return "Duration such as 500ms or 10s"
	}
	return "Text"
}

func defaultText(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0s":
		return ""
	}
	return " Default: " + strings.Trim(f.DefValue, "[]") + "."
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// roff writes the few macros of man(7) that a page needs.
type roff struct{ strings.Builder }

func (p *roff) line(s string) { p.WriteString(s + "\n") }

func (p *roff) head(title, section, date string) {
	p.line(fmt.Sprintf(`.TH "%s" "%s" "%s" "vpcdoctor %s" "vpcdoctor manual"`, title, section, date, escape(version)))
	p.line(".nh") // names and flags stay whole
	p.line(".ad l")
}

func (p *roff) section(name string) { p.line(".SH " + name) }

// text is a line of running text.
func (p *roff) text(s string) { p.line(escape(s)) }

// prose is paragraphs parted by empty lines; indented ones stay as they are.
func (p *roff) prose(s string) {
	for i, para := range strings.Split(strings.TrimSpace(s), "\n\n") {
		if i > 0 {
			p.line(".PP")
		}
		if strings.HasPrefix(para, " ") {
			p.literal(para)
			continue
		}
		for l := range strings.SplitSeq(para, "\n") {
			p.text(strings.TrimSpace(l))
		}
	}
}

func (p *roff) literal(s string) {
	p.line(".nf")
	for l := range strings.SplitSeq(s, "\n") {
		p.text(l)
	}
	p.line(".fi")
}

// item is a term and what it means.
func (p *roff) item(term, means string) {
	p.line(".TP")
	p.line(`\fB` + escape(term) + `\fR`)
	p.text(means)
}

func (p *roff) flags(f *pflag.FlagSet) {
	f.VisitAll(func(fl *pflag.Flag) {
		if fl.Hidden || fl.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(fl)
		term := "--" + fl.Name
		if fl.Shorthand != "" {
			term = "-" + fl.Shorthand + ", " + term
		}
		p.line(".TP")
		term = `\fB` + escape(term) + `\fR`
		if value != "" {
			term += ` \fI` + escape(value) + `\fR`
		}
		p.line(term)
		p.text(usage + defaultText(fl))
	})
}

// escape keeps text from being taken for a request, and dashes typable.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
