package distributions

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"iconic/features"
	"iconic/head"
	"iconic/head/icon"
	"iconic/internal/densetest"
	"iconic/report/page"
	"iconic/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(t *testing.T, method string, s *Subject) head.Config {
	t.Helper()
	c, err := head.Preset(method, 3)
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err = s.Fit(c, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if c.Text("epochs") != "" {
		if err := c.Set("epochs", 4); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Methods whose candidates are the points, their partners in a second set, and classes, drawn on the generated points: the image is well
// formed, and the distributions are those around the point.
func TestDrawings(t *testing.T) {
	s, err := Made(1, 40)
	if err != nil {
		t.Fatal(err)
	}
	for method, fields := range map[string]int{"kmeans": 2, "clip": 2, "cross-entropy": 2, "sne-uniform": 3} {
		d, err := Draw(context.Background(), s, config(t, method, s), head.Options{})
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if len(d.Method) != fields || len(d.Neighbours) != 3 {
			t.Errorf("%s: %d drawings of the method and %d of neighbours", method, len(d.Method), len(d.Neighbours))
		}
		for _, f := range append(d.Method, d.Neighbours...) {
			sum := 0.0
			for _, p := range f.Probability {
				sum += p
			}
			if sum < 1-1e-5 || sum > 1+1e-5 {
				t.Errorf("%s, %s: probabilities sum to %g", method, f.Name, sum)
			}
		}
		if uniform := d.NeighbourCurves[2].Values; uniform[0] != uniform[14] || uniform[15] != 0 {
			t.Errorf("uniform neighbours by rank: %v", uniform[:16])
		}
		var svg, html bytes.Buffer
		if err := errors.Join(page.DrawDistributions(&svg, d), page.WriteDistributions(&html, d)); err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(&svg); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
		if text := html.String(); !strings.Contains(text, method+" around point 40") || !strings.Contains(text, "Student-t") {
			t.Errorf("%s: the page lacks its title or its neighbours", method)
		}
	}
	if _, err := Draw(context.Background(), s, config(t, "pca", s), head.Options{}); err == nil || !strings.Contains(err.Error(), "uniform") {
		t.Errorf("pca: %v", err)
	}
	for _, point := range []int{-1, MadePoints} {
		if _, err := Made(1, point); err == nil {
			t.Errorf("point %d is not refused", point)
		}
	}
}

// From a set that is too large, the maximum number of rows is drawn, the point among them, each with its own labels and partners.
func TestSampleKeepsRowsTogether(t *testing.T) {
	const n = MostPoints + 500
	f := densetest.Clouds(2, n, 3, 2, 4)
	labels, names := make([]int, n), make([]string, n)
	for i := range labels {
		labels[i], names[i] = i%2, fmt.Sprint("image ", i)
	}
	names[1234] = "this one"
	set, err := features.New(f, names, labels, []string{"even", "odd"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Sample(set, head.Inputs{Second: f}, 1234, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Features.Len() != MostPoints || s.Name != "this one" || s.Classes != 2 || len(s.Inputs.Labels) != MostPoints {
		t.Errorf("%d rows, %d labels in %d classes, around %s", s.Features.Len(), len(s.Inputs.Labels), s.Classes, s.Name)
	}
	own, other := make([]float32, 3), make([]float32, 3)
	if err := errors.Join(s.Features.Block(own, s.Point, s.Point+1), s.Inputs.Second.Block(other, s.Point, s.Point+1)); err != nil {
		t.Fatal(err)
	}
	for e, v := range f.Row(1234) {
		if own[e] != v || other[e] != v {
			t.Errorf("the point has features %v and %v, want %v", own, other, f.Row(1234))
		}
	}
	if _, err := Sample(set, head.Inputs{}, n, 1); err == nil {
		t.Error("a row out of range is not refused")
	}
}

// Labels of some rows are no reason to say that there are none; a method that learns from them says how many are missing, others are drawn.
func TestRowsWithoutLabels(t *testing.T) {
	const n = 60
	labels, names := make([]int, n), make([]string, n)
	for i := range labels {
		labels[i], names[i] = i%2, fmt.Sprint("image ", i)
	}
	labels[0], labels[7] = -1, -1
	set, err := features.New(densetest.Clouds(2, n, 3, 2, 4), names, labels, []string{"even", "odd"})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"supcon", "cross-entropy", "harmonic"} {
		_, _, err := Plot{Method: method, Settings: map[string]string{}, Features: set, Point: 1}.Draw(t.Context())
		if want := "method " + method + " learns from labels, but 2 of 60 images have none"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, _, err := (Plot{Method: "sne", Settings: map[string]string{"epochs": "5"}, Features: set, Point: 1}).Draw(t.Context()); err != nil {
		t.Errorf("a method without labels: %v", err)
	}
}

// A method that reads no second set would ignore one, and likewise edges.
func TestUnusedInputsAreRefused(t *testing.T) {
	set, err := features.New(densetest.Clouds(1, 12, 4, 2, 3), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for says, in := range map[string]head.Inputs{
		"kmeans does not read a second set": {Second: set}, "kmeans does not read the edges": {Edges: []icon.Edge{{From: 0, To: 1, Weight: 1}}},
	} {
		var refused *run.SettingsError
		if _, _, err := (Plot{Method: "kmeans", Features: set, Inputs: in}).Draw(t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

// A plot's method is its field: another one among the settings is refused, as are misspelt ones.
func TestUnusedSettingsAreRefused(t *testing.T) {
	for says, settings := range map[string]map[string]string{
		`the field Method is "kmeans", but the setting method is "pca"`: {"method": "pca"}, `did you mean "clusters"?`: {"Clusters": "4"},
	} {
		var refused *run.SettingsError
		if _, _, err := (Plot{Method: "kmeans", Settings: settings}).Draw(t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

// A drawing replaces no file of a run, and there is none of nothing.
func TestDrawingsReplaceNoRun(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"format":1,"training":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(config, &page.Distributions{}); err == nil || err.Error() != "drawing: "+config+" belongs to the run "+dir+": choose another name" {
		t.Errorf("over a run: %v", err)
	}
	for _, name := range []string{"a.html", "a.svg"} {
		if err := WriteFile(filepath.Join(dir, name), nil); err == nil || !strings.HasSuffix(err.Error(), "there are no distributions to draw") {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
}
