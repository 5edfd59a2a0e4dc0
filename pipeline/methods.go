package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"iconic/head/method"
	"iconic/head/methods"
	headsetting "iconic/head/setting"
)

func newMethodsCommand(a *app) *cobra.Command {
	var o plotOptions
	c := &cobra.Command{
		Use:   "methods [NAME]",
		Short: "The methods that --method knows by name, or one of them with its settings",
		Long: `The methods that --method knows by name.

With NAME, what one of them is made of: its supervisory distribution p, its learned distribution q, its mapper, what it minimises, what it
needs besides features, and every setting that it reads, with its default for 10 clusters, its range and its meaning.

With --plot FILE as well, a page (.html) or an image (.svg) of its p and q around a point, after a training on 180 generated points in the plane or
on up to 1,000 rows of --features, beside Gaussian, Student-t and uniform neighbours of the same point. Settings can be given as to 'train';
those that are not are fitted to so few points: smaller batches, ten times the epochs, Euclidean neighbours in the plane.`,
		Example: `  pipeline methods
  pipeline methods simclr
  pipeline methods tsne --plot tsne.html
  pipeline methods icon-paper --plot p-and-q.svg --features stores/photos \
      --point 17 --clusters 20 --alpha 0.4`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(c, args); err != nil {
				return err
			}
			if o.file != "" {
				return a.plotMethod(c.Context(), args[0], &o)
			}
			if len(args) == 1 {
				return a.describeMethod(args[0])
			}
			if a.json {
				var list []method.About
				for _, m := range methods.All() {
					list = append(list, m.About())
				}
				return a.printJSON(list)
			}
			return a.listMethods()
		},
	}
	o.register(c)
	return c
}

// listMethods prints a line for each method: what it is made of, too, where that fits.
func (a *app) listMethods() error {
	whole, short := newTable("NAME", "P", "Q", "MAPPER", "SOURCE", "FOR"), newTable("NAME", "FOR")
	for _, m := range methods.All() {
		b := m.About()
		whole.row(b.Name, b.Supervisory, b.Learned, b.Mapper, b.Source, b.Purpose)
		short.row(b.Name, b.Purpose)
	}
	columns, terminal := a.columns()
	if !terminal || whole.fits(columns) {
		return a.printTable(whole)
	}
	if err := a.printTable(short); err != nil {
		return err
	}
	a.note("'pipeline methods NAME' shows what a method is made of, its source and its settings")
	return nil
}

// describeMethod prints one method and its settings.
func (a *app) describeMethod(name string) error {
	m, err := methods.Find(name)
	if err != nil {
		return usageError{err}
	}
	const clusters = 10 // that defaults are shown for
	about, list := m.About(), m.Recipe(clusters).Settings()
	if a.json {
		type entry struct {
			Name    string `json:"name"`
			Kind    string `json:"kind"`
			Default any    `json:"default,omitempty"`
			Range   string `json:"range"`
			Meaning string `json:"meaning"`
		}
		whole := struct {
			method.About
			Settings []entry `json:"settings"`
		}{About: about}
		for _, s := range list {
			e := entry{s.Name, s.Kind, nil, s.Range, s.Meaning}
			if !s.Shorthand {
				e.Default = s.Value()
			}
			whole.Settings = append(whole.Settings, e)
		}
		return a.printJSON(whole)
	}
	var lines [][2]string
	for _, line := range [][2]string{
		{"name", about.Name}, {"for", about.Purpose}, {"p", about.Supervisory}, {"q", about.Learned}, {"mapper", about.Mapper},
		{"minimises", about.Equation}, {"needs", string(about.Needs)}, {"takes", string(about.Takes)}, {"source", about.Source},
	} {
		if line[1] != "" {
			lines = append(lines, line)
		}
	}
	if about.Closed {
		lines = append(lines, [2]string{"resume", "computes in one piece: an interrupted training starts again"})
	}
	if about.Undrawn != "" {
		lines = append(lines, [2]string{"plot", "none. " + about.Undrawn})
	}
	if err := a.printLines(lines); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	t := newTable("SETTING", "DEFAULT", "RANGE", "MEANING")
	for _, s := range list {
		t.row("--"+s.Name, defaultText(s), s.Range, s.Meaning)
	}
	return a.printTable(t)
}

// defaultText is a setting's default for help: the value of a recipe that nothing has changed.
func defaultText(s headsetting.Setting) string {
	if s.Shorthand {
		return "both"
	}
	return s.Text()
}
