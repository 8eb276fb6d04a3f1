package state

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// full tells an error that every further write will meet again.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS)
}

// bare is an error without the path that the caller is about to name.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// several is errors on one line.
type several []error

func (s several) Unwrap() []error { return s }

func (s several) Error() string {
	var words []string
	for _, err := range s {
		words = append(words, err.Error())
	}
	return strings.Join(words, "; ")
}

// together is errors.Join for people who read lines. The name of a system call
// is none of theirs.
func together(errs ...error) error {
	var out several
	for _, err := range errs {
		if err != nil {
			out = append(out, spoken(err))
		}
	}
	switch len(out) {
	case 0:
		return nil
	case 1:
		return out[0]
	}
	return out
}

// at is an error of a file, without the system call.
type at struct {
	path string
	err  error
}

func (a at) Error() string { return a.path + ": " + a.err.Error() }
func (a at) Unwrap() error { return a.err }

func spoken(err error) error {
	switch e := err.(type) { //nolint:errorlint // what wraps one of these has words of its own
	case *fs.PathError:
		return at{e.Path, e.Err}
	case *os.LinkError:
		return at{e.New, e.Err}
	}
	return err
}
