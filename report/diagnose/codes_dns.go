package diagnose

// Codes of name resolution.

var dnsDocs = []page{
	{"DN-01", SevError, Documented, "Private DNS is off on the endpoint"},
	{"DN-02", SevError, Documented, "No private endpoint serves this name, no public path"},
	{"DN-03", SevError, Documented, "DNS host names are off in the VPC"},
	{"DN-04", SevError, Documented, "The VPC resolver is silent"},
	{"DN-05", SevError, Documented, "The configured DNS server does not forward AWS names"},
	{"DN-06", SevError, Field, "No DNS server is configured"},
	{"DN-07", SevError, Inferred, "A configured DNS server does not answer"},
	{"DN-08", SevError, Field, "A public DNS server is configured"},
	{"DN-09", SevError, Documented, "A Route 53 Resolver rule sends the name elsewhere"},
	{"DN-10", SevError, Inferred, "DNS holds addresses that no endpoint owns any more"},
	{"DN-11", SevError, Inferred, "A private zone for a parent domain hides the name"},
	{"DN-13", SevError, Documented, "The central zone of this name is not with this VPC"},
	{"DN-14", SevError, Field, "The private zone lacks the wildcard record"},
	{"DN-15", SevError, Documented, "The hosts file overrides the name"},
	{"DN-16", SevError, Source, "The host's own name resolution is broken"},
	{"DN-17", SevError, Field, "The local stub rejects answers, likely by DNSSEC"},
	{"DN-18", SevError, Inferred, "The local stub sends the name elsewhere"},
	{"DN-19", SevError, Inferred, "A cache on the host holds an old answer"},
	{"DN-20", SevError, Inferred, "A search domain leads the name elsewhere"},
	{"DN-21", SevWarning, Documented, "The packet limit towards the VPC resolver is reached"},
	{"DN-22", SevError, Documented, "A DNS firewall blocks or rewrites the name"},
	{"DN-23", SevError, Inferred, "A cache holds the answer from before the endpoint"},
	{"DN-26", SevError, Inferred, "DNS over TCP fails after a truncated answer"},
	{"DN-28", SevError, Inferred, "The name of a VPC endpoint does not exist"},
	{"DN-29", SevWarning, Inferred, "A DNS server is IPv6, and the host has no IPv6"},
	{"DN-30", SevWarning, Field, "Private DNS of another team's endpoint took the name"},
	{"DN-31", SevError, Inferred, "The name does not exist at the VPC resolver itself"},
}
