package head

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/cluster"
	"iconic/head/linear"
	"iconic/head/methods"
	"iconic/head/setting"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// tiny returns a set on which every method trains in milliseconds.
func tiny() (*matrix.Dense, Inputs) {
	m := densetest.Clouds(8, 72, 6, 3, 0.4)
	return m, inputs(m, 3)
}

// brief returns a method's preset, cut to a few steps.
func brief(t testing.TB, name string) Config {
	t.Helper()
	c, err := Preset(name, 3)
	if err != nil {
		t.Fatal(err)
	}
	c.Seed = 3
	some(t, &c, "batch", 32)
	some(t, &c, "epochs", 3)
	some(t, &c, "heads", 2)
	some(t, &c, "neighbours", 6)
	some(t, &c, "perplexity", 8)
	some(t, &c, "dimensions", 3)
	some(t, &c, "bank", 64)
	some(t, &c, "hidden", 8)
	return c
}

// once skips a test under -short, for the race detector and the plain kernels: its trainings have the goroutines and kernels of other tests.
func once(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("trains as other tests do")
	}
}

// other returns a different value of a setting, within its range.
func other(s setting.Setting) any {
	switch v := s.Value().(type) {
	case bool:
		return !v
	case int:
		return v + 2
	case float64:
		if s.Kind == "share" || s.Kind == "decay" || s.Name == "tau-plus" {
			return 0.37 + v/4
		}
		return 1.5*v + 0.1
	case string:
		for name, value := range map[string]string{"metric": "euclidean", "neighbour-search": "approximate", "divergence": "hellinger", "sides": "target", "sizes": "balanced"} {
			if name == s.Name {
				return value
			}
		}
		if v == "constant" {
			return "cosine"
		}
		return "constant"
	}
	return nil
}

// Every declared setting of a method changes what it learns, or declares why it may not; every undeclared setting is refused.
func TestEverySettingIsReadOrRefused(t *testing.T) {
	once(t)
	m, in := tiny()
	for _, one := range methods.All() {
		name := one.About().Name
		t.Run(name, func(t *testing.T) {
			c := brief(t, name)
			plain := bits(t, m, in, c, Options{})
			own := one.Recipe(3).Settings()
			for _, s := range own {
				changed := brief(t, name)
				recipe, err := changed.recipe(one)
				if err != nil {
					t.Fatal(err)
				}
				now, _ := recipe.Settings().Find(s.Name)
				if s.Name == "sides" {
					change(t, &changed, "alpha", 0.3)
					plain = bits(t, m, in, changed, Options{})
				}
				change(t, &changed, s.Name, other(now))
				if cmp.Equal(plain, bits(t, m, in, changed, Options{})) && s.Inert == "" {
					t.Errorf("%s: from %s to %v changes nothing", s.Name, now.Text(), other(now))
				}
				if s.Name == "sides" {
					plain = bits(t, m, in, c, Options{})
				}
			}
			for _, s := range methods.Settings() {
				if _, reads := own.Find(s.Name); reads {
					continue
				}
				var unread *setting.Unread
				if err := c.Set(s.Name, s.Text()); !errors.As(err, &unread) || len(unread.Readers) == 0 {
					t.Errorf("%s, which it does not read: %v", s.Name, err)
				}
			}
			if len(c.Settings) > len(own) {
				t.Errorf("settings %v of %d that it reads", c.Settings, len(own))
			}
		})
	}
}

// bits trains and returns the head's numbers, the representation and the loss.
func bits(t testing.TB, m Features, in Inputs, c Config, o Options) [][]float32 {
	t.Helper()
	r, err := Train(context.Background(), m, in, c, o)
	if err != nil {
		t.Fatalf("%s %v: %v", c.Method, c.Settings, err)
	}
	return append(r.Head.Parameters(), r.Representation, []float32{float32(r.Loss)})
}

