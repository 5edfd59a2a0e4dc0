// Package identitytest verifies that the keys of package identity cover every input. A test gives a value of the input, a function that
// computes its keys, and a rule for each field: which keys include it, or why none does. A field without a rule fails, so whoever adds one
// has to decide which results depend on it.
package identitytest
