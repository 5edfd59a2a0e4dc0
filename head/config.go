package head

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/setting"
)

// Config is the configuration of a training: the name of a method, and the settings that the method reads. Preset and Default return
// complete ones; Set changes a setting by name.
type Config struct {
	Method   string
	Clusters int // K ≥ 2
	Seed     uint64
	Settings setting.Values // settings of the method; a missing one has its default
}

// Default is the recommended configuration for that many clusters. docs/results.md shows its results.
func Default(clusters int) Config {
	c, err := Preset(methods.Default, clusters)
	if err != nil {
		return Config{Method: methods.Default, Clusters: clusters} // Validate reports the error
	}
	return c
}

// Preset returns the default configuration of a method; for an unknown name it fails and suggests the nearest.
func Preset(name string, clusters int) (Config, error) {
	m, err := methods.Find(name)
	if err != nil {
		return Config{}, err
	}
	return PresetOf(m, clusters), nil
}

// PresetOf is Preset for a method of your own, for TrainMethod.
func PresetOf(m method.Method, clusters int) Config {
	return Config{Method: m.About().Name, Clusters: clusters, Settings: m.Recipe(clusters).Settings().Values()}
}

// Set changes a setting by name to a value, or to the text of one. It fails on a setting that the method does not read, naming the methods
// that do, and on text that is not a value of the setting's kind.
func (c *Config) Set(name string, value any) error {
	m, err := methods.Find(c.Method)
	if err != nil {
		return err
	}
	return c.SetOf(m, name, value)
}

// SetOf is Set for a method of your own.
func (c *Config) SetOf(m method.Method, name string, value any) error {
	r, err := c.recipe(m)
	if err != nil {
		return err
	}
	list := r.Settings()
	s, ok := list.Find(name)
	if !ok {
		return &setting.Unread{Name: name, Method: c.Method, Readers: methods.Readers(name)}
	}
	if err := s.Set(setting.Text(value)); err != nil {
		return err
	}
	c.Settings = list.Values()
	return nil
}

// Text returns a setting's value as text, or "" if the method does not read it.
func (c Config) Text(name string) string {
	v, ok := c.Settings[name]
	if !ok {
		return ""
	}
	return setting.Text(v)
}

// Equal reports whether two configurations train the same.
func (c Config) Equal(o Config) bool {
	return c.Method == o.Method && c.Clusters == o.Clusters && c.Seed == o.Seed && c.Settings.Equal(o.Settings)
}

// recipe returns the method's own form of c.
func (c Config) recipe(m method.Method) (method.Recipe, error) {
	r := m.Recipe(c.Clusters)
	err := r.Settings().Apply(c.Settings)
	var unread *setting.Unread
	if errors.As(err, &unread) {
		unread.Method, unread.Readers = c.Method, methods.Readers(unread.Name)
	}
	return r, err
}

// Validate checks c against a set of n rows, before any work.
func (c Config) Validate(n int) error {
	m, err := methods.Find(c.Method)
	if err != nil {
		return err
	}
	_, _, err = c.resolved(m, n)
	return err
}

// resolved checks c against a set of n rows, and returns its recipe with the rules resolved, and notes on what that changed.
func (c Config) resolved(m method.Method, n int) (method.Recipe, []string, error) {
	switch {
	case c.Clusters < 2:
		return nil, nil, fmt.Errorf("clusters %d: want at least 2", c.Clusters)
	case c.Clusters > n:
		return nil, nil, fmt.Errorf("clusters %d of %d images: want at most as many clusters as images", c.Clusters, n)
	}
	r, err := c.recipe(m)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Settings().Check(n); err != nil {
		return nil, nil, err
	}
	notes, err := r.Resolve(n)
	return r, notes, err
}

// Fit lowers settings that the user has not chosen to values that suit a set of n rows: ten neighbours are too many for six images. It
// returns the changed c, and a note for each change and for each chosen setting that has no effect. It fails on an unknown method and on a chosen
// setting that others contradict, and leaves everything else to Validate.
func (c Config) Fit(n int, chosen func(name string) bool) (Config, []string, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return c, nil, err
	}
	r, err := c.recipe(m)
	if err != nil || n < 1 || c.Clusters < 1 {
		return c, nil, err
	}
	var notes []string
	list := r.Settings()
	for _, s := range list {
		if chosen(s.Name) {
			continue
		}
		note, err := s.Fit(n, c.Clusters)
		if err != nil {
			return c, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	c.Settings = list.Values()
	if list.Check(n) != nil { // which Validate reports
		return c, notes, nil
	}
	idle, err := list.Chosen(n, chosen)
	return c, append(notes, idle...), err
}

// Resolve adapts c to a set of n rows: it shrinks a batch larger than the set, and replaces rules by the values they give. It returns notes
// on the changes that a user should know.
func (c Config) Resolve(n int) (Config, []string, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return c, nil, err
	}
	r, err := c.recipe(m)
	if err != nil {
		return c, nil, err
	}
	notes, err := r.Resolve(n)
	c.Settings = r.Settings().Values()
	return c, notes, err
}

