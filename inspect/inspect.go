package inspect

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"iconic/head/knn"
	"iconic/internal/parallel"
	"iconic/matrix"
	"iconic/report/inspection"
)

// probes is the number of lists of neighbours with which a row is compared if there are too many rows to compare all: copies lie so close
// together that one of them is in a list next to the other, whatever other neighbours are missed: simulated without any structure, for
// scores of 2,263 lists that correlate by 0.95, in 98.9 % of cases.
const probes = 8

// Set is a set of images. Slices have one entry per image.
type Set struct {
	Features matrix.Features
	Hashes   [][16]byte // hashes of the images' bytes; nil if unknown, and then no two are exact copies
	Bytes    []int64    // sizes of the files; nil if unknown
	Cluster  []int      // nil without a clustering, in which case no image counts as misplaced
	Cache    string     // folder for the neighbours; "" for none
}

// Options are the options of Look.
type Options struct {
	inspection.Options
	Progress func(done, total int)
}

// check refuses a set without features, and slices that do not have one entry for each of their rows.
func (s Set) check() error {
	if err := matrix.Check(s.Features); err != nil {
		return err
	}
	n := s.Features.Len()
	for _, slice := range []struct {
		name  string
		given bool
		n     int
	}{{"hashes", s.Hashes != nil, len(s.Hashes)}, {"sizes", s.Bytes != nil, len(s.Bytes)}, {"clusters", s.Cluster != nil, len(s.Cluster)}} {
		if slice.given && slice.n != n {
			return fmt.Errorf("%d %s for %d images: want one of each, or none at all", slice.n, slice.name, n)
		}
	}
	return nil
}

// Look finds duplicates and outliers. Findings returned with an error are valid: only their neighbours could not be cached.
func Look(ctx context.Context, s Set, o Options) (*inspection.Findings, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	in := inspection.Images{Bytes: s.Bytes, Cluster: s.Cluster}
	features, name := s.Features, "raw-cosine-auto-%d.knn"
	if features.Len() > knn.ExactRows {
		name = fmt.Sprintf("raw-cosine-auto-%%d-of-%d-lists.knn", probes)
	}
	if s.Hashes == nil {
		in.Content = make([]int32, features.Len())
		for i := range in.Content {
			in.Content[i] = int32(i)
		}
	} else {
		var first []int32
		if in.Content, first = inspection.Contents(s.Hashes); len(first) < features.Len() {
			features, name = &matrix.Subset{Features: s.Features, Rows: first}, "contents-"+name
		}
	}
	g := inspection.Graph{N: features.Len()}
	var unkept error
	if k := inspection.Neighbours(g.N); k > 0 && !o.Exact {
		search := knn.Options{K: k, Metric: knn.Cosine, Workers: o.Workers, Progress: o.Progress, Probes: probes}
		graph, err := find(ctx, features, search, s.Cache, fmt.Sprintf(name, k))
		if graph == nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
		g.K, g.Neighbours, g.Distances, unkept = k, graph.Neighbours, graph.Distances, err
		if g.Typical, err = typical(ctx, features, o.Workers); err != nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
	}
	f, err := inspection.Inspect(ctx, g, in, o.Options)
	if err != nil {
		return nil, err
	}
	return f, unkept
}

func find(ctx context.Context, f matrix.Features, o knn.Options, cache, name string) (*knn.Graph, error) {
	if cache == "" {
		return knn.SearchAuto.Find(ctx, f, o)
	}
	return knn.Cached(ctx, filepath.Join(cache, name), knn.SearchAuto, f, o)
}

// typical is the mean cosine distance of two different rows x_i of unit length: with their mean m, the n² products of all pairs sum to
// n²·‖m‖², of which n are those of a row with itself. Rows without a direction are in no pair.
func typical(ctx context.Context, f matrix.Features, workers int) (float64, error) {
	const rows = 1024
	type part struct {
		sum []float64
		n   int
	}
	parts := make([]part, parallel.Count(f.Len(), rows))
	err := parallel.Blocks(ctx, workers, f.Len(), rows, func(block, lo, hi int) error {
		x := make([]float32, (hi-lo)*f.Dim())
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		p := part{sum: make([]float64, f.Dim())}
		for row := range slices.Chunk(x, f.Dim()) {
			var square float64
			for _, v := range row {
				square += float64(v) * float64(v)
			}
			if square == 0 {
				continue
			}
			p.n++
			for k, v := range row {
				p.sum[k] += float64(v) / math.Sqrt(square)
			}
		}
		parts[block] = p
		return nil
	})
	if err != nil {
		return 0, err
	}
	total := part{sum: make([]float64, f.Dim())}
	for _, p := range parts {
		total.n += p.n
		for k, v := range p.sum {
			total.sum[k] += v
		}
	}
	if total.n < 2 {
		return 0, nil
	}
	var square float64
	for _, v := range total.sum {
		square += v * v
	}
	n := float64(total.n)
	return min(2, max(0, 1-(square-n)/(n*(n-1)))), nil
}
