package report

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/internal/npy"
	"iconic/internal/sharedtest"
)

func namesOf(t *testing.T, cluster, labels []int, clusters int, classes []string) []string {
	t.Helper()
	names, err := NameClusters(cluster, labels, clusters, classes)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, n := range names {
		list = append(list, n.Name)
	}
	return list
}

func TestNameClusters(t *testing.T) {
	classes := []string{"ant", "Motorbikes", "Motorbikes 2"}
	for name, c := range map[string]struct {
		cluster, labels []int
		want            []string
	}{
		"a class in two clusters": {[]int{0, 1, 1, 1, 2}, []int{1, 1, 1, 0, 0}, []string{"Motorbikes 3", "Motorbikes", "ant"}},
		"half is not most":        {[]int{0, 0, 1, 1, 1, 2}, []int{0, 1, 0, 0, 1, 2}, []string{"", "ant", "Motorbikes 2"}},
		"no labels, no images":    {[]int{0, 0, 1}, []int{-1, 1, -1}, []string{"Motorbikes", "", ""}},
		"left out":                {[]int{-1, 0, 0}, []int{0, 1, 1}, []string{"Motorbikes", "", ""}},
		"equal clusters":          {[]int{2, 1, 0}, []int{0, 0, 0}, []string{"ant", "ant 2", "ant 3"}},
	} {
		if diff := cmp.Diff(c.want, namesOf(t, c.cluster, c.labels, 3, classes)); diff != "" {
			t.Errorf("%s: −want +got\n%s", name, diff)
		}
	}
	if got := namesOf(t, []int{0}, []int{7}, 1, nil); got[0] != "7" {
		t.Errorf("a class without a name gives %q", got[0])
	}
	for _, bad := range [][2][]int{{{0}, {0, 1}}, {{3}, {0}}} {
		if _, err := NameClusters(bad[0], bad[1], 3, nil); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

// faithful fails if a cluster is named after a class that is not its most frequent one, if a share is not that of its class, or
// if two clusters have the same name.
func faithful(t interface{ Fatalf(string, ...any) }, cluster, labels []int, clusters, classes int) (named int) {
	var list []string
	for k := range classes {
		list = append(list, fmt.Sprintf("class %d", k))
	}
	names, err := NameClusters(cluster, labels, clusters, list)
	if err != nil {
		t.Fatalf("%v", err)
	}
	seen := map[string]bool{}
	for c, n := range names {
		count := make([]int, classes)
		total := 0
		for i := range cluster {
			if cluster[i] == c && labels[i] >= 0 {
				count[labels[i]]++
				total++
			}
		}
		if total == 0 {
			if n.Name != "" || n.Class != NoLabel || n.Share.Defined() {
				t.Fatalf("cluster %d has no label and is %+v", c, n)
			}
			continue
		}
		if count[n.Class] != slices.Max(count) || n.Labelled != total || float64(n.Share) != float64(count[n.Class])/float64(total) {
			t.Fatalf("cluster %d with counts %v is %+v", c, count, n)
		}
		if (n.Name != "") != (2*count[n.Class] > total) || n.Name != "" && seen[n.Name] {
			t.Fatalf("cluster %d with counts %v is called %q", c, count, n.Name)
		}
		if n.Name != "" {
			named++
		}
		seen[n.Name] = true
	}
	return named
}

// In no labelling is a cluster named after a class that is not its most frequent one.
func TestNoClusterIsNamedByWhatItDoesNotHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, clusters, classes := rapid.IntRange(0, 60).Draw(t, "n"), rapid.IntRange(1, 8).Draw(t, "clusters"), rapid.IntRange(1, 6).Draw(t, "classes")
		cluster := rapid.SliceOfN(rapid.IntRange(-1, clusters-1), n, n).Draw(t, "cluster")
		labels := rapid.SliceOfN(rapid.IntRange(-1, classes-1), n, n).Draw(t, "labels")
		faithful(t, cluster, labels, clusters, classes)
	})
}

// One-to-one matching fails on a long tail: large classes fill several clusters, and the remaining ones are matched to
// classes that are rare in them.
func TestNamesOfALongTail(t *testing.T) {
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 0))
		var cluster, labels []int
		for class, size := range []int{800, 400, 90, 40, 31, 31} {
			for range size {
				c := class
				if class == 0 {
					c = []int{0, 3, 4, 5}[r.IntN(4)] // split over the clusters that small classes would need
				}
				if r.IntN(10) == 0 {
					c = r.IntN(6)
				}
				cluster, labels = append(cluster, c), append(labels, class)
			}
		}
		m, err := Score(t.Context(), Input{Clusters: 6, Cluster: cluster, Labels: labels, Resamples: 20})
		if err != nil {
			t.Fatal(err)
		}
		differ := 0
		for c, n := range m.Names {
			if n.Class != m.Matching.ClassOfCluster[c] {
				differ++
			}
		}
		if differ == 0 {
			t.Error("the matching gives the clusters the same names as their images: this test shows nothing")
		}
		faithful(t, cluster, labels, 6, 6)
	}
}

// The same on real features: a long tail of CIFAR-100's test images, in clusters around randomly chosen images.
func TestNamesOfALongTailOfCIFAR(t *testing.T) {
	dir := sharedtest.Path(t, "features")
	labels, err := npy.ReadInts(filepath.Join(dir, "cifar100-test.labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := npy.Open(filepath.Join(dir, "cifar100-test.features.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []int32
	var y []int
	seen := map[int]int{}
	for i, class := range labels {
		seen[int(class)]++
		if seen[int(class)] <= max(2, 100/(1+int(class)/5)) { // 100 of the first classes, 5 of the last
			rows, y = append(rows, int32(i)), append(y, int(class))
		}
	}
	d := f.Dim()
	x := make([]float32, len(rows)*d)
	if err := f.Gather(x, rows); err != nil {
		t.Fatal(err)
	}
	const clusters = 100
	r := rand.New(rand.NewPCG(1, 1))
	centres := r.Perm(len(rows))[:clusters]
	cluster := make([]int, len(rows))
	for i := range rows {
		best := float32(-1e30)
		for c, j := range centres {
			var dot float32
			for k, v := range x[j*d : (j+1)*d] {
				dot += v * x[i*d+k]
			}
			if dot > best {
				best, cluster[i] = dot, c
			}
		}
	}
	named := faithful(t, cluster, y, clusters, 100)
	if named < 20 {
		t.Errorf("only %d of %d clusters are named", named, clusters)
	}
	t.Logf("%d of %d clusters of %d images are named", named, clusters, len(rows))
}

func TestNamesOfOlderRuns(t *testing.T) {
	var m Metrics
	old := `{"n":3,"clusters":2,"labelled":3,"classes":["a","b"],"matching":{"fitted_on":"all","class_of_cluster":[0,1]}}`
	if err := json.Unmarshal([]byte(old), &m); err != nil {
		t.Fatal(err)
	}
	names, err := m.ReadNames(func() (*Assignments, error) {
		return &Assignments{Cluster: []int{0, 1, 1}, Labels: []int{0, 0, 0}, Classes: []string{"a", "b"}}, nil
	})
	if err != nil || names[0].Name != "a 2" || names[1].Name != "a" {
		t.Errorf("%+v, %v", names, err)
	}
	m = Metrics{}
	if names, err := m.ReadNames(nil); names != nil || err != nil {
		t.Errorf("without labels: %v, %v", names, err)
	}
}