// Interrupted at a random step and resumed, and on one, two and three threads, every method gives the same bits.
func TestEveryMethodIsResumedToTheSameBitsOnAnyThreads(t *testing.T) {
	m, in := tiny()
	for _, one := range methods.All() {
		name := one.About().Name
		t.Run(name, func(t *testing.T) {
			c := brief(t, name)
			steps := 0
			count := func(int, int, float64) { steps++ }
			whole, err := Train(context.Background(), m, in, c, Options{Workers: 1, Progress: count})
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{2, 3} {
				r, err := Train(context.Background(), m, in, c, Options{Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(whole, r); diff != "" {
					t.Errorf("%d threads (-one +more):\n%s", workers, diff)
				}
			}
			if one.About().Closed { // it starts again
				return
			}
			seed := fnv.New64()
			seed.Write([]byte(name))
			after := 1 + rand.New(rand.NewPCG(seed.Sum64(), 1)).IntN(steps-1)
			if diff := cmp.Diff(whole, interrupted(t, m, in, c, after)); diff != "" {
				t.Errorf("interrupted after step %s of %d (-whole +resumed):\n%s", strconv.Itoa(after), steps, diff)
			}
		})
	}
}

// A learning rate that is far too high ends every training with the cause, in the step in which its numbers stop being finite, or at its end if it has
// only one step. A training that ends without an error has a head of finite numbers that gives probabilities.
func TestEveryMethodFindsWhatIsNotFinite(t *testing.T) {
	m, in := tiny()
	for _, single := range []bool{false, true} {
		found := 0
		for _, one := range methods.All() {
			c := brief(t, one.About().Name)
			if c.Text("lr") == "" {
				continue
			}
			change(t, &c, "lr", 1e38)
			if single {
				change(t, &c, "epochs", 1)
				if c.Text("batch") != "" {
					change(t, &c, "batch", 1<<16)
				}
			}
			r, err := Train(context.Background(), m, in, c, Options{})
			switch {
			case err == nil:
				p := make([]float32, m.Len()*c.Clusters)
				if err := r.Head.Probabilities(p, m.X, m.Len()); err != nil || !r.Head.Finite() || slices.ContainsFunc(p, func(v float32) bool { return v-v != 0 }) {
					t.Errorf("%s: a head of numbers that are not finite, %v", c.Method, err)
				}
			case !strings.Contains(err.Error(), "not finite") || !strings.Contains(err.Error(), "learning rate") || !single && !strings.Contains(err.Error(), "step "):
				t.Errorf("%s: %v", c.Method, err)
			case !errors.Is(err, linear.ErrNotFinite) && !errors.Is(err, cluster.ErrNotFinite):
				t.Errorf("%s: %v is no ErrNotFinite", c.Method, err)
			default:
				found++
			}
		}
		if found < 10 {
			t.Errorf("%d methods found it, with a single step: %t", found, single)
		}
	}
}

// The configuration of supervised-clustering from when it offered refine, which changed nothing but the time, is read without it; nobody can set it now.
func TestRefineIsReadWhereItWasOffered(t *testing.T) {
	want, err := Preset("supervised-clustering", 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, refine := range []string{"0", "2"} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Config
		if err := json.Unmarshal([]byte(strings.Replace(string(b), "{", `{"refine":`+refine+",", 1)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("refine %s (-want +got):\n%s", refine, diff)
		}
	}
	if err := want.Set("refine", 1); err == nil || !strings.Contains(err.Error(), "does not read the setting refine: these do: ") {
		t.Errorf("set: %v", err)
	}
}

// A run folder of format 1, in which every method had every setting, is read with the settings that its method reads.
func TestSettingsOfAnEarlierFormatAreRead(t *testing.T) {
	const earlier = `{"method": "simclr", "clusters": 4, "seed": 7, "alpha": 0, "beta": 0, "standardize": true, "neighbours": 12, "metric": "cosine",
		"neighbour_search": "exact", "refine": 0, "batch": 256, "batch_anchors": false, "epochs": 9, "min_steps": 1, "learning_rate": 0.002, "weight_decay": 0,
		"schedule": {"kind": "step", "parts": 3, "factor": 0.5, "warm_up": 0.25}, "ema": 0, "heads": 1, "views": true, "dimensions": 32, "hidden": 64, "temperature": 0.5}`
	var got Config
	if err := json.Unmarshal([]byte(earlier), &got); err != nil {
		t.Fatal(err)
	}
	want, err := Preset("simclr", 4)
	if err != nil {
		t.Fatal(err)
	}
	want.Seed = 7
	change(t, &want, "neighbours", 12, "neighbour-search", "exact", "batch", 256, "epochs", 9, "lr", 0.002, "warm-up", 0.25, "dimensions", 32, "hidden", 64)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
