package directions

import (
	"math/rand/v2"
	"testing"

	"iconic/head/method"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// Features on one line through their mean are noted, as clusters beyond its two sides cannot be found in them; others are not.
func TestFeaturesOnOneLineAreNoted(t *testing.T) {
	along := func(d int, noise float64) *matrix.Dense {
		r, m := rand.New(rand.NewPCG(2, 1)), matrix.NewDense(3000, d)
		for i := range m.Len() {
			at := float64(i%3-1) + 0.1*r.NormFloat64()
			for e := range d {
				m.Row(i)[e] = float32(at*float64(1+e) + noise*r.NormFloat64())
			}
		}
		return m
	}
	late := along(7, 0)
	late.Row(2500)[0] += 3
	for _, c := range []struct {
		name     string
		f        *matrix.Dense
		clusters int
		second   matrix.Features
		want     bool
	}{
		{"one feature, which is lifted", along(1, 0), 3, nil, false},
		{"features that are multiples, for two clusters", along(7, 0), 2, nil, false},
		{"features that are multiples, beside a second set", along(7, 0), 3, late, false},
		{"features that are multiples", along(7, 0), 3, nil, true},
		{"features that are multiples but for their last digits", along(7, 1e-5), 3, nil, true},
		{"features that are nearly multiples", along(7, 0.05), 3, nil, false},
		{"one row off the line", late, 3, nil, false},
		{"clouds", densetest.Clouds(1, 60, 7, 3, 4), 3, nil, false},
	} {
		note, err := sides(t.Context(), &method.Data{Features: c.f, Clusters: c.clusters, Inputs: method.Inputs{Second: c.second}})
		if err != nil || (note != "") != c.want {
			t.Errorf("%s: note %q, %v", c.name, note, err)
		}
	}
}
