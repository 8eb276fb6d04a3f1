//go:build !linux

package channel

import (
	"context"
	"errors"
)

// diag: only Linux has it.
func diag(context.Context, owners) ([]row, error) { return nil, errors.ErrUnsupported }
