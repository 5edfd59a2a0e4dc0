package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iconic/internal/npy"
	"iconic/matrix"
)

func TestReplaceLeavesOtherSectionsAlone(t *testing.T) {
	page := "a\n<!-- bench x -->\nold\n<!-- end x -->\nb\n<!-- bench y -->\nkept\n<!-- end y -->\n"
	got, err := replace(page, "x", "new\n")
	if want := "a\n<!-- bench x -->\nnew\n<!-- end x -->\nb\n<!-- bench y -->\nkept\n<!-- end y -->\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for _, broken := range []string{"", "<!-- bench x -->\n", "<!-- end x -->"} {
		if _, err := replace(broken, "x", "new"); err == nil {
			t.Errorf("a page %q without the section is accepted", broken)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{5, 1, 9, 2}); m != 3.5 {
		t.Errorf("median %v", m)
	}
	if m := median([]time.Duration{5, 1, 9}); m != 5 {
		t.Errorf("median %d, want 5", m)
	}
}

// A table can be made in several steps: recorded runs are not repeated, and a long tail of an additional set has the sizes that its name gives.
func TestScienceInPieces(t *testing.T) {
	const n, classes = 120, 3
	folder := t.TempDir()
	x, y := make([]float32, 2*n), "label\n"
	for i := range n {
		c := i % classes
		x[2*i], x[2*i+1] = float32(10*c)+float32(i%7)/10, float32(5*c*c)+float32(i%5)/10
		y += string(rune('a'+c)) + "\n"
	}
	features, labels, record := filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.csv"), filepath.Join(folder, "runs.jsonl")
	if err := npy.Write(features, []int{n, 2}, x); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(labels, []byte(y), 0o666); err != nil {
		t.Fatal(err)
	}
	o := options{workers: 1, science: scienceOptions{sets: "clouds,clouds-tail-4", methods: "k-means,spectral-shared", seeds: 2, extra: "clouds=" + features + ":" + labels, record: record, held: 0.2}}
	first, err := science(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(first, "\n"); lines != 2+4 || !strings.Contains(first, "| k-means | 2 | 1.000 |") {
		t.Errorf("%d lines:\n%s", lines, first)
	}
	kept, err := os.ReadFile(record)
	if err != nil || strings.Count(string(kept), "\n") != 8 {
		t.Fatalf("the record: %v\n%s", err, kept)
	}
	again, err := science(context.Background(), o)
	if err != nil || again != first {
		t.Errorf("from the record: %v\n%s", err, again)
	}
	apart := o
	apart.science.unseen = "clouds"
	if _, err := science(context.Background(), apart); err == nil || !strings.Contains(err.Error(), "give one of them") {
		t.Errorf("both kinds of unseen rows: %v", err)
	}
	apart.science.sets, apart.science.methods, apart.science.held = "clouds", "k-means", 0
	if told, err := science(context.Background(), apart); err != nil || !strings.Contains(told, "| 1.000 | – | – | 0.000 | 0.000 |") || strings.Count(told, "\n") != 2+1 {
		t.Errorf("rows of another set: %v\n%s", err, told)
	}
	o.science.sets, o.science.tell = "clouds,unknown", true
	if told, err := science(context.Background(), o); err != nil || strings.Count(told, "\n") != 2+2 {
		t.Errorf("the record alone: %v\n%s", err, told)
	}
	d, err := draw("", "clouds-tail-4", map[string]string{"clouds": features + ":" + labels})
	if err != nil {
		t.Fatal(err)
	}
	count := make([]int, classes)
	for _, c := range d.labels {
		count[c]++
	}
	if d.x.Len() != 40+20+10 {
		t.Errorf("sizes of the tail: %v", count)
	}
}

// Values of the binomial distribution.
func TestSignTest(t *testing.T) {
	for _, c := range []struct {
		a, b int
		p    float64
	}{{10, 0, 2. / 1024}, {9, 1, 22. / 1024}, {8, 2, 112. / 1024}, {5, 5, 1}, {0, 0, 1}, {0, 3, 0.25}} {
		if got := signTest(c.a, c.b); math.Abs(got-c.p) > 1e-12 {
			t.Errorf("%d against %d: p = %v, want %v", c.a, c.b, got, c.p)
		}
	}
}

// The shares of consecutive turns are disjoint, and together they are all rows.
func TestSharesOfTurnsAreDisjoint(t *testing.T) {
	const n = 1000
	d := &drawn{x: matrix.NewDense(n, 1), labels: make([]int, n), classes: 1}
	for i := range n {
		d.x.X[i] = float32(i)
	}
	seen := map[float32]int{}
	for turn := range 5 {
		rest, held := d.split(0.2, turn)
		if rest.x.Len()+held.x.Len() != n || held.x.Len() < n/10 {
			t.Errorf("turn %d: %d and %d rows", turn, rest.x.Len(), held.x.Len())
		}
		for _, v := range held.x.X {
			seen[v]++
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d rows were held out", len(seen), n)
	}
}
