package diagnose

// unseenDocs are causes of which nothing shows on the instance: no rule can
// find them. Their pages say which call decides.
var unseenDocs = []page{
	{"GW-09", SevInfo, Documented, "A new gateway route has cut open connections"},
	{"GW-14", SevInfo, Documented, "A gateway endpoint carries TCP and ping only"},
	{"PL-02", SevInfo, Documented, "The provider does not allow our account"},
	{"PL-11", SevInfo, Source, "A custom service in China has another name prefix"},
	{"TL-11", SevInfo, Inferred, "Strict clients cannot ask for revoked certificates"},
	{"AG-18", SevInfo, Inferred, "The console shows another Region, or hides the node"},
	{"SM-11", SevInfo, Inferred, "The operator's own network blocks the session"},
}
