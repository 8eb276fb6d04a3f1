package redact

import "strings"

// kind is what a string of the facts is, by its key.
type kind int

const (
	text     kind = iota // anything: what is known from elsewhere is replaced
	prose                // our own sentences: nothing new is learned from them, and a version is no address
	word                 // of a closed vocabulary, or AWS's: stays
	host                 // a host name, or several
	url                  // a URL, host:port or list of hosts
	name                 // chosen by the customer: a role, a bucket, a user
	dn                   // subject of a certificate
	path                 // of a file
	firewall             // text of a rule
	value                // of an environment variable
)

func set(k kind, keys string) map[string]kind {
	out := map[string]kind{}
	for f := range strings.FieldsSeq(keys) {
		out[f] = k
	}
	return out
}

// kinds by "parent.key", else by key alone. What is in neither is text.
var kinds = func() map[string]kind {
	all := map[string]kind{}
	for _, m := range []map[string]kind{
		set(word, `status class need type state load active sub unit_file result transport rcode scope kind origin confidence
			availability level stem reason method verdict layer version group alpn variant errno context expect os arch vendor
			product partition dns_suffix dual_stack_suffix region az az_id source operation code id_header content_type icmp
			private_dns retires date catalog_date ranges_date start end first last times since expires updated not_before not_after
			schema commit resolver.hosts_order procs.role sockets.role lookups.via lookup.via lookups.type
			imds.server objects.id objects.bucket objects.path objects.purpose targets.profiles run.profiles software.profiles
			software.id enis.device environment.name ena.name interfaces.name ena.iface routes.iface route.iface units.name`),
		set(prose, `title note purpose`),
		set(host, `host tls_name instead cnames soa parent domain search sni names hosts hostname service_domain
			lookups.name lookup.name answers.name`),
		set(url, `proxy https http all no location via endpoint`),
		set(name, `role profile share_profile profile_arn s3_bucket s3_prefix log_group kms_key run_as_user document resource
			principal identity units.user role.name request_id`),
		set(dn, `subject issuer root locally_added`),
		set(path, `path exe fragment drop_ins conf_path conf_target system_from added dir point leftovers share_file config`),
		set(firewall, `rules.text`),
		set(value, `environment.value`),
	} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}()

func kindOf(parent, key string) kind {
	if k, ok := kinds[parent+"."+key]; ok {
		return k
	}
	return kinds[key]
}

// suffixes end AWS's own names, and those of authorities that its certificates
// name.
var suffixes = strings.Fields(`amazonaws.com amazonaws.com.cn api.aws api.amazonwebservices.com.cn amazonaws.eu api.amazonwebservices.eu
	c2s.ic.gov sc2s.sgov.gov csp.hci.ic.gov cloud.adc-e.uk api.aws.ic.gov api.aws.scloud api.aws.hci.ic.gov api.cloud-aws.adc-e.uk
	amazon.com amazontrust.com awsstatic.com cloudfront.net compute.internal ec2.internal`)

// endings by which a host name is known in a text, where a dot may as well be
// that of a file.
var endings = strings.Fields("com net org io dev cloud internal local lan corp home intranet example invalid arpa cn de eu uk fr jp")

// publicNames in the subject of a certificate say that it is no customer's.
var publicNames = strings.Fields("Amazon Starfield DigiCert GlobalSign Sectigo Entrust GoDaddy ISRG Encrypt Baltimore VeriSign AWS TrustAsia WoTrus")

// known are words that our own sentences and AWS's names are made of: as the
// name of a customer's thing they tell nothing, and replacing them would spoil
// a sentence.
var known = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`default root none localhost localhost4 localhost6 localdomain lo any auto private true false yes no ok
		arn aws aws-cn aws-us-gov aws-iso aws-iso-b aws-eusc iam sts s3 ssm kms logs ec2 instance-profile role assumed-role policy
		key alias log-group log-stream instance managed-instance document user group latest meta-data dynamic
		security-credentials instance-identity network interfaces macs database proxy server client admin
		ec2-user ubuntu ssm-user http https tcp udp tls dns vpc vpce dualstack fips www cn us eu com net org internal
		ec2messages ssmmessages monitoring`) {
		out[w] = true
	}
	return out
}()

// pathWords make up the paths that every system has.
var pathWords = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`etc usr lib lib64 libexec var opt run snap bin sbin share local tmp dev proc sys mnt boot srv home users root
		amazon ssm agent core worker session amazonssmagent amazonssm systemd system user users conf config d json service timer ssl certs
		certificates certificate pki tls ca trust extracted pem bundle crt cacert anchors source
		aws credentials current log logs cloudwatch cloudwatchagent ecs eks docker ds fluent bit kubelet kubernetes
		resolv hosts nsswitch environment profile sh override proxy http https env default defaults init upstart rc
		vault runtimeconfig identity registration instance regid store fingerprint manifest file
		ipc data state audit errors error journal bashrc latest meta dynamic iam security document role
		get put api token network interfaces macs local hostname public ipv4 ipv4s ipv6s vpc cidr block blocks subnet
		placement availability zone id region services partition domain block device mac number interface groups
		toml yaml yml xml ini txt key stub resolve resolved networkd dnsmasq netplan cloud dhcp lease leases
		lander orchestration common openssl cert python3 site packages botocore java jvm node modules
		programdata program files windows c vpcdoctor rpm deb info html`) {
		out[w] = true
	}
	return out
}()
