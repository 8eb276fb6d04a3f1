package probetest

import (
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// authenticate finds out who signed a request; ok is false when nobody did, and
// then the reply says so as the service would.
func (c *call) authenticate() (out reply, ok bool) {
	refuse := func(code, message string) (reply, bool) { return c.fail(code, message), false }
	if c.r.Header.Get("Authorization") == "" {
		return refuse("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	sig, whole := parseAuthorization(c.r.Header.Get("Authorization"))
	if !whole {
		return refuse("IncompleteSignatureException", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.")
	}
	date := c.r.Header.Get("X-Amz-Date")
	signed, err := time.Parse(sigTime, date)
	if err != nil {
		return refuse("IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	who := c.known(sig.accessKey)
	token := c.r.Header.Get("X-Amz-Security-Token")
	if who == nil || c.api.o.OptedOut || subtle.ConstantTimeCompare([]byte(token), []byte(who.Keys.Token)) == 0 {
		return refuse("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if stale := c.stale(signed); stale != "" {
		return refuse("InvalidSignatureException", stale)
	}
	if wrong := c.wrongScope(sig, date); wrong != "" {
		return refuse("InvalidSignatureException", wrong)
	}
	if name := unsignedHeader(c.r, sig.signedHeaders); name != "" {
		return refuse("InvalidSignatureException", "There were headers present in the request which were not signed: "+name)
	}
	if !verified(c.r, c.body, sig, who.Keys.Secret) {
		return refuse("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if !who.Expires.IsZero() && c.api.o.Now().After(who.Expires) {
		return refuse("ExpiredTokenException", "The security token included in the request is expired")
	}
	c.who = who
	return reply{}, true
}

func (c *call) known(accessKey string) *APICredential {
	for i := range c.api.o.Credentials {
		if k := &c.api.o.Credentials[i]; k.Keys.ID == accessKey {
			return k
		}
	}
	return nil
}

// stale applies the service's own tolerance: 5 minutes, and 15 at sts and s3.
func (c *call) stale(signed time.Time) string {
	switch c.at.service {
	case "s3":
		if staleSignature(signed, c.api.o.Now(), 15*time.Minute) != "" {
			return "The difference between the request time and the current time is too large."
		}
		return ""
	case "sts":
		return staleSignature(signed, c.api.o.Now(), 15*time.Minute)
	}
	return staleSignature(signed, c.api.o.Now(), 5*time.Minute)
}

func (c *call) wrongScope(sig authorization, date string) string {
	switch {
	case sig.terminator != sigTerminator:
		return fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.", sigTerminator, sig.terminator)
	case !strings.HasPrefix(date, sig.date+"T"):
		return fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%.8s', from '%s'.", sig.date, date, date)
	case sig.service != c.at.service:
		return fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", c.at.service)
	case sig.region != c.at.region && c.at.service == "s3":
		return fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong; expecting '%s'", sig.region, c.at.region)
	case sig.region != c.at.region:
		return "Credential should be scoped to a valid Region. "
	}
	return ""
}

// principal is the ARN of the caller.
func (c *call) principal() string {
	return "arn:" + c.api.o.Partition + ":sts::" + c.api.o.Account + ":assumed-role/" + c.who.Role.Name + "/" + c.who.Session
}

// layer is one kind of policies that has its say.
type layer struct {
	name     string // as AWS's messages call it
	policies []*Policy
}

// authorise is the message of a denial, or empty. An explicit deny anywhere
// comes first, then the first layer that does not allow. Source: IAM User
// Guide, "Policy evaluation logic"; it leaves open which of several denying
// layers a message names, and so do those who read it.
func (c *call) authorise() string {
	action, resource := c.op.action, c.log.Resource
	if action == "" { // GetCallerIdentity needs no permission
		return ""
	}
	q := request{action: action, resource: resource, context: c.context()}
	one := func(p *Policy) []*Policy {
		if p == nil {
			return nil
		}
		return []*Policy{p}
	}
	owner, resourcePolicy := c.op.owner(c)
	abroad := owner != c.api.o.Account
	role := c.who.Role
	resources := layer{"resource-based policy", one(resourcePolicy)}
	identity := layer{"identity-based policy", role.Policies}
	layers := []layer{
		{"service control policy", c.api.o.SCPs}, {"resource control policy", c.api.o.RCPs},
		{"VPC endpoint policy", one(c.source.Policy)}, resources, identity,
		{"permissions boundary", one(role.Boundary)}, {"session policy", one(role.Session)},
	}
	say := func(tail string) string {
		switch {
		case c.at.service == "s3" && abroad:
			return "Access Denied"
		case c.at.service == "kms" && abroad:
			// KMS tells others nothing of a key (answers quoted in public code).
			return "User: " + c.principal() + " is not authorized to perform: " + action + " on this resource because the resource does not exist" +
				" in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
		case matchAny(c.api.o.Terse, action):
			tail = ""
		}
		named := resource
		if c.at.service == "s3" { // which alone puts it in quotes
			named = `"` + resource + `"`
		}
		return "User: " + c.principal() + " is not authorized to perform: " + action + " on resource: " + named + tail
	}
	for _, l := range layers {
		if decide(l.policies, q) == grantDeny {
			return say(" with an explicit deny in " + article(l.name) + " " + l.name)
		}
	}
	granted := decide(resources.policies, q)
	for _, l := range layers {
		if c.passes(l, q, granted, abroad) {
			continue
		}
		return say(" because no " + l.name + " allows the " + action + " action")
	}
	return ""
}

// passes tells whether a layer lets a request through that it does not deny.
// granted is what the resource's own policy says.
func (c *call) passes(l layer, q request, granted grant, abroad bool) bool {
	switch l.name {
	case "resource-based policy":
		// A key's policy must say something; a bucket's only to other accounts.
		must := abroad || c.at.service == "kms" && len(l.policies) > 0
		return !must || granted >= grantAccount
	case "identity-based policy":
		if granted == grantAllow && !abroad {
			return true
		}
		return decide(l.policies, q) == grantAllow
	}
	return len(l.policies) == 0 || decide(l.policies, q) == grantAllow
}

func article(name string) string {
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an"
	}
	return "a"
}

// context is what conditions can ask about.
func (c *call) context() map[string]string {
	o := c.api.o
	owner, _ := c.op.owner(c)
	m := map[string]string{
		"aws:principalarn":     "arn:" + o.Partition + ":iam::" + o.Account + ":role/" + c.who.Role.Name,
		"aws:principalaccount": o.Account,
		"aws:resourceaccount":  owner,
		"aws:requestedregion":  c.at.region,
		"session":              c.principal(),
	}
	if strings.HasPrefix(c.who.Session, "i-") {
		m["ec2:sourceinstancearn"] = "arn:" + o.Partition + ":ec2:" + o.Region + ":" + o.Account + ":instance/" + c.who.Session
	}
	if c.at.service == "monitoring" {
		if form, err := url.ParseQuery(string(c.body)); err == nil {
			m["cloudwatch:namespace"] = form.Get("Namespace")
		}
	}
	if c.source.Endpoint != "" {
		m["aws:sourcevpce"], m["aws:sourcevpc"] = c.source.Endpoint, c.source.VPC
	} else if c.source.Address != "" {
		m["aws:sourceip"] = c.source.Address
	}
	return m
}
