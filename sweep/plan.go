package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"iconic/features"
	"iconic/head"
	"iconic/internal/identity"
	"iconic/internal/plural"
	"iconic/progress"
	"iconic/run"
)

// plan lists points and jobs.
func (s *Sweep) plan(ctx context.Context) error {
	s.distinct()
	stores := s.options.Sets
	if len(stores) > 1 {
		s.varied = append(s.varied, "store")
	}
	settings := run.Settings()
	varied := varying(s.options.Combinations, settings)
	s.varied = append(s.varied, varied...)
	names := s.stores()
	l := &listing{sweep: s, byName: map[string]*Job{}, alike: map[string]*Job{}}
	seen, again := map[string][]Combination{}, 0
	for k, set := range stores {
		for i, c := range s.options.Combinations {
			p := new(point)
			if len(stores) > 1 {
				p.values = append(p.values, names[k])
			}
			for _, name := range varied {
				p.values = append(p.values, cmp.Or(c[name], "default"))
			}
			if err := l.jobs(ctx, p, set, c); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				return s.unplanned(i, err)
			}
			if slices.ContainsFunc(seen[p.name], func(earlier Combination) bool { return c.repeats(earlier, settings) }) {
				again++
				continue
			}
			seen[p.name] = append(seen[p.name], c)
			s.points = append(s.points, p)
		}
	}
	if again > 0 {
		s.options.Hooks.Notef("%s", plural.Of(again, "combination repeats another: it counts once", "combinations repeat others: each counts once"))
	}
	s.tellAlike()
	return nil
}

// unplanned is the error of a combination, with where it comes from.
func (s *Sweep) unplanned(combination int, err error) error {
	if combination < len(s.options.Origins) {
		err = fmt.Errorf("%s: %w", s.options.Origins[combination], err)
	}
	return &SettingsError{err}
}

// varying lists the settings in which combinations differ.
func varying(combinations []Combination, settings []run.Setting) []string {
	var varied []string
	for _, setting := range settings {
		seen := map[string]bool{}
		for _, c := range combinations {
			seen[c[setting.Name]] = true
		}
		if len(seen) > 1 {
			varied = append(varied, setting.Name)
		}
	}
	return varied
}

// listing is a list of jobs that grows.
type listing struct {
	sweep  *Sweep
	byName map[string]*Job // by the name that a run of the configuration has
	alike  map[string]*Job // by the name that a run of the resolved configuration would have

	planned int // runs
}

// jobs gives a point its name, and one job per seed.
func (l *listing) jobs(ctx context.Context, p *point, set *features.Set, c Combination) error {
	base, err := l.sweep.configure(set, c)
	if err != nil {
		return err
	}
	for seed := range l.sweep.options.Seeds {
		if err := ctx.Err(); err != nil {
			return err
		}
		j, own, err := l.job(set, base, seed)
		if err != nil {
			return err
		}
		p.jobs = append(p.jobs, j)
		if seed == 0 {
			p.name = own
		}
		l.tell()
	}
	return nil
}

// tell reports now and then how many runs are planned, if they are many.
func (l *listing) tell() {
	const many = 1000
	o := l.sweep.options
	l.planned++
	if total := len(o.Sets) * len(o.Combinations) * o.Seeds; total > many && l.planned%(many/10) == 0 {
		o.Hooks.At(progress.Step{Stage: "preparation", Unit: "runs", Done: int64(l.planned), Total: int64(total)})
	}
}

// configured is a combination on a set, the same for each seed.
type configured struct {
	config, resolved head.Config
	wanted           head.Wanted
	notes            []string // on the resolved configuration
}

// configure checks that a combination can be trained on a set.
func (s *Sweep) configure(set *features.Set, c Combination) (configured, error) {
	config, notes, err := run.ConfigureFor(set, c, 0)
	if err != nil {
		return configured{}, s.whose(set, err, len(s.options.Sets) > 1 || errors.Is(err, run.ErrClusters))
	}
	s.noteEach(notes)
	base := configured{config: config}
	t := s.training(&Job{Config: config, set: set}, "")
	if err = t.Validate(); err == nil {
		base.resolved, base.notes, err = config.Resolve(set.Len())
	}
	if err == nil {
		base.wanted, err = config.Wanted(set.Len())
	}
	return base, s.whose(set, err, len(s.options.Sets) > 1)
}

// job is the run of a combination on a set, an existing one if that trains the same; own is the name of a run of just this configuration.
func (l *listing) job(set *features.Set, base configured, seed int) (j *Job, own string, err error) {
	s, config, resolved := l.sweep, seeded(base.config, seed), seeded(base.resolved, seed)
	if own, err = runName(set, config); err != nil || l.byName[own] != nil {
		return l.byName[own], own, err
	}
	key, err := runName(set, resolved)
	if err != nil {
		return nil, "", err
	}
	if j = l.alike[key]; j != nil {
		s.noteEach(base.notes) // those of the other one are noted by its training
	} else {
		j = &Job{Name: own, Config: config, set: set, wanted: base.wanted, number: len(s.Jobs)}
		s.Jobs = append(s.Jobs, j)
		l.alike[key] = j
	}
	l.byName[own] = j
	return j, own, nil
}

// seeded is a configuration of its own with a seed.
func seeded(c head.Config, seed int) head.Config {
	c.Seed, c.Settings = uint64(seed), maps.Clone(c.Settings)
	return c
}

// whose is an error with the set that it concerns, if that is not clear.
func (s *Sweep) whose(set *features.Set, err error, named bool) error {
	if named && err != nil {
		return fmt.Errorf("%s: %w", set.Source.Store, err)
	}
	return err
}

// tellAlike notes which points share the runs of an earlier one although their settings differ: with this many images they mean the same, or a shorthand
// makes the same of both.
func (s *Sweep) tellAlike() {
	var one, other string // of the first such pair
	n := 0
	for i, p := range s.points {
		first := slices.IndexFunc(s.points, func(q *point) bool { return q.jobs[0] == p.jobs[0] })
		if first == i {
			continue
		}
		if n++; n == 1 {
			one, other = s.words(p), s.words(s.points[first])
		}
	}
	switch {
	case n == 1:
		s.options.Hooks.Notef("%s trains the same as %s: they share their runs", one, other)
	case n > 1:
		s.options.Hooks.Notef("%d combinations train the same as earlier ones and share their runs, such as %s with %s", n, one, other)
	}
}

// noteEach reports notes on the settings, each text once.
func (s *Sweep) noteEach(notes []string) {
	for _, note := range notes {
		if !s.notes[note] {
			s.options.Hooks.Notef("%s", note)
		}
		s.notes[note] = true
	}
}

// runName is the same for the same settings on the same features, scored with the same labels, and for no others.
func runName(set *features.Set, c head.Config) (string, error) {
	key, err := identity.Run{Features: set.Source.Key, Labels: set.Labels, Classes: set.Classes, Training: c}.Key()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("k%d-%s-seed%d-%s", c.Clusters, c.Method, c.Seed, key), nil
}
