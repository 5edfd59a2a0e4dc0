// Package option has the error type for a missing or unsuitable option. Packages name the option by their own field; a caller that takes
// options from a person, such as the command with its flags, translates the name.
package option
