package inspection

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// graphOf finds neighbours by brute force.
func graphOf(x [][]float64, k int) Graph {
	n := len(x)
	g := Graph{N: n, K: k, Typical: typical(x)}
	for i := range x {
		order := make([]int, 0, n-1)
		d := make([]float64, n)
		for j := range x {
			if j != i {
				order = append(order, j)
			}
			d[j] = cosine(x[i], x[j])
		}
		slices.SortStableFunc(order, func(a, b int) int { return compare(d[a], d[b], a, b) })
		for _, j := range order[:k] {
			g.Neighbours = append(g.Neighbours, int32(j))
			g.Distances = append(g.Distances, float32(d[j]))
		}
	}
	return g
}

func typical(x [][]float64) float64 {
	sum := 0.0
	for i := range x {
		for j := range i {
			sum += cosine(x[i], x[j])
		}
	}
	return sum / max(1, float64(len(x)*(len(x)-1)/2))
}

func cosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for k := range a {
		ab, aa, bb = ab+a[k]*b[k], aa+a[k]*a[k], bb+b[k]*b[k]
	}
	return 1 - ab/math.Sqrt(aa*bb)
}

// around generates n points around a direction; a larger spread puts them further away.
func around(r *rand.Rand, centre []float64, n int, spread float64) [][]float64 {
	var x [][]float64
	for range n {
		p := slices.Clone(centre)
		for k := range p {
			p[k] += spread * r.NormFloat64()
		}
		x = append(x, p)
	}
	return x
}

func direction(dim, k int) []float64 {
	x := make([]float64, dim)
	x[k] = 1
	return x
}

// own gives each of n images its own content.
func own(n int) []int32 {
	c := make([]int32, n)
	for i := range c {
		c[i] = int32(i)
	}
	return c
}

func inspected(t testing.TB, g Graph, in Images, o Options) *Findings {
	t.Helper()
	f, err := Inspect(context.Background(), g, in, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// clouds generates a dense and a sparse cloud of points.
func clouds(r *rand.Rand) [][]float64 {
	return append(around(r, direction(96, 0), 40, 0.05), around(r, direction(96, 1), 40, 0.1)...)
}

func TestNearDuplicatesAreNearByWhatIsAroundThem(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := clouds(r)
	x = append(x, around(r, x[3], 1, 0.004)[0])  // in the dense cloud: closer than its neighbours
	x = append(x, around(r, x[50], 1, 0.025)[0]) // in the sparse cloud: farther from it than its neighbours from each other
	f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: own(len(x))}, Options{})
	var got [][]int
	for _, g := range f.Groups {
		var images []int
		for _, m := range g {
			images = append(images, m.Image)
		}
		got = append(got, images)
	}
	if diff := cmp.Diff([][]int{{3, 80}, {50, 81}}, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if exact, near := f.Copies(); exact != 0 || near != 2 {
		t.Errorf("%d exact copies and %d near ones, want 0 and 2", exact, near)
	}
}

func TestManyVersionsOfEveryPictureAreGroups(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	var x [][]float64
	for k := range 12 {
		x = append(x, around(r, direction(96, k), 30, 0.01)...) // more than the neighbours that define scales
	}
	of := shown(func(i int) (image.Image, error) { return scene(uint64(i/30), 64, 48), nil })
	f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: own(len(x))}, Options{Picture: of})
	if len(f.Groups) != 12 || len(f.Groups[0]) != 30 || len(f.Groups[11]) != 30 {
		t.Errorf("%d groups, want 12 of 30 images", len(f.Groups))
	}
}

func TestExactCopiesAreToldApart(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	x := clouds(r)
	x = append(x, around(r, x[7], 1, 0.004)[0])
	hashes := make([]string, 0, 120)
	for i := range x {
		hashes = append(hashes, fmt.Sprint("h", i))
	}
	hashes = append(hashes, "h7", "h7", "", "", "h80", "h20") // copies, two unreadable images, a copy of the near duplicate
	content, first := Contents(hashes)
	if len(first) != len(x)+2 || content[81] != 7 || content[83] == content[84] {
		t.Fatalf("%d contents; %v", len(first), content[81:])
	}
	x = append(x, direction(96, 10), direction(96, 11)) // the features of the unreadable ones
	bytes := make([]int64, len(hashes))
	bytes[82] = 10
	f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: content, Bytes: bytes}, Options{})
	type member struct {
		Image int
		Kind  string
	}
	var got [][]member
	for _, g := range f.Groups {
		var list []member
		for k, m := range g {
			list = append(list, member{m.Image, g.Kind(k)})
		}
		got = append(got, list)
	}
	want := [][]member{
		{{82, KindFirst}, {7, KindExact}, {81, KindExact}, {80, KindNear}, {85, KindExact}},
		{{20, KindFirst}, {86, KindExact}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: content}, Options{Exact: true}); len(f.Groups) != 3 {
		t.Errorf("of exact copies there are %d groups, want those of the 3 contents that have some", len(f.Groups))
	}
}

func TestWhatIsFarFromAllIsUnlike(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	x := append(around(r, direction(96, 0), 90, 0.05), direction(96, 10), direction(96, 11))
	content := append(own(len(x)), 91) // a copy makes it no less of an outlier
	f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: content}, Options{})
	if len(f.Unlike) != 2 || f.Unlike[0].Image+f.Unlike[1].Image != 181 || !(f.Unlike[1].Distance > f.Fence) {
		t.Errorf("unlike all others, beyond %g, are %v: want 90 and 91", f.Fence, f.Unlike)
	}
	if f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: content}, Options{Exact: true}); len(f.Unlike) > 0 || len(f.Groups) != 1 {
		t.Errorf("beside %d groups of exact copies %d images are unlike all others", len(f.Groups), len(f.Unlike))
	}
}

