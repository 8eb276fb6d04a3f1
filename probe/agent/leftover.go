package agent

// starters are the files by which older service managers start an agent. An
// upgrade of the system to systemd leaves them behind, and an init script that
// systemd picks up starts a second agent.
var starters = []string{
	"/etc/init/amazon-ssm-agent.conf",
	"/etc/init/amazon-ssm-agent.override",
	"/etc/init.d/amazon-ssm-agent",
}

// leftovers are those that exist.
func (r *reader) leftovers() []string {
	var out []string
	for _, path := range starters {
		if r.regular(path) {
			out = append(out, path)
		}
	}
	return out
}
