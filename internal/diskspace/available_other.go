//go:build !linux && !darwin

package diskspace

import "errors"

func available(string) (int64, error) { return 0, errors.ErrUnsupported }
