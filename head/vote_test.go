package head

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/partition"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// voting returns a short training whose heads vote.
func voting(t testing.TB) (*matrix.Dense, Config) {
	t.Helper()
	c := iconClustering(t, 20)
	c.Seed = 5
	change(t, &c, "batch", 128, "epochs", 30, "lr", 3e-3, "heads", 4)
	return densetest.Clouds(7, 300, 12, 3, 3), c
}

// Heads with nearly the lowest loss are kept whole, and their vote has the same bits on any number of threads and after an interruption.
func TestHeadsThatVoteAreKeptWhole(t *testing.T) {
	m, c := voting(t)
	whole := learn(t, m, c, Options{Workers: 1})
	if whole.Head.Members < 2 || whole.Head.Temperature != 1 || whole.Head.Check() != nil {
		t.Fatalf("%d heads at a temperature of %g, %v", whole.Head.Members, whole.Head.Temperature, whole.Head.Check())
	}
	if notes := strings.Join(whole.Findings, "\n"); !strings.Contains(whole.Choice, " vote") || !strings.Contains(notes, whole.Choice) || !strings.Contains(notes, "MB of weights") {
		t.Errorf("chosen: %q; notes: %s", whole.Choice, notes)
	}
	for _, workers := range []int{2, 3} {
		if diff := cmp.Diff(whole, learn(t, m, c, Options{Workers: workers})); diff != "" {
			t.Errorf("%d threads (-one +more):\n%s", workers, diff)
		}
	}
	for _, after := range []int{1, 17, 80} {
		if diff := cmp.Diff(whole, interrupted(t, m, Inputs{}, c, after)); diff != "" {
			t.Errorf("interrupted after step %d (-whole +resumed):\n%s", after, diff)
		}
	}
}

// With distil one head has learnt the vote: it assigns nearly every row as the vote does, with the same confidence.
func TestADistilledHeadHasLearntTheVote(t *testing.T) {
	m, c := voting(t)
	whole := learn(t, m, c, Options{})
	change(t, &c, "distil", true)
	one := learn(t, m, c, Options{})
	if one.Head.Members != 1 || !strings.Contains(one.Choice, "one linear head has learnt their vote") {
		t.Fatalf("%d heads: %q", one.Head.Members, one.Choice)
	}
	n, k := m.Len(), 20
	p, q := make([]float32, n*k), make([]float32, n*k)
	if err := whole.Head.Probabilities(p, m.X, n); err != nil {
		t.Fatal(err)
	}
	if err := one.Head.Probabilities(q, m.X, n); err != nil {
		t.Fatal(err)
	}
	a, sure := densetest.Assigned(p, k)
	b, surely := densetest.Assigned(q, k)
	share, err := partition.Agreement(a, b, k)
	if err != nil {
		t.Fatal(err)
	}
	if share < 0.9 {
		t.Errorf("the distilled head assigns %.3f of the rows as the vote does", share)
	}
	if math.Abs(sure-surely) > 0.05 {
		t.Errorf("the vote has confidence %.3f, the distilled head %.3f", sure, surely)
	}
}

// A configuration from before votes were kept whole is read with the setting that was used then.
func TestConfigurationsOfBeforeTheVote(t *testing.T) {
	for _, c := range []struct {
		method          string
		change          []any
		distil, clashes bool
	}{
		{"debiased-infonce-clustering", nil, true, true},
		{"debiased-infonce-clustering", []any{"heads", 1}, false, false},
		{"icon-paper", nil, false, false},
		{"pmi", nil, false, false},
	} {
		now, err := Preset(c.method, 5)
		if err != nil {
			t.Fatal(err)
		}
		change(t, &now, c.change...)
		b, err := json.Marshal(now)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(b, &fields); err != nil {
			t.Fatal(err)
		}
		delete(fields, "distil")
		if b, err = json.Marshal(fields); err != nil {
			t.Fatal(err)
		}
		var was Config
		if err := json.Unmarshal(b, &was); err != nil {
			t.Fatal(err)
		}
		if was.Settings["distil"] != c.distil || was.Equal(now) == c.clashes {
			t.Errorf("%s %v: distil %v, the same as now: %t", c.method, c.change, was.Settings["distil"], was.Equal(now))
		}
	}
	c, err := Preset("kmeans", 5)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := json.Unmarshal(b, &again); err != nil || !again.Equal(c) {
		t.Errorf("a method that has no heads: %v, %v", again, err)
	}
}

// A head that is kept alone among others, because their losses are too high, is as confident as its clusters agree with halves of the
// features.
func TestAHeadThatIsKeptAloneIsCalibrated(t *testing.T) {
	const n, k = 400, 8
	m := densetest.Clouds(3, n, 16, k, 1.5)
	c := iconClustering(t, k)
	change(t, &c, "batch", 200, "epochs", 30, "lr", 1e-2, "heads", 6)
	for c.Seed = range uint64(20) {
		r := learn(t, m, c, Options{})
		if !strings.Contains(r.Choice, "is kept") {
			continue
		}
		if notes := strings.Join(r.Findings, "\n"); !(r.Expected > 0 && r.Expected <= 1) || !strings.Contains(notes, "expected accuracy: ") {
			t.Fatalf("expected accuracy %g; notes: %s", r.Expected, notes)
		}
		p := make([]float32, n*k)
		if err := r.Head.Probabilities(p, m.X, n); err != nil {
			t.Fatal(err)
		}
		_, sure := densetest.Assigned(p, k)
		if math.Abs(sure-r.Expected) > 1e-3 {
			t.Errorf("mean confidence %.3f, expected accuracy %.3f", sure, r.Expected)
		}
		if diff := cmp.Diff(r, learn(t, m, c, Options{Workers: 3})); diff != "" {
			t.Errorf("three threads (-two +three):\n%s", diff)
		}
		return
	}
	t.Error("the heads vote with every seed: this test shows nothing")
}
