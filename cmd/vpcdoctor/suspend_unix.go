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
	keys, on := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(keys, syscall.SIGTSTP)
	signal.Notify(on, syscall.SIGCONT)
	go func() {
		for range keys {
			for len(on) > 0 {
				<-on // of an earlier time
			}
			before()
			// The kernel may stop another thread first and let this one run on.
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
			<-on
			after()
		}
	}()
	return func() { signal.Stop(keys); signal.Stop(on) }
}
