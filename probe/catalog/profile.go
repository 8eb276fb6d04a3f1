package catalog

import "slices"

// Profile is a use case and the services it needs, by catalogue id.
type Profile struct {
	ID          string     `json:"id"`    // "session-manager"
	Title       string     `json:"title"` // "Session Manager"
	Required    []string   `json:"required,omitempty"`
	OneOf       [][]string `json:"oneOf,omitempty"` // of each group one working member is enough
	Recommended []string   `json:"recommended,omitempty"`
	Optional    []string   `json:"optional,omitempty"`
	Note        string     `json:"note,omitempty"`
	Source      string     `json:"source"` // who says that these are needed
}

// Profiles returns the profiles in the catalogue's order.
func (c *Catalog) Profiles() []Profile { return slices.Clone(c.doc.Use) }

// Profile returns one profile by id.
func (c *Catalog) Profile(id string) (Profile, bool) {
	for _, p := range c.doc.Use {
		if p.ID == id {
			return p, true
		}
	}
	return Profile{}, false
}

// Members are the ids of all services of the profile, strongest need first.
func (p Profile) Members() []string {
	out := slices.Clone(p.Required)
	for _, g := range p.OneOf {
		out = append(out, g...)
	}
	out = append(out, p.Recommended...)
	return append(out, p.Optional...)
}
