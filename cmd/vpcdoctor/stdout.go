package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// stdout is where reports go. Writing to it never fails, so that every verb
// ends the same way whatever became of its reader:
//
//   - A reader that goes away (vpcdoctor | head) is no fault: the program ends
//     quietly with the verdict's exit code, after the file sinks were written.
//   - Any other error (a full disk) means that what was asked for is lost. The
//     program says so on stderr and exits with 4, because a caller who reads
//     only the code must not take a torn report for a verdict; the file sinks
//     are written before.
type stdout struct {
	w io.Writer

	mu  sync.Mutex
	err error // the first one
}

// Write passes p on until an error; what comes after it is dropped.
func (s *stdout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		_, s.err = s.w.Write(p)
	}
	return len(p), nil
}

// broken tells whether nothing that is written arrives any more.
func (s *stdout) broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// lost is the error that the user must hear of, or nil.
func (s *stdout) lost() error {
	if s.err == nil || errors.Is(s.err, syscall.EPIPE) {
		return nil
	}
	return fmt.Errorf("writing to stdout: %w", s.err)
}
