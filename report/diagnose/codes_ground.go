package diagnose

// Codes of the tool itself, the host, the metadata service and the partition.

var selfDocs = []page{
	{"SELF-01", SevWarning, Source, "A rule of vpcdoctor failed"},
	{"SELF-02", SevInfo, Source, "The facts are incomplete"},
}

var osDocs = []page{
	{"OS-01", SevError, Measured, "A local firewall drops or rejects our packets"},
	{"OS-02", SevError, Source, "The kernel's connection tracking table is full"},
	{"OS-03", SevError, Documented, "The instance tracks more connections than its type may"},
	{"OS-04", SevError, Inferred, "No free source port or local address is left"},
	{"OS-05", SevError, Inferred, "No free file descriptor is left"},
	{"OS-06", SevWarning, Documented, "The instance exceeds its packet or bandwidth allowance"},
	{"OS-07", SevWarning, Documented, "The MTU of the interface is more than the path carries"},
	{"OS-08", SevInfo, Inferred, "vpcdoctor runs in another network namespace"},
	{"OS-12", SevInfo, Source, "Nothing disciplines the clock of the host"},
}

var imdsDocs = []page{
	{"IM-01", SevError, Documented, "The instance metadata service is disabled"},
	{"IM-02", SevInfo, Source, "IMDS wants tokens, and the agent is of the IMDSv1 age"},
	{"IM-03", SevError, Field, "IMDS answers do not cross the hop limit to here"},
	{"IM-04", SevError, Inferred, "A local rule or route blocks the metadata address"},
	{"IM-05", SevError, Field, "A stale static route captures the metadata address"},
	{"IM-06", SevError, Documented, "A proxy answers in place of the metadata service"},
	{"IM-08", SevWarning, Documented, "The packet limit towards link-local services is reached"},
	{"IM-09", SevError, Documented, "The metadata service's IPv6 endpoint is not enabled"},
	{"IM-12", SevWarning, Documented, "This machine is not an EC2 instance"},
	{"IM-13", SevError, Inferred, "The metadata service does not answer"},
	{"IM-14", SevInfo, Documented, "The metadata service knows no tokens (IMDSv1 only)"},
	{"IM-15", SevInfo, Inferred, "The metadata service answers slowly"},
}

var partitionDocs = []page{
	{"CN-01", SevError, Source, "A name has the DNS suffix of another partition"},
	{"CN-05", SevWarning, Documented, "The service is not offered in this Region"},
}

var awsDocs = []page{
	{"SV-01", SevWarning, Inferred, "AWS answers with server errors"},
}
