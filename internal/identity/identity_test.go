package identity

import (
	"strings"
	"testing"
)

// Keys are part of the names and contents of users' files: none of these may ever change.
func TestKeysAreWhatTheyWere(t *testing.T) {
	key := func(k string, err error) string {
		if err != nil {
			t.Error(err)
		}
		return k
	}
	graph := Graph{Search: "approximate", Metric: "cosine", K: 10, Rows: 2, Dim: 2, Listed: true, Lists: 4, Recall: 0.5, Seed: 1}.Key()
	graph.Add([]float32{1, 2})
	graph.Add([]float32{3, 4})
	for _, c := range []struct{ what, got, want string }{
		{"features in a file", key(File(strings.NewReader("features"))), "69892a4798325265"},
		{"a run of a sweep", key(Run{Features: "k", Labels: []int{0, 1}, Classes: []string{"a", "b"}, Training: map[string]int{"z": 1, "a": 2}}.Key()), "efd783a4b76cc5ae"},
		{"an import", Model{Version: 3, Weights: "abc", ImageSize: 224, Output: "cls", Precision: "float32"}.Key(), "e4e37f63737d"},
		{"a graph", graph.String(), "6204d76bb3b49189"},
		{"labels", List([]int{0, 1, -1}), "b182de53ff2ed3df"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, was %s", c.what, c.got, c.want)
		}
	}
}

func TestMatricesOfOtherShapesDiffer(t *testing.T) {
	a, b := Matrix(2, 3), Matrix(3, 2)
	for _, r := range []*Rows{a, b} {
		r.Add([]float32{1, 2, 3, 4, 5, 6})
	}
	if a.Sum() == b.Sum() {
		t.Error("the same numbers in two shapes have the same key")
	}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	a := Inputs{Features: "f", Rows: 2, Dim: 3, Labels: "l", Second: "s"}
	if again := Recorded(a.Features, a.Rows, a.Dim, a.Named()); again != a {
		t.Errorf("%+v came back as %+v", a, again)
	}
	for want, change := range map[string]func(*Inputs){
		"":                           func(*Inputs) {},
		"features":                   func(in *Inputs) { in.Dim++ },
		"labels, edges":              func(in *Inputs) { in.Labels, in.Edges = "", "e" },
		"features of the second set": func(in *Inputs) { in.Second = "t" },
		"views":                      func(in *Inputs) { in.Views = "2" },
	} {
		b := a
		change(&b)
		if got := b.Other(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
