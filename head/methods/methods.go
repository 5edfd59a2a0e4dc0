package methods

import (
	"fmt"
	"slices"

	"iconic/head/clustering"
	"iconic/head/directions"
	"iconic/head/method"
	"iconic/head/represent"
	"iconic/head/rival"
	"iconic/head/setting"
	"iconic/internal/spelling"
	"iconic/option"
)

// All returns the methods, the default first.
func All() []method.Method {
	return slices.Concat(directions.Methods(), clustering.Methods(), represent.Methods(), rival.Methods())
}

// Default is the name of the method used if none is named.
const Default = directions.Name

// Find finds a method by name; it fails on an unknown one, and suggests the one that was probably meant.
func Find(name string) (method.Method, error) {
	var names []string
	for _, m := range All() {
		if m.About().Name == name {
			return m, nil
		}
		names = append(names, m.About().Name)
	}
	if meant := spelling.Meant(name, names); meant != "" {
		return nil, fmt.Errorf("method %q is not known: did you mean %q?", name, meant)
	}
	return nil, option.Errorf("Method", "method %q is not known", name)
}

// Readers returns the names of the methods that read a setting.
func Readers(name string) []string {
	var readers []string
	for _, m := range All() {
		if _, reads := m.Recipe(10).Settings().Find(name); reads {
			readers = append(readers, m.About().Name)
		}
	}
	return readers
}

// Settings returns all settings that any method reads, each once, as its first reader declares it.
func Settings() setting.List {
	var all setting.List
	for _, m := range All() {
		for _, s := range m.Recipe(10).Settings() {
			if _, known := all.Find(s.Name); !known {
				all = append(all, s)
			}
		}
	}
	return all
}
