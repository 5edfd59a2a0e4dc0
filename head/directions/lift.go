package directions

import (
	"context"
	"fmt"

	"iconic/head/method"
	"iconic/head/space"
)

// lifts reports whether the features of d have too few columns for directions from their mean.
func lifts(d *method.Data) bool { return d.Features.Dim() <= space.FewColumns }

// lifted returns the data in which clusters are searched: d, or, if it has few columns, their random Fourier features, whose directions are similar
// where rows are near each other.
func (r *Recipe) lifted(ctx context.Context, d *method.Data) (*method.Data, error) {
	if !lifts(d) {
		return d, nil
	}
	z, err := space.Lift(ctx, d.Features, d.Features.Len()/(2*d.Clusters), d.Seed, d.Workers)
	if err != nil {
		return nil, err
	}
	other := *d
	other.Features, other.Raw = z, z
	other.Graph, err = r.neighbours(ctx, &other)
	return &other, err
}

// liftNote says how clusters were found in few columns.
func liftNote(columns int) string {
	some := "only one column"
	if columns > 1 {
		some = fmt.Sprintf("only %d columns", columns)
	}
	return fmt.Sprintf("the features have %s, which give few directions from the mean: clusters were found by how near images are, in %d random Fourier features of the columns; where classes overlap, the expected accuracy is then too high", some, space.Lifted)
}
