package diagnose

import "vpcdoctor/probe/fact"

// Versions at which the agent's behaviour changed (RELEASENOTES, read 2024-10);
// fact.OneChannel is a further one.
var (
	noIMDSv1    = fact.AgentVersion{3, 2, 1041, 0} // no fallback to IMDSv1
	newCommands = fact.AgentVersion{3, 1, 821, 0}  // Run Command may come over ssmmessages
	twoProcess  = fact.AgentVersion{3, 0, 151, 0}  // core and worker are two processes
	pingsOften  = fact.AgentVersion{3, 3, 987, 0}  // a websocket ping every 54 s
)
