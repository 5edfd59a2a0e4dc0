package distributions

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"iconic/features"
	"iconic/head"
	"iconic/head/methods"
	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/progress"
	"iconic/report/page"
	"iconic/run"
)

// Plot is what to train and to draw.
type Plot struct {
	Method   string
	Settings map[string]string // by name, as for run.Configure; settings that depend on the number of points are adapted to it (Subject.Fit)
	Seed     uint64
	Features *features.Set // rows to draw; nil: generated points
	Inputs   head.Inputs   // the second set and the edges that belong to Features
	Point    int           // a row of Features, or a generated point
	Workers  int           // goroutines; 0: all processors
	Hooks    progress.Hooks
}

// Draw trains the method on the points and draws its p and q. An error in the plot's settings is a *run.SettingsError.
func (p Plot) Draw(ctx context.Context) (*page.Distributions, *Subject, error) {
	refuse := func(err error) (*page.Distributions, *Subject, error) { return nil, nil, &run.SettingsError{Err: err} }
	m, err := methods.Find(p.Method)
	if err != nil {
		return refuse(err)
	}
	if why := m.About().Undrawn; why != "" {
		return refuse(fmt.Errorf("method %s has no p and q to plot. %s", p.Method, why))
	}
	if err := run.Unread(m.About(), p.Inputs.Second != nil, p.Inputs.Edges != nil); err != nil {
		return refuse(err)
	}
	s, err := p.subject()
	if err != nil {
		return refuse(err)
	}
	c, err := p.configure(s)
	if err != nil {
		return nil, nil, err
	}
	if err := c.ValidateInputs(s.Features, s.Inputs); err != nil {
		return refuse(err)
	}
	training := p.Hooks.Stage("training", "steps")
	d, err := Draw(ctx, s, c, head.Options{Workers: p.Workers, Progress: func(step, steps int, _ float64) { training(step, steps) }})
	return d, s, err
}

func (p Plot) subject() (*Subject, error) {
	if p.Features == nil {
		return Made(p.Seed, p.Point)
	}
	return Sample(p.Features, p.Inputs, p.Point, p.Seed)
}

// configure returns the configuration of the plot's training.
func (p Plot) configure(s *Subject) (head.Config, error) {
	values := map[string]string{}
	for name, value := range p.Settings {
		values[name] = value
	}
	if other, given := values["method"]; given && other != p.Method {
		return head.Config{}, &run.SettingsError{Err: fmt.Errorf("the field Method is %q, but the setting method is %q: give only the field", p.Method, other)}
	}
	values["method"] = p.Method
	c, notes, err := run.Configure(values, p.Seed, s.Features.Len(), s.Classes)
	if err != nil {
		return c, err
	}
	notes = append(notes, run.Unviewed(values, c, len(s.Inputs.Views))...)
	c, more, err := s.Fit(c, func(name string) bool { _, given := values[name]; return given })
	if len(more) > 0 {
		notes = append(notes, "adapted to the small number of points: "+strings.Join(more, ", "))
	}
	for _, note := range notes {
		p.Hooks.Notef("%s", note)
	}
	return c, err
}

// WriteFile writes a drawing: an image if the name ends in .svg, otherwise a page. It makes the folder if there is none, and replaces a file of that name. It fails on
// one that belongs to a run, a feature store or a sweep.
func WriteFile(name string, d *page.Distributions) error {
	if err := owned.Replaceable(name); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	write := page.WriteDistributions
	if filepath.Ext(name) == ".svg" {
		write = page.DrawDistributions
	}
	if err := atomicfile.MakeFolder(name); err != nil {
		return err
	}
	return atomicfile.Write(name, func(w io.Writer) error { return write(w, d) })
}
