package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/hostname"
)

// configPath is the agent's config file. The .json.template beside it is
// never read by the agent.
const configPath = "/etc/amazon/ssm/amazon-ssm-agent.json"

// maxConfig bounds the config file; the template with every key has 2 kB.
const maxConfig = 1 << 20

// maxOrder bounds the list of identities; the agent knows four names.
const maxOrder = 8

// configFile holds the keys that decide what is dialled. Like the agent, we
// read strict JSON with keys in any letter case.
type configFile struct {
	Agent struct {
		Region               string
		ServiceDomain        string
		UseDualStackEndpoint bool // since 3.3.3270.0
		ContainerMode        bool
	}
	Ssm, Mds, S3, Kms struct{ Endpoint string }
	Mgs               struct{ Region, Endpoint string }
	Identity          struct {
		ConsumptionOrder []string
		CustomIdentities []struct{} // they hold ids; what we keep is their number
	}
	Profile struct {
		ShareCreds   *bool
		ShareProfile string
	}
}

// config reads the config file. That there is none is normal: the agent then
// works by its defaults.
func (r *reader) config(procs []fact.AgentProc) fact.AgentConfig {
	c := fact.AgentConfig{Path: r.configFile(procs)}
	b, err := r.Read(c.Path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		c.Outcome = fact.Outcome{Status: fact.OK}
		return c
	}
	c.Present = true
	if err != nil {
		c.Outcome = r.outcome(err)
		c.Present = c.Status != fact.NotRun
		return c
	}
	parseConfig(b, &c)
	return c
}

// configFile is the file that the agent reads. A copy in a directory
// "configuration" beside the binary wins when the binary is not in /usr/bin and
// the copy is root's and nobody else's to write.
func (r *reader) configFile(procs []fact.AgentProc) string {
	for _, p := range procs {
		dir := path.Dir(p.Exe)
		if p.Role != "core" || !path.IsAbs(p.Exe) || dir == "/usr/bin" {
			continue
		}
		beside := dir + "/configuration/amazon-ssm-agent.json"
		info, err := r.Stat(beside)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o022 == 0 && ownedByRoot(info) {
			return beside
		}
	}
	return configPath
}

// parseConfig fills c from the file's text.
func parseConfig(b []byte, c *fact.AgentConfig) {
	var f configFile
	if err := json.Unmarshal(b, &f); err != nil {
		c.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: classify.Clean(err.Error(), maxText)}
		c.ErrorAt = position(b, err)
		return
	}
	c.Outcome = fact.Outcome{Status: fact.OK}
	var odd []string
	text := func(key, value string, valid func(string) (string, bool)) string {
		if value == "" {
			return ""
		}
		v, ok := valid(value)
		if !ok {
			odd = append(odd, key)
			return ""
		}
		return v
	}
	for _, o := range []struct{ service, key, value string }{
		{"ssm", "Ssm.Endpoint", f.Ssm.Endpoint},
		{"ssmmessages", "Mgs.Endpoint", f.Mgs.Endpoint},
		{"ec2messages", "Mds.Endpoint", f.Mds.Endpoint},
		{"s3", "S3.Endpoint", f.S3.Endpoint},
		{"kms", "Kms.Endpoint", f.Kms.Endpoint},
	} {
		if host := text(o.key, o.value, hostname.Endpoint); host != "" {
			c.Overrides = append(c.Overrides, fact.Override{Service: o.service, Key: o.key, Host: host})
		}
	}
	c.Region = text("Agent.Region", f.Agent.Region, hostname.Label)
	c.MGSRegion = text("Mgs.Region", f.Mgs.Region, hostname.Label)
	c.Domain = text("Agent.ServiceDomain", f.Agent.ServiceDomain, hostname.Domain)
	c.DualStack, c.Container = f.Agent.UseDualStackEndpoint, f.Agent.ContainerMode
	for _, name := range f.Identity.ConsumptionOrder[:min(len(f.Identity.ConsumptionOrder), maxOrder)] {
		c.Order = append(c.Order, classify.Clean(name, 32))
	}
	c.Custom = len(f.Identity.CustomIdentities)
	c.ShareCreds, c.Profile = f.Profile.ShareCreds, classify.Clean(f.Profile.ShareProfile, 64)
	if len(odd) > 0 {
		c.Detail = "not usable as a name: " + strings.Join(odd, ", ")
	}
}

// position is the place of a JSON error in words, "line 4, column 7". Columns
// count bytes, from 1.
func position(b []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var offset int64 // bytes read when the error was seen, the offending one included
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return ""
	}
	before := b[:max(0, min(int(offset)-1, len(b)))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}
