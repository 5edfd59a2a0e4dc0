package head

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// counting is where a setting that may leave the result as it is (setting.Setting.Unchanging) counts: what else is set, and two values that then lead
// to different results.
type counting struct {
	set    []any // names and values in turns, of those settings that the method has
	before any
	after  any
	rows   int     // of the set; 0: those of tiny
	scale  float32 // of its features; 0: 1
}

// alike lets heads begin with losses near each other, and stay there, so that they vote: features of small numbers make small logits.
var alike = []any{"heads", 4, "lr", 1e-6, "standardize", false, "use-views", false}

// countings is by the name of the setting.
var countings = map[string]counting{
	"walk":          {before: 1, after: 4},
	"use-views":     {before: false, after: true},
	"heads":         {set: []any{"lr", 1e-6}, before: 1, after: 9},
	"consensus":     {set: alike, before: false, after: true, scale: 0.15},
	"distil":        {set: append([]any{"consensus", true}, alike...), before: false, after: true, scale: 0.15},
	"debias-sample": {set: []any{"alpha", 0.5}, before: 0, after: 8},
	"min-steps":     {set: []any{"epochs", 0, "max-steps", 0}, before: 1, after: 400},
	"max-steps":     {set: []any{"epochs", 0, "min-steps", 1}, before: 0, after: 8},
	"least-gain":    {set: []any{"batch", 4, "epochs", 4}, before: 0.0, after: 1e6, rows: 240},
	"sizes":         {before: "free", after: "balanced", rows: 90},
}

// uneven are clouds of which the first has half of the rows.
func uneven(n int) (*matrix.Dense, Inputs) {
	m := densetest.Clouds(8, 2*n, 6, 3, 1.5)
	rows := &matrix.Dense{Width: m.Width}
	for i := 0; rows.Len() < n; i++ {
		if i%3 == 0 || i%4 == 0 {
			rows.X = append(rows.X, m.Row(i)...)
		}
	}
	return rows, inputs(rows, 3)
}

// What may leave the result as it is changes it where it counts, in every method that reads it.
func TestUnchangingSettingsChangeTheResultWhereTheyCount(t *testing.T) {
	once(t)
	for _, one := range methods.All() {
		name := one.About().Name
		for _, s := range one.Recipe(3).Settings() {
			// A search by lists finds all neighbours of few rows: package knn's tests have sets in which it does not.
			if s.Inert == "" || s.Name == "neighbour-search" {
				continue
			}
			where, known := countings[s.Name]
			if !known {
				t.Errorf("%s of %s may leave the result as it is, and no test says where it counts: add it to countings", s.Name, name)
				continue
			}
			m, in := tiny()
			if where.rows > 0 {
				m, in = uneven(where.rows)
			}
			if where.scale > 0 {
				kernel.Scale(m.X, where.scale)
			}
			result := func(value any) [][]float32 {
				c := brief(t, name)
				for i := 0; i < len(where.set); i += 2 {
					some(t, &c, where.set[i].(string), where.set[i+1])
				}
				change(t, &c, s.Name, value)
				return bits(t, m, in, c, Options{})
			}
			if cmp.Equal(result(where.before), result(where.after)) {
				t.Errorf("%s: %s from %v to %v changes nothing, where it should count", name, s.Name, where.before, where.after)
			}
		}
	}
}
