package diagnose

// Codes of the proxy on the way and of the SSM Agent itself.

var proxyDocs = []page{
	{"PX-01", SevError, Documented, "The shell has a proxy, the agent has none"},
	{"PX-02", SevError, Documented, "no_proxy of the agent lacks the metadata address"},
	{"PX-03", SevWarning, Inferred, "The agent's traffic takes the proxy past the endpoints"},
	{"PX-04", SevError, Inferred, "The proxy wants credentials"},
	{"PX-05", SevError, Field, "The proxy does not pass some AWS names"},
	{"PX-06", SevError, Field, "The proxy URL says https, the proxy speaks plain HTTP"},
	{"PX-07", SevError, Inferred, "The agent's proxy cannot be reached"},
	{"PX-08", SevWarning, Inferred, "An entry of no_proxy does not mean what it seems to"},
	{"PX-09", SevError, Documented, "The proxy is set for a unit that does not run the agent"},
}

var agentDocs = []page{
	{"AG-01", SevError, Documented, "The SSM Agent is not installed"},
	{"AG-02", SevError, Documented, "The SSM Agent is not running as it should"},
	{"AG-03", SevWarning, Field, "Two installations of the SSM Agent"},
	{"AG-04", SevError, Source, "The agent waits, and does not look whether it may go on"},
	{"AG-05", SevWarning, Source, "The SSM Agent is too old for today's channel"},
	{"AG-06", SevInfo, Source, "The agent's config overrides its endpoints"},
	{"AG-07", SevWarning, Source, "The agent's record names another instance"},
	{"AG-08", SevError, Field, "A hybrid activation is left on this EC2 instance"},
	{"AG-09", SevError, Field, "A file system that the agent writes to is full"},
	{"AG-10", SevError, Field, "No inotify watch or instance is left for root"},
	{"AG-11", SevError, Field, "The agent cannot write: its file system is read-only"},
	{"AG-12", SevWarning, Field, "Scripts of the agent cannot run: noexec"},
	{"AG-13", SevWarning, Field, "SELinux or AppArmor denies the agent something"},
	{"AG-14", SevError, Field, "A file of the agent's vault is damaged"},
	{"AG-15", SevError, Inferred, "The agent crashes, or the kernel ends it for memory"},
	{"AG-16", SevError, Field, "The agent started before network, name service or clock"},
	{"AG-17", SevWarning, Inferred, "The agent's config names another Region"},
	{"AG-19", SevWarning, Source, "The agent's update fails"},
	{"AG-20", SevError, Source, "The agent runs without its worker"},
	{"AG-21", SevWarning, Source, "The agent does not fall back to ec2messages"},
	{"AG-22", SevError, Source, "The agent's config file is not valid JSON"},
	{"AG-23", SevWarning, Inferred, "The agent runs in another network namespace"},
	{"AG-24", SevInfo, Inferred, "The agent runs from a file that was replaced"},
	{"AG-25", SevInfo, Inferred, "The agent's connection leads to an address of before"},
	{"AG-26", SevWarning, Source, "The agent is on the old channel"},
	{"AG-27", SevWarning, Inferred, "The agent is at its limit of open files"},
}