func TestStraysAreWhereTheirNeighboursAreNot(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	x := clouds(r)
	cluster := make([]int, len(x))
	for i := 40; i < len(x); i++ {
		cluster[i] = 1
	}
	cluster[5] = 1
	f := inspected(t, graphOf(x, Neighbours(len(x))), Images{Content: own(len(x)), Cluster: cluster}, Options{})
	if diff := cmp.Diff([]Stray{{5, 0, 1}}, f.Elsewhere); diff != "" {
		t.Errorf("elsewhere (-want +got):\n%s", diff)
	}
}

func TestFewImages(t *testing.T) {
	for n := range 4 {
		x := around(rand.New(rand.NewPCG(5, 1)), direction(8, 0), n, 0.5)
		f := inspected(t, graphOf(x, Neighbours(n)), Images{Content: own(n), Cluster: make([]int, n)}, Options{})
		if len(f.Groups)+len(f.Unlike)+len(f.Elsewhere) > 0 || !math.IsNaN(f.Fence) {
			t.Errorf("of %d images: %+v", n, f)
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	g := graphOf(clouds(rand.New(rand.NewPCG(6, 1))), 20)
	bad := g
	bad.Neighbours = slices.Clone(g.Neighbours)
	bad.Neighbours[3] = 80
	for _, c := range []struct {
		name        string
		g           Graph
		in          Images
		correlation float64
		want        string
	}{
		{"a correlation that is no number", g, Images{Content: own(80)}, math.NaN(), "correlation NaN"},
		{"a correlation above 1", g, Images{Content: own(80)}, 1.5, "correlation 1.5"},
		{"fewer images than contents", g, Images{Content: own(79)}, 0.9, "a content has no image"},
		{"a content too many", g, Images{Content: own(81)}, 0.9, "content 80 of 80"},
		{"a neighbour that there is not", bad, Images{Content: own(80)}, 0.9, "neighbour 80 of 80"},
		{"clusters of other images", g, Images{Content: own(80), Cluster: []int{1}}, 0.9, "1 clusters of 80 images"},
	} {
		if _, err := Inspect(context.Background(), c.g, c.in, Options{Correlation: c.correlation}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The order of the images changes only their numbers.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := rapid.IntRange(12, 60).Draw(t, "images")
		x := around(r, direction(6, 0), n, 0.4)
		for range rapid.IntRange(0, 8).Draw(t, "duplicates") {
			x[r.IntN(n)] = around(r, x[r.IntN(n)], 1, 0.01)[0]
		}
		pairs := func(x [][]float64, name func(int) int) map[[2]int]bool {
			f, err := Inspect(context.Background(), graphOf(x, Neighbours(n)), Images{Content: own(n)}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			together := map[[2]int]bool{}
			for _, g := range f.Groups {
				for _, a := range g {
					for _, b := range g {
						together[[2]int{name(a.Image), name(b.Image)}] = true
					}
				}
			}
			return together
		}
		order := r.Perm(n)
		moved := make([][]float64, n)
		for to, from := range order {
			moved[to] = x[from]
		}
		want := pairs(x, func(i int) int { return i })
		if diff := cmp.Diff(want, pairs(moved, func(i int) int { return order[i] })); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	})
}

func TestTables(t *testing.T) {
	f := &Findings{
		Images:    4,
		Groups:    []Group{{{Image: 1}, {Image: 0, Exact: true}, {Image: 2, Distance: 0.0125}}},
		Unlike:    []Outlier{{3, 0.75}},
		Elsewhere: []Stray{{2, 4, 0.7}},
	}
	names := Names{Paths: []string{"a.png", "=b.png", "c,d.png", "e.png"}, Bytes: []int64{1, 1, 2, 3}, Hashes: make([][16]byte, 4), Cluster: []int{0, 0, 1, 2}, Safe: true}
	names.Hashes[2][0] = 0xab
	var duplicates, outliers bytes.Buffer
	if computed, err := f.WriteDuplicates(&duplicates, names); err != nil || computed != 1 {
		t.Errorf("%d cells computed, %v", computed, err)
	}
	if computed, err := f.WriteOutliers(&outliers, Names{Paths: names.Paths, Cluster: names.Cluster}); err != nil || computed != 0 {
		t.Errorf("%d cells computed, %v", computed, err)
	}
	const zero = "00000000000000000000000000000000"
	want := "group,kind,path,distance,bytes,hash,cluster\n" +
		"1,first,'=b.png,0.0000,1," + zero + ",0\n" +
		"1,exact,a.png,0.0000,1," + zero + ",0\n" +
		"1,near,\"c,d.png\",0.0125,2,ab" + zero[2:] + ",1\n"
	if diff := cmp.Diff(want, duplicates.String()); diff != "" {
		t.Errorf("duplicates (-want +got):\n%s", diff)
	}
	want = "kind,path,distance,cluster,neighbours_cluster,neighbours_share\nunlike,e.png,0.7500,2,,\nelsewhere,\"c,d.png\",,1,4,0.7000\n"
	if diff := cmp.Diff(want, outliers.String()); diff != "" {
		t.Errorf("outliers (-want +got):\n%s", diff)
	}
}
