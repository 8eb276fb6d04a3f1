package main

import (
	"net/url"
	"strings"

	"vpcdoctor/probe"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/imds"
)

// awsEnvironment reads the variables that the AWS SDKs and the shell already
// know, and says which of them were seen. They concern our own delivery and
// SDK-style services; the SSM Agent has an environment of its own. A metadata
// endpoint that is none is a usage error: what it would make of the verdict is
// not a fault of this instance.
//
// Meanings: AWS SDKs and Tools Reference Guide, "Environment variables list"
// (read 2026-11).
func awsEnvironment(getenv func(string) string, o *probe.Options, caBundle *string) ([]fact.EnvSeen, error) {
	var seen []fact.EnvSeen
	note := func(name, value, used string) {
		seen = append(seen, fact.EnvSeen{Name: name, Value: value, Used: used})
	}
	// Only "true" in any case switches something, as in the AWS SDKs.
	on := func(name, effect string) bool {
		v := getenv(name)
		if v == "" {
			return false
		}
		if !strings.EqualFold(v, "true") {
			effect = ""
		}
		note(name, v, effect)
		return effect != ""
	}
	if v := getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"); v != "" {
		if err := imds.CheckEndpoint(v); err != nil {
			return nil, usagef("environment variable %w", err)
		}
		o.IMDSEndpoint = v
		note("AWS_EC2_METADATA_SERVICE_ENDPOINT", withoutUser(v), "metadata service asked there")
	}
	if on("AWS_EC2_METADATA_DISABLED", "metadata service not asked") {
		o.IMDSDisabled = "AWS_EC2_METADATA_DISABLED"
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v := getenv(name); v != "" {
			if o.EnvRegion == "" {
				o.EnvRegion = v
			}
			note(name, v, "Region only if nothing else tells it")
		}
	}
	o.FIPS = on("AWS_USE_FIPS_ENDPOINT", "FIPS names of SDK services probed too")
	o.DualStack = on("AWS_USE_DUALSTACK_ENDPOINT", "dual-stack names of SDK services probed too")
	if v := getenv("AWS_CA_BUNDLE"); v != "" {
		used := ""
		if *caBundle == "" {
			*caBundle, used = v, "added to the system's roots"
		}
		note("AWS_CA_BUNDLE", v, used)
	}
	for _, name := range []string{"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"} {
		if v := getenv(name); v != "" {
			note(name, withoutUser(v), "")
		}
	}
	return seen, nil
}

// withoutUser removes user name and password from a URL. What does not parse
// as one is cut at the last @, so that a password can never slip through.
func withoutUser(v string) string {
	u, err := url.Parse(v)
	if err == nil && u.Host != "" {
		u.User = nil
		return u.String()
	}
	if i := strings.LastIndexByte(v, '@'); i >= 0 {
		return "..." + v[i:]
	}
	return v
}

// runContext says how the program was started, for the report's header. The
// SSM Agent sets AWS_SSM_INSTANCE_ID for the scripts of Run Command.
func (a *app) runContext() string {
	switch {
	case a.getenv("AWS_SSM_INSTANCE_ID") != "":
		return "run-command"
	case a.getenv("INVOCATION_ID") != "" && a.getenv("JOURNAL_STREAM") != "" && !a.stdoutTTY:
		return "systemd"
	case parentName() == "cloud-init":
		return "cloud-init"
	case a.stdoutTTY:
		return "tty"
	}
	return "pipe"
}
