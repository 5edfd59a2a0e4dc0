// Package identitytest makes sure that the keys of package identity know every input. A test gives a value of the input, a function to
// its keys, and a rule for each field: which keys know it, or why none does. Fields that no rule names fail, so that whoever adds one
// has to say which results depend on it.
package identitytest
