package fact

// Software is a program on this host that calls AWS, and the profile of
// endpoints that it needs (`check --auto`).
type Software struct {
	Outcome             // of reading its configuration
	ID       string     `json:"id"`   // "cloudwatch-agent"
	Path     string     `json:"path"` // binary or mark by which it was found
	Config   string     `json:"config,omitempty"`
	Running  bool       `json:"running,omitempty"`
	Profiles []string   `json:"profiles,omitempty"`  // that it made the run take
	Services []string   `json:"services,omitempty"`  // further ones that its configuration demands
	Region   string     `json:"region,omitempty"`    // that its configuration names
	Override []Override `json:"overrides,omitempty"` // endpoints that its configuration names
}
