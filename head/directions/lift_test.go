package directions

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/head/train"
	"iconic/matrix"
)

// grid returns clouds around the points of a grid, one of which is the mean, and the cloud of every row.
func grid(d int) (*matrix.Dense, []int32) {
	r, z := rand.New(rand.NewPCG(5, uint64(d))), &matrix.Dense{Width: d}
	var truth []int32
	for c := range 6 {
		centre := make([]float64, d)
		centre[0] = float64(8 * (c%3 - 1))
		centre[d-1] += float64(8 * (c / 3))
		cloud(r, z, centre, 60)
		truth = append(truth, slices.Repeat([]int32{int32(c)}, 60)...)
	}
	return z, truth
}

// classified trains the method on z with as many clusters, and returns its outcome and the agreement of its head with the truth.
func classified(t *testing.T, z *matrix.Dense, truth []int32, clusters int, in method.Inputs, workers int) (*method.Outcome, float64) {
	t.Helper()
	d := &method.Data{Inputs: in, Features: z, Raw: z, Graph: near(t, z), Clusters: clusters, Seed: 3, Workers: workers, Run: &train.Run{}}
	out, err := mixtures{}.Recipe(clusters).(*Recipe).Learn(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	own, err := out.Head.Argmaxes(t.Context(), z, workers)
	if err != nil {
		t.Fatal(err)
	}
	share, err := partition.Agreement(partition.Of(own), truth, clusters)
	if err != nil {
		t.Fatal(err)
	}
	return out, share
}

// Clouds in few columns are found wherever they lie, and a note says how; more columns are not lifted.
func TestFewColumns(t *testing.T) {
	columns := []int{2, 3, space.FewColumns, space.FewColumns + 1}
	if testing.Short() {
		columns = columns[:1]
	}
	for _, d := range columns {
		z, truth := grid(d)
		out, share := classified(t, z, truth, 6, method.Inputs{}, 2)
		if few := d <= space.FewColumns; few != strings.Contains(strings.Join(out.Notes, "\n"), fmt.Sprintf("only %d columns", d)) {
			t.Errorf("%d columns: notes %q", d, out.Notes)
		} else if few && share < 0.97 {
			t.Errorf("%d columns: %.3f of the rows are in their cloud's cluster", d, share)
		}
	}
}

// Clouds along a line are found in the one column that they have.
func TestOneColumn(t *testing.T) {
	r, z := rand.New(rand.NewPCG(5, 1)), &matrix.Dense{Width: 1}
	var truth []int32
	for c := range 4 {
		cloud(r, z, []float64{float64(12*c) - 18}, 70)
		truth = append(truth, slices.Repeat([]int32{int32(c)}, 70)...)
	}
	out, share := classified(t, z, truth, 4, method.Inputs{}, 1)
	if share < 0.97 {
		t.Errorf("%.3f of the rows are in their cloud's cluster", share)
	}
	if notes := strings.Join(out.Notes, "\n"); !strings.Contains(notes, "only one column") || strings.Contains(notes, "along one line") {
		t.Errorf("notes %q", out.Notes)
	}
}

// Two sets of few columns are lifted together and each alone, and the result does not depend on the number of workers.
func TestFewColumnsOfTwoSets(t *testing.T) {
	z, truth := grid(2)
	second, _ := grid(2)
	for i := range second.Len() { // tells the clouds of one row of the grid apart, not the rows
		second.Row(i)[1] = second.Row(i)[0]
	}
	var first []float32
	for _, workers := range []int{1, 3} {
		out, share := classified(t, z, truth, 6, method.Inputs{Second: second}, workers)
		if share < 0.97 {
			t.Errorf("%.3f of the rows are in their cloud's cluster", share)
		}
		if notes := strings.Join(out.Notes, "\n"); !strings.Contains(notes, "columns") || !strings.Contains(notes, "clusters were found in") {
			t.Errorf("notes %q", out.Notes)
		}
		if first == nil {
			first = out.Head.Weight
		} else if !slices.Equal(first, out.Head.Weight) {
			t.Error("three workers differ from one")
		}
	}
}
