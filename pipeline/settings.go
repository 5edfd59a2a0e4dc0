package main

import (
	"errors"
	"fmt"
	"strconv"

	"iconic/head"
	"iconic/head/methods"
	declared "iconic/head/setting"
)

// setting is a setting of the training by its name: a flag of train, and one that takes a list of sweep.
type setting struct {
	name, kind, usage string
	apply             func(c *head.Config, value string) error
	parse             func(value string) error // whether it is a value of its kind at all
}

// trainSettings are applied in this order: the method makes the configuration that the others change. All but the first two are what methods
// declare.
func trainSettings() []setting {
	list := []setting{
		{
			name: "clusters", kind: "int", usage: "number of clusters (default: the number of classes)",
			apply: func(c *head.Config, v string) (err error) { c.Clusters, err = strconv.Atoi(v); return err },
			parse: func(v string) error { return wholeNumber("clusters", v) },
		},
		{
			name: "method", kind: "name", usage: "training method; see 'pipeline methods' (default: " + methods.Default + ")",
			apply: func(c *head.Config, v string) error {
				preset, err := head.Preset(v, c.Clusters)
				if err == nil {
					*c = preset
				}
				return err
			},
			parse: func(string) error { return nil },
		},
	}
	for _, s := range methods.Settings() {
		list = append(list, setting{
			name: s.Name, kind: s.Kind, usage: fmt.Sprintf("%s: %s (default: by the method)", s.Meaning, s.Range),
			apply: func(c *head.Config, v string) error { return c.Set(s.Name, v) },
			parse: func(v string) error {
				if err := s.Set(v); err != nil || s.Kind != "name" {
					return err
				}
				return s.Check(0)
			},
		})
	}
	return list
}

// wayOut adds to the refusal of a setting that the default method does not read, where nobody has chosen a method, how to choose one that does.
func wayOut(err error, methodGiven bool) error {
	var unread *declared.Unread
	if methodGiven || !errors.As(err, &unread) || len(unread.Readers) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s is the default: to set --%s, name one of these, as by --method %s", err, unread.Method, unread.Name, unread.Readers[0])
}

func wholeNumber(name, v string) error {
	if _, err := strconv.Atoi(v); err != nil {
		return fmt.Errorf("%s %q: want a whole number", name, v)
	}
	return nil
}

// chosen is a setting as a flag of one value, understood when it is given.
type chosen struct {
	setting
	value string
	given bool
}

// Set keeps a value that the setting can understand. Whether the method reads it is judged later.
func (o *chosen) Set(v string) error {
	if err := o.parse(v); err != nil {
		return err
	}
	o.value, o.given = v, true
	return nil
}

func (o *chosen) String() string { return o.value }

// Type is the word that the flag's help shows.
func (o *chosen) Type() string { return o.kind }

// IsBoolFlag lets a setting that is true or false stand without a value.
func (o *chosen) IsBoolFlag() bool { return o.kind == "bool" }

// shorthand is the one-letter flag of the setting; "" for most.
func (s setting) shorthand() string {
	if s.name == "clusters" {
		return "k"
	}
	return ""
}
