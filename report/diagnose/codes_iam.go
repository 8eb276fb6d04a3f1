package diagnose

// Codes of credentials and permissions.

var iamDocs = []page{
	{"IA-01", SevInfo, Documented, "No instance profile is attached"},
	{"IA-02", SevError, Documented, "The role lacks Systems Manager permissions"},
	{"IA-03", SevError, Source, "The role lacks the ssmmessages channel actions"},
	{"IA-04", SevError, Documented, "The instance profile gives no role credentials"},
	{"IA-05", SevError, Source, "EC2 may not assume the instance's role"},
	{"IA-06", SevError, Documented, "The role's credentials have expired"},
	{"IA-07", SevError, Documented, "Default Host Management is not in effect"},
	{"IA-08", SevWarning, Source, "The agent did not try Default Host Management"},
	{"IA-09", SevError, Documented, "A service control policy denies the call"},
	{"IA-10", SevError, Documented, "A boundary or session policy denies the call"},
	{"IA-11", SevError, Documented, "A policy denies what comes by a public path"},
	{"IA-12", SevError, Documented, "A policy denies what comes by a proxy or a hub"},
	{"IA-13", SevWarning, Inferred, "Other credentials win over the instance's role"},
	{"IA-14", SevError, Source, "The agent still uses the credentials of an old role"},
	{"IA-15", SevError, Inferred, "AWS does not know the credentials here"},
	{"IA-16", SevError, Field, "The clock is off: AWS rejects signed calls"},
	{"IA-17", SevError, Source, "A policy has ARNs of another partition"},
	{"IA-18", SevInfo, Documented, "AWS throttles the calls"},
	{"IA-19", SevError, Documented, "A policy of the role denies the call explicitly"},
	{"IA-20", SevError, Documented, "The policy of a resource refuses the role"},
}

// Codes of sessions and of Run Command.

var sessionDocs = []page{
	{"SM-02", SevError, Field, "KMS is unreachable for encrypted sessions"},
	{"SM-03", SevError, Field, "The session's KMS key is not usable"},
	{"SM-04", SevError, Source, "The session's log bucket does not serve"},
	{"SM-05", SevWarning, Field, "Session logging waits for CloudWatch Logs"},
	{"SM-06", SevWarning, Source, "The session's log group does not serve"},
	{"SM-07", SevWarning, Field, "Sessions are cut off again and again"},
	{"SM-08", SevError, Source, "The RunAs user does not exist"},
	{"SM-10", SevWarning, Field, "The agent lacks a session plugin"},
	{"SM-12", SevWarning, Source, "A resource of the session is in another Region"},
}

var commandDocs = []page{
	{"RC-01", SevWarning, Field, "Output of Run Command cannot be delivered"},
	{"RC-03", SevWarning, Documented, "Patch Manager's buckets do not serve"},
	{"RC-04", SevWarning, Documented, "A program here lacks an endpoint that it needs"},
	{"RC-05", SevWarning, Documented, "Pulling images from ECR stops half way"},
	{"RC-06", SevInfo, Documented, "What the programs on this host need"},
	{"RC-07", SevInfo, Inferred, "Endpoints that nothing here seems to need"},
	{"RC-08", SevWarning, Documented, "A program is configured for another Region"},
}
