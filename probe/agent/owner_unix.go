//go:build unix

package agent

import (
	"io/fs"
	"syscall"
)

// ownedByRoot tells whether user id 0 owns the file.
func ownedByRoot(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == 0
}
