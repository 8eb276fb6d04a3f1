//go:build !unix

package agent

import "io/fs"

// ownedByRoot has no meaning where files have no user id.
func ownedByRoot(fs.FileInfo) bool { return false }
