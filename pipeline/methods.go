package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"iconic/head/method"
	"iconic/head/methods"
	headsetting "iconic/head/setting"
)

func newMethodsCommand(a *app) *cobra.Command {
	var o plotOptions
	c := &cobra.Command{
		Use:   "methods [NAME]",
		Short: "List the methods, or describe one with its settings",
		Long: `List the methods that --method accepts.

With NAME, describe one of them: its supervisory distribution p, its learned distribution q, its mapper, the objective it minimises, what it
needs besides features, and every setting that it uses, with default (for 10 clusters), range and meaning.

With --plot FILE, also write a page (.html) or an image (.svg) of its p and q around a point, after training on 180 generated points in the plane or
on up to 1,000 rows of --features, beside Gaussian, Student-t and uniform neighbours of the same point. Settings can be given as for 'train';
others are adapted to the small number of points: smaller batches, ten times the epochs, Euclidean neighbours in the plane.`,
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

// listMethods prints one line per method, including its parts if they fit.
func (a *app) listMethods() error {
	whole, short := newTable("NAME", "P", "Q", "MAPPER", "SOURCE", "PURPOSE"), newTable("NAME", "PURPOSE")
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
	a.note("'pipeline methods NAME' shows a method's parts, source and settings")
	return nil
}

// describeMethod prints one method and its settings.
func (a *app) describeMethod(name string) error {
	m, err := methods.Find(name)
	if err != nil {
		return usageError{err}
	}
	const clusters = 10 // defaults are shown for this many
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
			Clusters int     `json:"clusters"` // the number for which the defaults are
			Settings []entry `json:"settings"`
		}{About: about, Clusters: clusters}
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
		{"name", about.Name}, {"purpose", about.Purpose}, {"p", about.Supervisory}, {"q", about.Learned}, {"mapper", about.Mapper},
		{"minimises", about.Equation}, {"needs", string(about.Needs)}, {"takes", string(about.Takes)}, {"source", about.Source},
	} {
		if line[1] != "" {
			lines = append(lines, line)
		}
	}
	if about.Closed {
		lines = append(lines, [2]string{"resume", "runs in one piece: an interrupted training starts over"})
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
	if err := a.printTable(t); err != nil {
		return err
	}
	if others := otherDefaults(m, clusters); others != "" {
		a.note("the defaults are for %d clusters; %s", clusters, others)
	}
	return nil
}

// otherDefaults says which settings of a method have other defaults with more clusters than those that are shown; "" if none has.
func otherDefaults(m method.Method, shown int) string {
	var all []string
	before := m.Recipe(shown).Settings()
	for _, clusters := range []int{30, 100, 300} {
		var differ []string
		list := m.Recipe(clusters).Settings()
		for i, s := range list {
			if text := defaultText(s); text != defaultText(before[i]) {
				differ = append(differ, "--"+s.Name+" "+text)
			}
		}
		before = list
		if len(differ) > 0 {
			all = append(all, fmt.Sprintf("with %d: %s", clusters, strings.Join(differ, ", ")))
		}
	}
	return strings.Join(all, "; ")
}

// defaultText is a setting's default as shown in help.
func defaultText(s headsetting.Setting) string {
	if s.Shorthand {
		return "both"
	}
	return s.Text()
}
