//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onSuspend has Ctrl-Z stop the program between two calls: before it stops, and
// after it goes on. The result ends that.
func onSuspend(before, after func()) (end func()) {
	keys := make(chan os.Signal, 1)
	signal.Notify(keys, syscall.SIGTSTP)
	go func() {
		for range keys {
			before()
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
			after()
		}
	}()
	return func() { signal.Stop(keys) }
}
