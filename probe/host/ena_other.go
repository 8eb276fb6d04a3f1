//go:build !linux

package host

import "errors"

func driverStats(string) (names, values []byte, err error) {
	return nil, nil, errors.ErrUnsupported
}
