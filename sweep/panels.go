package sweep

import (
	"cmp"
	"context"
	"slices"

	"iconic/head"
	"iconic/report/page"
	"iconic/run"
)

const (
	panelLimit  = 8
	panelPoints = 2000
)

// panels maps the same images once for each α on the side that is swept first, on the first store, with the first seed.
func (s *Sweep) panels(ctx context.Context) ([]page.Panel, error) {
	jobs, titles := s.mapped()
	if len(jobs) < 2 {
		return nil, nil // a single map belongs to the page of its run
	}
	var panels []page.Panel
	for k, j := range jobs {
		f, err := run.Open(s.Folder(j))
		if err != nil {
			return nil, err
		}
		m, err := f.Layout(ctx, j.set, run.PageOptions{Points: panelPoints, Workers: s.options.Workers, Hooks: s.options.Hooks})
		if err != nil {
			return nil, err
		}
		panel := page.Panel{Title: titles[k], XY: m.XY}
		for _, i := range m.Rows {
			colour := f.Table.Cluster[i]
			if f.Table.Labels != nil {
				colour = f.Table.Labels[i] // -1 without a class
			}
			panel.Colour = append(panel.Colour, colour)
		}
		panels = append(panels, panel)
	}
	return panels, nil
}

// mapped are the jobs that panels shows, with what to call each: its α, and the sides on which it is unless that is on both in the whole sweep.
func (s *Sweep) mapped() (jobs []*Job, titles []string) {
	first, several := "", false
	var shares []string
	for _, p := range s.points {
		j := p.jobs[0]
		share, side := sharesOf(j.Config)
		if j.set != s.Jobs[0].set || j.Config.Clusters != s.Jobs[0].Config.Clusters || share == "" {
			continue
		}
		first = cmp.Or(first, side)
		if side != "" && side != first {
			several = true
			continue
		}
		if !slices.Contains(shares, share) && len(jobs) < panelLimit {
			jobs, shares = append(jobs, j), append(shares, share)
		}
	}
	for k, share := range shares {
		title := "α = " + share
		if _, side := sharesOf(jobs[k].Config); side != "" && (several || side != bothSides) {
			title += " on " + side
		}
		titles = append(titles, title)
	}
	return jobs, titles
}

// bothSides are the sides on which α is by default, in words.
const bothSides = "both sides"

// sharesOf is the α of a run, and in words the sides on which it is: "" for α = 0, which is the same on all. Both are "" if the method has none, and
// if the two sides have different ones.
func sharesOf(c head.Config) (share, side string) {
	switch p, q := c.Text("alpha"), c.Text("beta"); {
	case p == q && p == "0":
		return p, ""
	case p == q && p != "":
		return p, bothSides
	case q == "0":
		return p, "the target side"
	case p == "0":
		return q, "the learned side"
	}
	return "", ""
}