// MarshalJSON writes method, clusters and seed, and next to them the settings, under their names with _ for -.
func (c Config) MarshalJSON() ([]byte, error) {
	m := map[string]any{"method": c.Method, "clusters": c.Clusters, "seed": c.Seed}
	for name, v := range c.Settings {
		m[key(name)] = v
	}
	return json.Marshal(m)
}

func key(name string) string { return strings.ReplaceAll(name, "-", "_") }

// UnmarshalJSON reads the output of MarshalJSON. Numbers keep their digits; settings are checked when they are used.
func (c *Config) UnmarshalJSON(b []byte) error {
	var fixed struct {
		Method   string
		Clusters int
		Seed     uint64
	}
	if err := json.Unmarshal(b, &fixed); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*c = Config{fixed.Method, fixed.Clusters, fixed.Seed, setting.Values{}}
	for k, raw := range all {
		if slices.Contains([]string{"method", "clusters", "seed"}, k) {
			continue
		}
		name := strings.ReplaceAll(k, "_", "-")
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		if text, ok := v.(string); ok {
			c.Settings[name] = text
		} else if _, ok := v.(bool); ok {
			c.Settings[name] = v
		} else {
			c.Settings[name] = string(raw)
		}
	}
	return c.typed()
}

// typed converts the texts of numbers to the types of the method's settings, if the method is known.
func (c *Config) typed() error {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil // a user's own method: its settings stay text
	}
	list := m.Recipe(c.Clusters).Settings()
	if c.earlier(list) {
		c.distilled(list)
		return nil
	}
	for name, v := range c.Settings {
		s, ok := list.Find(name)
		if !ok {
			continue // Validate reports it
		}
		if err := s.Set(setting.Text(v)); err != nil {
			return err
		}
		c.Settings[name] = s.Value()
	}
	c.distilled(list)
	c.unrefined(list)
	return nil
}

// unrefined reads a configuration from before refine was offered only by methods that it changes: elsewhere it only trained for longer.
func (c *Config) unrefined(list setting.List) {
	if _, reads := list.Find("refine"); !reads {
		delete(c.Settings, "refine")
	}
}

// distilled reads a configuration from before a vote could be kept whole: if heads voted, one head has learnt their vote.
func (c *Config) distilled(list setting.List) {
	if _, reads := list.Find("distil"); !reads {
		return
	}
	if _, given := c.Settings["distil"]; !given {
		heads, _ := c.Settings["heads"].(int)
		c.Settings["distil"] = c.Settings["consensus"] == true && heads > 1
	}
}

// earlier reads the settings of a run folder of format 1, in which every method had every setting, some under other names. It keeps those
// that the method reads.
func (c *Config) earlier(list setting.List) bool {
	schedule, is := c.Settings["schedule"].(string)
	if !is || !strings.HasPrefix(schedule, "{") {
		return false
	}
	var s struct {
		Kind   string
		WarmUp float64 `json:"warm_up"`
	}
	if json.Unmarshal([]byte(schedule), &s) != nil {
		return false
	}
	was := c.Settings
	was["schedule"], was["warm-up"] = s.Kind, s.WarmUp
	was["lr"], was["use-views"] = was["learning-rate"], was["views"]
	kept := setting.Values{}
	for _, one := range list {
		if one.Shorthand || one.Name == "distil" { // which came later
			continue
		}
		v, ok := was[one.Name]
		if !ok || v == nil { // format 1 omitted zero values
			v = map[string]any{"int": 0, "bool": false, "name": "kl"}[one.Kind]
		}
		if v == nil {
			v = 0.0
		}
		if one.Set(setting.Text(v)) == nil {
			kept[one.Name] = one.Value()
		}
	}
	c.Settings = kept
	return true
}
