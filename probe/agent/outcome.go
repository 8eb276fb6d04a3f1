package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os/exec"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// maxText bounds any text that comes from the host: names, versions, states.
const maxText = 128

// outcome is how reading one of the agent's files ended. That it is closed to
// this user is noted for Access.
func (r *reader) outcome(err error) fact.Outcome {
	if r.closed(err) {
		r.denied.Store(true)
	}
	return r.ended(err)
}

// closed tells whether this user lacks a permission that root has.
func (r *reader) closed(err error) bool { return errors.Is(err, fs.ErrPermission) && r.uid != 0 }

// ended is how reading a file of the system ended. A permission that only root
// has makes it NotRun: what lies behind is unknown, not absent.
func (r *reader) ended(err error) fact.Outcome {
	switch {
	case err == nil:
		return fact.Outcome{Status: fact.OK}
	case r.closed(err):
		return fact.Skip(needsRoot)
	}
	return fact.Outcome{Status: fact.Failed, Class: classOf(err), Detail: classify.Clean(err.Error(), maxText)}
}

// classOf names the failure of a file or a command.
func classOf(err error) fact.Class {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return fact.NotFound
	case errors.Is(err, fs.ErrPermission):
		return fact.PermissionDenied
	case errors.Is(err, sysfile.ErrTooLarge), errors.Is(err, ErrOutput):
		return fact.TooLarge
	case errors.Is(err, context.Canceled):
		return fact.Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return fact.Timeout
	case errors.As(err, &syntax), errors.As(err, &kind), errors.Is(err, sysfile.ErrNotRegular):
		return fact.Malformed
	}
	return fact.OtherFailure
}
