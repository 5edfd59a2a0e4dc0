package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"iconic/report"
	"iconic/report/page"
)

// Points collects, for each point, the metrics of the ended runs and their agreement. It fails with a RunError if the folder of such a run has
// something else by now.
func (s *Sweep) Points() ([]page.Point, error) {
	var points []page.Point
	for _, p := range s.points {
		point := page.Point{Values: p.values, Agreement: report.Number(math.NaN())}
		var clusterings [][]int
		for _, j := range p.jobs {
			m := s.metrics(j)
			if m == nil {
				continue
			}
			point.Runs = append(point.Runs, m)
			if len(p.jobs) > 1 {
				f, err := s.open(j)
				if err != nil {
					return nil, &RunError{s.Folder(j), err}
				}
				clusterings = append(clusterings, f.Table.Cluster)
			}
		}
		if len(clusterings) > 1 {
			agreement, err := report.SeedAgreement(clusterings)
			if err != nil {
				return nil, err
			}
			point.Agreement = report.Number(agreement)
		}
		points = append(points, point)
	}
	return points, nil
}

// Values says in words what a job is a run of: the settings that vary, of the first point that has it, and the seed.
func (s *Sweep) Values(j *Job) string {
	seed := fmt.Sprintf("seed %d", j.Config.Seed)
	if at := slices.IndexFunc(s.points, func(p *point) bool { return slices.Contains(p.jobs, j) }); at >= 0 && len(s.varied) > 0 {
		return s.words(s.points[at]) + ", " + seed
	}
	return seed
}

// words says in words what a point is: the values of the settings that vary.
func (s *Sweep) words(p *point) string {
	var words []string
	for k, value := range p.values {
		words = append(words, s.varied[k]+" "+value)
	}
	return strings.Join(words, ", ")
}

// SoFar returns the points that have ended runs, with these, for a table of a running sweep. It may be called while Train runs.
func (s *Sweep) SoFar() []page.Point {
	var points []page.Point
	for _, p := range s.points {
		one := page.Point{Values: p.values}
		for _, j := range p.jobs {
			if m := s.metrics(j); m != nil {
				one.Runs = append(one.Runs, m)
			}
		}
		if len(one.Runs) > 0 {
			points = append(points, one)
		}
	}
	return points
}

// Result is a sweep in machine-readable form.
type Result struct {
	Page       string        `json:"page"`                 // "" while runs are missing
	Missing    int           `json:"missing,omitempty"`    // runs that have not ended
	Suggestion string        `json:"suggestion,omitempty"` // see Sweep.Suggestion
	Points     []ResultPoint `json:"points"`
}

// ResultPoint is a combination on one store.
type ResultPoint struct {
	Settings  map[string]string `json:"settings"`       // the values of the settings that vary, by name
	Agreement report.Number     `json:"seed_agreement"` // between the ended runs, see report.SeedAgreement; NaN if fewer than two have ended
	Runs      []string          `json:"runs"`           // the folders, one per seed
	Metrics   []*report.Metrics `json:"metrics"`        // of the ended runs, in the order of Runs
}

// Result collects what Points does, with the folders of the runs. It fails as Points does.
func (s *Sweep) Result() (*Result, error) {
	points, err := s.Points()
	if err != nil {
		return nil, err
	}
	whole := &Result{Suggestion: s.Suggestion(), Missing: s.Missing()}
	if whole.Missing == 0 {
		whole.Page = s.Page
	}
	for k, p := range points { // one for each of s.points
		one := ResultPoint{Settings: map[string]string{}, Agreement: p.Agreement, Metrics: p.Runs}
		for i, name := range s.varied {
			one.Settings[name] = p.Values[i]
		}
		for _, j := range s.points[k].jobs {
			one.Runs = append(one.Runs, s.Folder(j))
		}
		whole.Points = append(whole.Points, one)
	}
	return whole, nil
}
