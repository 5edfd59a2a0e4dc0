// Package setting declares the settings of methods: each once, with its name, kind, range, default and meaning, bound to the field in which
// the method keeps it. Flags, validation, `pipeline methods NAME`, config.json and docs/methods.md are made from these declarations, so a
// method cannot be given a setting that it does not read.
package setting
