package scenario

func agentScenarios() []Scenario { return nil }
