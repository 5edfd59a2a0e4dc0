package run

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"iconic/features"
	"iconic/head"
	"iconic/head/methods"
	"iconic/head/setting"
	"iconic/internal/plural"
	"iconic/internal/spelling"
)

// Setting is a setting of a training that can be given by name: the number of clusters, the method, or one that methods declare.
type Setting struct {
	Name, Kind, Usage string // Kind is that of setting.Setting

	// Shorthand marks a setting that only sets others, so that two of its values can mean the same training.
	Shorthand bool

	// Parse reports whether a text is a value of the setting's kind. Configure decides whether the method reads it.
	Parse func(value string) error

	apply func(c *head.Config, value string) error
}

// Settings lists them in the order in which they are applied: the method makes the configuration that the others change.
func Settings() []Setting {
	list, texts := settings(), usages()
	for i := range list {
		list[i].Usage = cmp.Or(list[i].Usage, texts[list[i].Name])
	}
	return list
}

// settings are Settings without the usage of those that methods declare.
func settings() []Setting {
	list := []Setting{
		{
			Name: "clusters", Kind: "int", Usage: "number of clusters, or auto: found without labels (default: the number of classes with images)",
			apply: func(c *head.Config, v string) (err error) {
				if v == AutoClusters {
					return errors.New("clusters auto: the number must be found before a training can be configured")
				}
				if c.Clusters, err = strconv.Atoi(v); err != nil {
					err = fmt.Errorf("clusters %q: want a whole number", v)
				}
				return err
			},
			Parse: func(v string) error {
				if v == AutoClusters {
					return nil
				}
				return wholeNumber("clusters", v)
			},
		},
		{
			Name: "method", Kind: "name", Usage: "training method (default: " + methods.Default + ")",
			apply: func(c *head.Config, v string) error {
				preset, err := head.Preset(v, c.Clusters)
				if err == nil {
					*c = preset
				}
				return err
			},
			Parse: func(string) error { return nil },
		},
	}
	for _, s := range methods.Settings() {
		list = append(list, Setting{
			Name: s.Name, Kind: s.Kind, Shorthand: s.Shorthand,
			apply: func(c *head.Config, v string) error { return c.Set(s.Name, v) },
			Parse: func(v string) error {
				if err := s.Set(v); err != nil || s.Kind != "name" {
					return err
				}
				return s.Check(0)
			},
		})
	}
	return list
}

// usages describes each setting by name. Where methods give it several meanings or ranges, it has them all, in the order of the methods.
func usages() map[string]string {
	meanings := map[string][]string{}
	for _, m := range methods.All() {
		for _, s := range m.Recipe(10).Settings() {
			if text := usage(s); !slices.Contains(meanings[s.Name], text) {
				meanings[s.Name] = append(meanings[s.Name], text)
			}
		}
	}
	texts := map[string]string{}
	for name, list := range meanings {
		texts[name] = strings.Join(list, "; or ")
		if len(list) > 1 {
			texts[name] = "depends on the method: " + texts[name]
		}
	}
	return texts
}

// usage describes a setting's meaning and range. Its default depends on the method.
func usage(s setting.Setting) string {
	if s.Kind == "bool" {
		return s.Meaning
	}
	return fmt.Sprintf("%s (%s)", s.Meaning, s.Range)
}

func wholeNumber(name, v string) error {
	if _, err := strconv.Atoi(v); err != nil {
		return fmt.Errorf("%s %q: want a whole number, or auto", name, v)
	}
	return nil
}

// ErrClusters is Configure's error if the number of clusters is not given, either by the values or by the data's classes, or if the data has
// a single class.
var ErrClusters = errors.New("the data has no classes to count")

// classError says why the classes do not give the number of clusters.
type classError struct{ problem string }

func (e *classError) Error() string { return e.problem }

// Is makes it an ErrClusters: the number must be given.
func (e *classError) Is(target error) bool { return target == ErrClusters }

// SettingsError says that a run's settings are invalid: a value out of range, a setting that the method does not read, or a missing input.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }

func (e *SettingsError) Unwrap() error { return e.Err }

