package method

import (
	"context"
	"fmt"

	"iconic/head/confidence"
	"iconic/head/ensemble"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/partition"
	"iconic/matrix"
)

// Calibrate ends an outcome with a copy of a head of Data.Features whose confidence nothing else has moderated: no vote of several heads, and no
// expectation of the method's own. Softmax regression on the clusters found is almost certain of every row, and so is the posterior of k-means in
// hundreds of dimensions, however poor the clusters are. The copy is scaled so that its mean confidence is the agreement of its clusters with
// k-means in halves of the features; up to confidence.Few clusters it is corrected by what neighbours explain. No row changes its cluster. It sets
// o.Vote and o.Expected, and adds a finding.
func (o *Outcome) Calibrate(ctx context.Context, d *Data, l *linear.Head) error {
	d.Run.Begin("confidence")
	all, err := l.Argmaxes(ctx, d.Features, d.Workers)
	if err != nil {
		return err
	}
	cluster := partition.Of(all)
	rows := confidence.Sample(len(cluster), d.Clusters, d.Seed)
	part, own := &matrix.Subset{Features: d.Features, Rows: rows}, make([]int32, len(rows))
	for e, i := range rows {
		own[e] = cluster[i]
	}
	halves := confidence.Halves{Clusters: d.Clusters, Splits: 4, Starts: 1, Seed: d.Seed, Workers: d.Workers}
	if d.Clusters <= confidence.Few {
		halves.Starts = 8 // as the local minima of few clusters differ much
	}
	agreement, err := halves.Agreement(ctx, part, own)
	if err != nil {
		return err
	}
	also := ""
	if o.Expected = agreement; d.Clusters <= confidence.Few {
		const near = 10 // neighbours with which the correction was found
		explained := partition.Explained(cluster, edges(d.Graph.Nearest(min(near, d.Graph.K)), len(cluster)), d.Clusters)
		o.Expected, also = confidence.Corrected(agreement, explained, d.Clusters), " and with neighbours"
	}
	o.Findings = append(o.Findings, fmt.Sprintf("expected accuracy: %.0f %%, from the agreement with k-means on halves of the features (%.0f %% of the images)%s; errors that all of them share cannot be detected",
		100*o.Expected, 100*agreement, also))
	some := confidence.Evenly(len(rows), confidence.MostLogits/d.Clusters)
	z, err := l.AllLogits(ctx, &matrix.Subset{Features: part, Rows: some}, d.Workers)
	if err != nil {
		return err
	}
	l = l.Clone()
	o.Vote = ensemble.Of(l)
	return confidence.Calibrate(ctx, l, z, o.Expected, 0, d.Workers)
}

// edges are those of a graph by row of all n: rows whose neighbours were not sought have none.
func edges(g *knn.Graph, n int) partition.Edges {
	if g.Of == nil {
		return g
	}
	e := &some{g, make([]int32, n)}
	for at, i := range g.Of {
		e.at[i] = int32(at) + 1
	}
	return e
}

// some is a graph of some rows; at has for each of all rows its place among them, from 1, or 0.
type some struct {
	g  *knn.Graph
	at []int32
}

// Row implements partition.Edges.
func (s *some) Row(i int) []int32 {
	if s.at[i] == 0 {
		return nil
	}
	return s.g.Row(int(s.at[i]) - 1)
}
