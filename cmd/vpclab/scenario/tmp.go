package scenario

func healthy() []Scenario { return []Scenario{{Name: "healthy", Kind: Healthy, Want: Want{Status: "healthy"}}} }
func dnsFaults() []Scenario { return nil }
func securityFaults() []Scenario { return nil }
func endpointFaults() []Scenario { return nil }
func routeFaults() []Scenario { return nil }
func hostFaults() []Scenario { return nil }
func imdsFaults() []Scenario { return nil }
func roleFaults() []Scenario { return nil }
func agentFaults() []Scenario { return nil }
func tlsFaults() []Scenario { return nil }
func proxyFaults() []Scenario { return nil }
func inputFaults() []Scenario { return nil }
