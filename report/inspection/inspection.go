package inspection

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
)

// Graph lists the K nearest contents of each of N, nearest first, by cosine distance. A content listed as its own neighbour has fewer neighbours.
type Graph struct {
	N, K       int
	Neighbours []int32   // N×K
	Distances  []float32 // N×K, 0 to 2
	Typical    float64   // mean distance between two contents, 0 to 2
}

// Images are the images to inspect. Slices have one entry per image; Bytes and Cluster may be nil.
type Images struct {
	Content []int32 // the content of each image, as a row of the graph
	Bytes   []int64 // size of its file
	Cluster []int
}

// Options are the settings of an inspection.
type Options struct {
	// Picture loads an image, of any size, and returns the error of show, which it calls with it; the image is not used afterwards. It is called
	// from several goroutines concurrently. If it returns an error, the features decide for the pairs of that image; if Picture is nil, they
	// decide for all pairs.
	Picture func(ctx context.Context, image int, show func(image.Image) error) error
	// Correlation is the minimum thumbnail correlation of near duplicates, 0 to 1; 0 means DefaultCorrelation.
	Correlation float64
	Exact       bool // search for exact copies only, and for no outliers
	Workers     int  // goroutines that load and compare images; 0: one per CPU
}

// DefaultCorrelation is the minimum thumbnail correlation of near duplicates. On 500 photographs the most similar candidates that show
// different things reach 0.86, and crops by 5 % start above 0.97.
const DefaultCorrelation = 0.95

const (
	scaleOf        = 5   // the neighbour whose distance defines the scale of a content
	leastScale     = 0.2 // of the typical distance, for candidates
	candidateRatio = 0.6 // for candidate pairs, whose images are compared
	featureRatio   = 0.2 // for pairs without images

	neighbours = 10  // used to detect outliers, and to decide which cluster a content belongs to
	fence      = 1.5 // interquartile ranges above the upper quartile
)

// Neighbours is the number of neighbours that a graph of n contents should have: more than the rules use, because groups of near
// duplicates are built from links between neighbours. It is 0 if there are too few contents to compare.
func Neighbours(n int) int { return max(0, min(2*neighbours, n-1)) }

// Findings are the results of an inspection.
type Findings struct {
	Images    int       // inspected
	Exact     bool      // only exact copies were searched
	Groups    []Group   // the largest first, then by their first members
	Unlike    []Outlier // the farthest first
	Elsewhere []Stray   // those with the most neighbours elsewhere first, then in image order
	Fence     float64   // the distance above which a content is unlike all others; NaN if there are too few contents
	Compared  int       // pairs of contents whose thumbnails were compared
	Unread    int       // images that should have been compared but could not be read
}

// Group is a group of duplicates. The first is the one to keep: the largest file, or the first of several. Exact copies
// are adjacent.
type Group []Member

// Member is an image of a group.
type Member struct {
	Image    int
	Exact    bool    // its bytes equal those of the previous member
	Distance float64 // to the nearest other content of the group; 0 if there is only one
}

// Outlier is an image that is unlike all others.
type Outlier struct {
	Image    int
	Distance float64 // to its 10th nearest neighbour
}

// Stray is an image whose neighbours are mostly in another cluster.
type Stray struct {
	Image, Cluster int     // Cluster is the cluster of the neighbours
	Share          float64 // of the neighbours, above 0.5
}

// Copies counts the images in groups other than the first of each: exact copies, and near duplicates.
func (f *Findings) Copies() (exact, near int) {
	for _, g := range f.Groups {
		for _, m := range g[1:] {
			if m.Exact {
				exact++
			} else {
				near++
			}
		}
	}
	return exact, near
}

// Contents assigns each image the number of its content, by its hash, and lists the first image of each content. An all-zero hash means
// that the image could not be read; each such image is a content of its own.
func Contents[H comparable](hashes []H) (content, first []int32) {
	var zero H
	known := make(map[H]int32, len(hashes))
	content = make([]int32, len(hashes))
	for i, h := range hashes {
		c, there := known[h]
		if !there || h == zero {
			c = int32(len(first))
			known[h] = c
			first = append(first, int32(i))
		}
		content[i] = c
	}
	return content, first
}

