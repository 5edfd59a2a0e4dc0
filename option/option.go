package option

import "fmt"

// Error says what is wrong and which option the caller has to give or change.
type Error struct {
	Option string // the field, such as "Crop"
	Err    error
}

// Error returns the message, without the option's name.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf is fmt.Errorf for an error that a different option would resolve.
func Errorf(option, format string, a ...any) error {
	return &Error{option, fmt.Errorf(format, a...)}
}
