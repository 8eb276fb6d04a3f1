//go:build !linux

package sysfile

import "errors"

// Space asks for the file system under a path; on Linux only.
func (r Root) Space(string) (Space, error) { return Space{}, errors.ErrUnsupported }

// Records reads what a log device holds now; on Linux only.
func (r Root) Records(string, int) ([]byte, error) { return nil, errors.ErrUnsupported }