// Configure makes the configuration of a training from values by setting name, for the given number of images and of classes that have some. All other
// settings have the method's defaults; the notes say which defaults were lowered for a small set, and which of the values have no effect. Every error
// is a SettingsError, also for a name that Settings does not list.
func Configure(values map[string]string, seed uint64, images, classes int) (c head.Config, notes []string, err error) {
	if c, notes, err = configure(values, seed, images, classes); err != nil {
		err = &SettingsError{err}
	}
	return c, notes, err
}

func configure(values map[string]string, seed uint64, images, classes int) (c head.Config, notes []string, err error) {
	all := settings()
	if err := known(all, slices.Sorted(maps.Keys(values))); err != nil {
		return c, nil, err
	}
	if images < 2 {
		return c, nil, fmt.Errorf("clustering needs at least 2 images, but there is %s", [...]string{"none", "1"}[max(images, 0)])
	}
	if _, given := values["clusters"]; !given {
		switch classes {
		case 0:
			return c, nil, ErrClusters
		case 1:
			return c, nil, &classError{"the labels have a single class, but clustering needs at least 2 clusters"}
		}
	}
	c = head.Default(classes)
	for _, s := range all {
		v, given := values[s.Name]
		switch {
		case given:
			err = s.apply(&c, v)
		case s.Name == "method": // the preset depends on the number of clusters
			err = s.apply(&c, methods.Default)
		}
		if err != nil {
			_, chosen := values["method"]
			return c, nil, readers(err, chosen)
		}
		if s.Name == "clusters" && c.Clusters < 2 {
			return c, nil, fmt.Errorf("clusters %d: want at least 2", c.Clusters)
		}
	}
	c.Seed = seed
	c, notes, err = c.Fit(images, func(name string) bool { _, given := values[name]; return given })
	if err != nil {
		return c, nil, err
	}
	return c, append(notes, unsided(values, c)...), c.Validate(images)
}

// ConfigureFor is Configure for a set of features: unless a number of clusters is given, it is that of the set's classes with images. A note says
// which classes do not count for that, and another that the views asked for are not there.
func ConfigureFor(set *features.Set, values map[string]string, seed uint64) (c head.Config, notes []string, err error) {
	if err := set.Check(); err != nil {
		return c, nil, &SettingsError{Err: err}
	}
	counted, named := set.WithImages(), len(set.Classes)
	_, given := values["clusters"]
	if c, notes, err = Configure(values, seed, set.Len(), counted); err != nil {
		if !given && counted == 0 && named > 0 && errors.Is(err, ErrClusters) {
			err = &SettingsError{&classError{fmt.Sprintf("%s, but no image has a class", plural.Of(named, "class is named", "classes are named"))}}
		}
		return c, nil, err
	}
	if !given && counted < named {
		notes = append(notes, fmt.Sprintf("%d of %d classes %s no image (such as %s) and %s not count towards the number of clusters",
			named-counted, named, plural.Word(named-counted, "has", "have"), set.FirstWithout(), plural.Word(named-counted, "does", "do")))
	}
	return c, append(notes, Unviewed(values, c, len(set.Views))...), nil
}

// known refuses the first of the given names that is not one of all settings, with the one that was probably meant.
func known(all []Setting, given []string) error {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	for _, name := range given {
		if slices.Contains(names, name) {
			continue
		}
		plain := strings.ToLower(strings.TrimSpace(name))
		if plain == "seed" {
			return fmt.Errorf("%q is not one of the settings: give the seed in the field Seed, or for a sweep the number of seeds in Seeds", name)
		}
		if meant := spelling.Meant(plain, names); meant != "" {
			return fmt.Errorf("setting %q is not known: did you mean %q?", name, meant)
		}
		return fmt.Errorf("setting %q is not known: leave it out, or use one of those that run.Settings lists", name)
	}
	return nil
}

// Unviewed is a note if the values ask for views, and the features, which have so many augmented ones, have none.
func Unviewed(values map[string]string, c head.Config, views int) []string {
	if _, given := values["use-views"]; !given || views > 0 || c.Text("use-views") != "true" {
		return nil
	}
	return []string{"use-views true has no effect: the features have one view of each image"}
}

// readers adds to the refusal of a setting that the default method does not read which method to choose, if none was chosen.
func readers(err error, chosen bool) error {
	var unread *setting.Unread
	if chosen || !errors.As(err, &unread) || len(unread.Readers) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s is the default method: to set %s, choose one of these, such as %s", err, unread.Method, unread.Name, unread.Readers[0])
}
