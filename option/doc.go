// Package option has the error that an option would mend. Packages name the option as their fields do; whoever asks a person for options,
// such as the command with its flags, says how it is given there.
package option
