package head

import (
	"context"
	"math"
	"strings"
	"testing"

	"iconic/head/icon"
	"iconic/head/methods"
)

// Every method either has a p and a q that sum to 1 over the candidates, with p ≥ 0 everywhere and q zero for excluded candidates, or gives
// the reason why it has none.
func TestEveryMethodShowsItsDistributionsOrSaysWhyNot(t *testing.T) {
	m, in := tiny()
	for _, one := range methods.All() {
		about := one.About()
		t.Run(about.Name, func(t *testing.T) {
			r, d, err := Distributions(context.Background(), m, in, brief(t, about.Name), Options{})
			if about.Undrawn != "" {
				if err == nil || !strings.Contains(err.Error(), about.Undrawn) || !strings.HasSuffix(about.Undrawn, ".") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r == nil || d.Supervisory.Len() != m.Len() || len(d.Z) != m.Len()*d.Dim || d.Candidates == "" {
				t.Fatalf("%d rows of p, %d numbers in %d dimensions, over %q", d.Supervisory.Len(), len(d.Z), d.Dim, d.Candidates)
			}
			if p, ok := d.Supervisory.(*icon.Rows); ok {
				if err := p.Check(d.Count()); err != nil {
					t.Fatal(err)
				}
			}
			for i := range m.Len() {
				p, err := d.P(i)
				if err != nil {
					t.Fatal(err)
				}
				q, err := d.Q(i)
				if err != nil {
					t.Fatal(err)
				}
				sums := [2]float64{}
				for j := range p {
					if !(p[j] >= 0 && q[j] >= 0) {
						t.Fatalf("row %d has %d with %g and %g", i, j, p[j], q[j])
					}
					sums[0], sums[1] = sums[0]+p[j], sums[1]+q[j]
				}
				if math.Abs(sums[0]-1) > 1e-5 || math.Abs(sums[1]-1) > 1e-5 {
					t.Fatalf("row %d: p sums to %g, q to %g", i, sums[0], sums[1])
				}
			}
			if _, err := d.P(m.Len()); err == nil {
				t.Error("a row out of range is not refused")
			}
		})
	}
}
