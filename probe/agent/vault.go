package agent

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/hostname"
)

// vaultFiles are what the agent keeps in its vault, all of them JSON: a list
// of what is stored for the hybrid identity and for EC2's, either's
// registration with its private key, and the hash of the hardware.
var vaultFiles = []string{
	stateDir + "Vault/Manifest",
	stateDir + "Vault/EC2Manifest",
	vaultKeyPath,
	stateDir + "Vault/Store/EC2RegistrationKey",
	stateDir + "Vault/Store/InstanceFingerprint",
}

// vault looks at each file of the vault that exists, in memory that is wiped
// before it returns: what it holds is nobody's to see.
func (r *reader) vault() []fact.StateFile {
	var out []fact.StateFile
	buf := make([]byte, maxState)
	defer clear(buf)
	for _, path := range vaultFiles {
		n, err := r.ReadInto(path, buf)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f := fact.StateFile{Path: path, Outcome: r.outcome(err)}
		if info, err := r.Stat(path); err == nil {
			f.Bytes = info.Size()
		}
		if err == nil && !json.Valid(buf[:n]) {
			f.Outcome = fact.Outcome{Status: fact.Failed, Class: fact.Malformed, Detail: "not JSON"}
		}
		out = append(out, f)
	}
	return out
}

// registered is the instance that the agent's registration by the instance's
// own identity is for; both empty when there is none. A copied disk image
// carries that of the instance it was taken from.
func (r *reader) registered() (id, region string) {
	buf := make([]byte, maxState)
	defer clear(buf)
	n, err := r.ReadInto(stateDir+"Vault/Store/EC2RegistrationKey", buf)
	if err != nil {
		return "", ""
	}
	id, region, _ = parseRegistration(buf[:n], "i-")
	return id, region
}

const (
	maxStateDirs = 1024 // entries of the state directory; some 20 are normal
	maxRuntime   = 8    // node ids that are kept
)

// runtimeIDs are the nodes that have a directory in the state directory: every
// id under which an agent of this disk ever worked.
func (r *reader) runtimeIDs() []string {
	names, err := r.Names(strings.TrimSuffix(stateDir, "/"), maxStateDirs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.outcome(err) // notes a missing permission
	}
	var out []string
	for _, name := range names {
		id, ok := hostname.Label(name)
		if !ok || id != name || !strings.HasPrefix(id, "i-") && !strings.HasPrefix(id, "mi-") || len(out) == maxRuntime {
			continue
		}
		if info, err := r.Stat(stateDir + name); err == nil && info.IsDir() {
			out = append(out, classify.Clean(id, 64))
		}
	}
	return out
}
