package option

import "fmt"

// Error says what is wrong, and which option the caller has to give, or to give differently.
type Error struct {
	Option string // the field, such as "Crop"
	Err    error
}

// Error is what is wrong, without the option's name.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *Error) Unwrap() error { return e.Err }

// Errorf is fmt.Errorf for an error that an option would mend.
func Errorf(option, format string, a ...any) error {
	return &Error{option, fmt.Errorf(format, a...)}
}