// Inspect finds duplicates and outliers. Images with the same content should be in the same cluster, as a head assigns them; if not, the
// first one counts. It returns an error for inconsistent input and if ctx is done.
func Inspect(ctx context.Context, g Graph, in Images, o Options) (*Findings, error) {
	if o.Correlation == 0 {
		o.Correlation = DefaultCorrelation
	}
	if err := check(g, in, o); err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	first := make([]int, g.N)
	for i := len(in.Content) - 1; i >= 0; i-- {
		first[in.Content[i]] = i
	}
	f := &Findings{Images: len(in.Content), Exact: o.Exact, Fence: math.NaN()}
	if o.Exact {
		f.Groups = groups(nil, g.N, in)
		return f, nil
	}
	pairs, err := f.nearDuplicates(ctx, g, first, o)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	f.Groups = groups(pairs, g.N, in)
	f.unlike(distances(g, neighbours), first)
	if in.Cluster != nil {
		f.elsewhere(g, in.Cluster, first)
	}
	return f, nil
}

func check(g Graph, in Images, o Options) error {
	n := len(in.Content)
	switch {
	case len(g.Neighbours) != g.N*g.K || len(g.Distances) != g.N*g.K:
		return fmt.Errorf("%d neighbours and %d distances of %d contents with %d neighbours each", len(g.Neighbours), len(g.Distances), g.N, g.K)
	case !(g.Typical >= 0 && g.Typical <= 2):
		return fmt.Errorf("typical distance %g: want a number from 0 to 2", g.Typical)
	case in.Bytes != nil && len(in.Bytes) != n || in.Cluster != nil && len(in.Cluster) != n:
		return fmt.Errorf("%d sizes and %d clusters of %d images", len(in.Bytes), len(in.Cluster), n)
	case !(o.Correlation >= 0 && o.Correlation <= 1):
		return fmt.Errorf("correlation %g: want a number from 0 to 1", o.Correlation)
	}
	seen := make([]bool, g.N)
	for i, c := range in.Content {
		if c < 0 || int(c) >= g.N {
			return fmt.Errorf("image %d has content %d of %d", i, c, g.N)
		}
		seen[c] = true
	}
	if slices.Contains(seen, false) {
		return errors.New("a content has no image")
	}
	for _, j := range g.Neighbours {
		if j < 0 || int(j) >= g.N {
			return fmt.Errorf("neighbour %d of %d contents", j, g.N)
		}
	}
	return nil
}

// each calls f for the neighbours of content i, nearest first, until f returns false.
func (g *Graph) each(i int, f func(rank, j int, distance float64) (more bool)) {
	for k := range g.K {
		j := int(g.Neighbours[i*g.K+k])
		if j != i && !f(k, j, float64(g.Distances[i*g.K+k])) {
			return
		}
	}
}

// distances are the distances to the k-th neighbour, or to the last one if there are fewer; NaN for a content without neighbours.
func distances(g Graph, k int) []float64 {
	s := make([]float64, g.N)
	for i := range s {
		s[i] = math.NaN()
		g.each(i, func(rank, _ int, d float64) bool {
			s[i] = d
			return rank+1 < k
		})
	}
	return s
}

// quartiles are the quartiles of the values that are not NaN, by linear interpolation; NaN if there are none.
func quartiles(s []float64) (lower, median, upper float64) {
	sorted := slices.DeleteFunc(slices.Clone(s), math.IsNaN)
	slices.Sort(sorted)
	at := func(share float64) float64 {
		if len(sorted) == 0 {
			return math.NaN()
		}
		x := share * float64(len(sorted)-1)
		k := int(x)
		next := sorted[min(k+1, len(sorted)-1)]
		return sorted[k] + (x-float64(k))*(next-sorted[k])
	}
	return at(0.25), at(0.5), at(0.75)
}

// fewest is the minimum number of contents for meaningful quartiles.
const fewest = 4 * neighbours

func (f *Findings) unlike(s []float64, first []int) {
	if len(s) < fewest {
		return
	}
	lower, _, upper := quartiles(s)
	f.Fence = upper + fence*(upper-lower)
	for c, v := range s {
		if v > f.Fence {
			f.Unlike = append(f.Unlike, Outlier{first[c], v})
		}
	}
	slices.SortStableFunc(f.Unlike, func(a, b Outlier) int { return compare(b.Distance, a.Distance, a.Image, b.Image) })
}

func (f *Findings) elsewhere(g Graph, cluster []int, first []int) {
	for c, image := range first {
		count, all := map[int]int{}, 0
		g.each(c, func(rank, j int, _ float64) bool {
			count[cluster[first[j]]]++
			all++
			return rank+1 < neighbours
		})
		for other, n := range count {
			if other != cluster[image] && 2*n > all && all >= min(neighbours, g.N-1) {
				f.Elsewhere = append(f.Elsewhere, Stray{image, other, float64(n) / float64(all)})
			}
		}
	}
	slices.SortStableFunc(f.Elsewhere, func(a, b Stray) int { return compare(b.Share, a.Share, a.Image, b.Image) })
}

// compare orders by the values, then by the images.
func compare(x, y float64, a, b int) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return a - b
}
