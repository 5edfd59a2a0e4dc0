package linear

import "errors"

// ErrNotFinite is wrapped by the error of a training whose numbers are no longer finite.
var ErrNotFinite = errors.New("not finite")

// NumbersError says that numbers which a training has made are not finite, where it is not known whether its method has a learning rate to lower.
// ErrNotFinite is in its chain.
type NumbersError struct {
	Numbers string // with their verb, such as "logits of row 3 are"
}

func (e *NumbersError) Error() string { return e.Numbers + " " + ErrNotFinite.Error() }

func (e *NumbersError) Unwrap() error { return ErrNotFinite }
