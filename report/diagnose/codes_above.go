package diagnose

// Codes above TCP: inspection and TLS, and until they move, proxies and the agent.

var firewallDocs = []page{
	{"FW-01", SevError, Documented, "The inspection path drops everything"},
	{"FW-02", SevError, Documented, "A firewall stops TLS to this name"},
	{"FW-03", SevError, Measured, "A firewall cannot handle a large TLS greeting"},
	{"FW-04", SevError, Documented, "TLS of some AWS names is re-signed on the way"},
	{"FW-05", SevError, Documented, "An inspecting device refuses the TLS connection"},
	{"FW-06", SevWarning, Documented, "A device on the path forgets idle connections"},
	{"FW-07", SevError, Documented, "Encapsulation on the path makes packets too large"},
	{"FW-08", SevError, Field, "A device on the path breaks websockets"},
	{"FW-09", SevError, Inferred, "A firewall on the path drops part of the traffic"},
}

var tlsDocs = []page{
	{"TL-01", SevError, Documented, "The certificate chain ends in an unknown CA"},
	{"TL-02", SevError, Field, "The host's trust store lacks a public root"},
	{"TL-03", SevError, Documented, "The clock of the host is wrong"},
	{"TL-04", SevError, Inferred, "Another server answers under this name"},
	{"TL-05", SevError, Source, "The server refuses our TLS parameters"},
	{"TL-07", SevError, Documented, "Large packets vanish on the path (MTU black hole)"},
	{"TL-08", SevError, Field, "Something that is not TLS answers on the port"},
	{"TL-12", SevInfo, Inferred, "TLS is intercepted by a CA this host trusts"},
	{"TL-13", SevError, Inferred, "The server's certificate is outside its validity"},
	{"TL-14", SevError, Inferred, "What takes the connection never answers TLS"},
}
