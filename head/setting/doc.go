// Package setting declares the settings of methods: each once, with its name, kind, range, default and meaning, bound to the
// field in which the method keeps it. Flags, validation, `pipeline methods NAME`, config.json and docs/methods.md are made from these
// declarations, so that a setting which a method does not read cannot be given to it.
package setting
