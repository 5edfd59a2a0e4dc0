package prediction_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic"
	feature "iconic/features"
	"iconic/internal/npy"
	"iconic/option"
	"iconic/prediction"
	"iconic/run"
	"iconic/sorting"
)

// matrixRun is a run on a matrix of points around three centres, its folder, and the matrix with its numbers.
func matrixRun(t *testing.T, n, d int) (f *run.Finished, name string, x []float32) {
	t.Helper()
	dir := t.TempDir()
	name = filepath.Join(dir, "x.npy")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		for j := range d {
			x = append(x, float32(0.01*(r.NormFloat64()+8*float64((i+j)%3))))
		}
	}
	written(t, name, x, d)
	set, err := feature.Open(name, "")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	f, err = iconic.Train(t.Context(), set, iconic.Training{Out: filepath.Join(dir, "run"), Clusters: 3})
	if err != nil {
		t.Fatal(err)
	}
	return f, name, x
}

func written(t *testing.T, name string, x []float32, d int) {
	t.Helper()
	if err := npy.Write(name, []int{len(x) / d, d}, x); err != nil {
		t.Fatal(err)
	}
}

// The rows of the matrix that a run learned are in the run's own clusters, by name; those of other matrices are named by their file.
func TestRowsOfAMatrix(t *testing.T) {
	f, name, _ := matrixRun(t, 60, 9)
	unencoded := 0
	o := prediction.Options{Data: []string{name}, Unencoded: func() { unencoded++ }}
	rows := 0
	for image, err := range prediction.Images(t.Context(), f.Dir, o) {
		if err != nil {
			t.Fatal(err)
		}
		if image.Path != f.Table.Paths[rows] || image.Prediction.Cluster != f.Table.Cluster[rows] || image.Prediction.Confidence != f.Table.Confidence[rows] {
			t.Fatalf("%s: %+v, and in the run %s: cluster %d, %v", image.Path, image.Prediction, f.Table.Paths[rows], f.Table.Cluster[rows], f.Table.Confidence[rows])
		}
		rows++
	}
	if rows != 60 || unencoded != 1 {
		t.Errorf("%d rows, told %d times that nothing is encoded", rows, unencoded)
	}
	content, err := os.ReadFile(name)
	check(err)
	second := filepath.Join(t.TempDir(), "x.npy")
	check(os.WriteFile(second, content, 0o666))
	all, err := predicted(t, f.Dir, prediction.Options{Data: []string{name, second}})
	if _, known := all[filepath.ToSlash(name)+"/row 59"]; err != nil || !known || len(all) != 120 {
		t.Errorf("%d rows of two matrices; %v", len(all), err)
	}
}

// Rows that cannot be classified have a reason, and count as images that cannot be read; all others are classified, in whichever block they are.
func TestRowsThatCannotBeClassified(t *testing.T) {
	const learned, n, d = 60, 9000, 9 // three blocks, in which the learned rows recur
	f, _, x := matrixRun(t, learned, d)
	for len(x) < n*d {
		x = append(x, x[:learned*d]...)
	}
	bad := map[string]string{}
	spoil := func(row int, v float64, says string) {
		for j, w := range f.Head.Weight[:d] {
			x[row*d+j] = float32(math.Copysign(v, float64(w)))
		}
		bad[fmt.Sprint("row ", row)] = says
	}
	for _, row := range []int{0, 7, 8, 4095, 4096, n - 1} {
		spoil(row, math.NaN(), "its features are not finite (number 0 is NaN)")
	}
	spoil(5, 3e38, "its features are so large that") // before one that is not finite, which is looked for first
	name := filepath.Join(t.TempDir(), "bad.npy")
	written(t, name, x, d)
	o := prediction.Options{Data: []string{name}, MaxBad: 0.01}
	rows := 0
	for image, err := range prediction.Images(t.Context(), f.Dir, o) {
		if err != nil {
			t.Fatal(err)
		}
		switch says, spoilt := bad[image.Path]; {
		case spoilt != (image.Err != nil) || spoilt == (image.Prediction != nil):
			t.Errorf("%s: %v, %v", image.Path, image.Prediction, image.Err)
		case spoilt && !strings.HasPrefix(image.Err.Error(), says):
			t.Errorf("%s: %v, want %q", image.Path, image.Err, says)
		case !spoilt && image.Prediction.Cluster != f.Table.Cluster[rows%learned]:
			t.Errorf("%s is in cluster %d, and in the run in %d", image.Path, image.Prediction.Cluster, f.Table.Cluster[rows%learned])
		}
		rows++
	}
	if rows != n {
		t.Errorf("%d rows of %d", rows, n)
	}
	var of *option.Error
	for name, limited := range map[string]prediction.Options{"MaxBad": {MaxBad: 0.0001}, "Strict": {Strict: true, MaxBad: 1}} {
		limited.Data = o.Data
		if _, err := predicted(t, f.Dir, limited); !errors.As(err, &of) || of.Option != name {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A run takes features of the kind that it learned, and options that fit them.
func TestFeaturesOfAnotherKind(t *testing.T) {
	f, name, x := matrixRun(t, 60, 9)
	narrow := filepath.Join(t.TempDir(), "narrow.npy")
	written(t, narrow, x, 6)
	for what, c := range map[string]struct {
		dir  string
		o    prediction.Options
		says string
	}{
		"images for a run on a matrix":  {f.Dir, prediction.Options{Data: []string{pictures}}, "takes rows of features"},
		"a store for a run on a matrix": {f.Dir, prediction.Options{Data: []string{name, features}}, "in the place of " + features},
		"a matrix for a run on a store": {trained, prediction.Options{Data: []string{name}}, "which does not say how they were made"},
		"fewer columns":                 {f.Dir, prediction.Options{Data: []string{narrow}}, "has rows of 6 numbers, but run " + f.Dir + " was trained on rows of 9"},
		"no such matrix":                {f.Dir, prediction.Options{Data: []string{"none.npy"}}, "none.npy"},
		"folders":                       {f.Dir, prediction.Options{Data: []string{name}, Folders: &sorting.Folders{Dir: filepath.Join(t.TempDir(), "to")}}, "is a matrix of features, which holds no files to sort"},
		"watching":                      {f.Dir, prediction.Options{Data: []string{name}, Watch: 1}, "is a matrix of features, which cannot be watched"},
	} {
		if all, err := predicted(t, c.dir, c.o); err == nil || !strings.Contains(err.Error(), c.says) || len(all) > 0 {
			t.Errorf("%s: %d rows, error %v, want %q", what, len(all), err, c.says)
		}
	}
}
