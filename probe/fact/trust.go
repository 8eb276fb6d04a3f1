package fact

// Trust is which root certificates the verifications used.
type Trust struct {
	SystemRoots    int      `json:"system_roots"`             // certificates in the system pool
	SystemFrom     []string `json:"system_from,omitempty"`    // files and directories
	ReferenceRoots int      `json:"reference_roots"`          // certificates in the reference set
	Added          []string `json:"added,omitempty"`          // PEM files added to the reference set
	Error          string   `json:"error,omitempty"`          // why the system pool could not be read
	LocallyAdded   []string `json:"locally_added,omitempty"`  // subjects in the system pool that are not reference roots, at most 16
	MissingAmazon  []string `json:"missing_amazon,omitempty"` // Amazon roots that the system pool lacks
}
