package run

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/features"
	"iconic/head"
	"iconic/internal/densetest"
	"iconic/internal/npy"
	"iconic/internal/safetensors"
	"iconic/internal/tampering"
	"iconic/progress"
)

// voted is a run folder of heads that vote, as a training leaves it.
func voted(t *testing.T) (dir string, h *head.Ensemble) {
	t.Helper()
	set, err := features.New(densetest.Clouds(7, 120, 5, 3, 3), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	config := small(t, 3)
	for name, value := range map[string]any{"epochs": 30, "heads": 4} { // of which three end at about the same loss
		if err := config.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	dir = filepath.Join(t.TempDir(), "run")
	training := Training{Dir: dir, Features: set, Config: config, Workers: 1, Hooks: progress.Hooks{}}
	m, err := training.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Head.Members < 2 || r.Config.Format != votingFormat || !strings.Contains(m.Choice, "vote") || r.Config.Choice != m.Choice {
		t.Fatalf("%d heads in a run of format %d, %q and %q", r.Head.Members, r.Config.Format, m.Choice, r.Config.Choice)
	}
	return dir, r.Head
}

// What the head of a finished run says of the rows is what its assignments.csv has.
func TestARunOfHeadsThatVoteSaysWhatItsTableSays(t *testing.T) {
	dir, _ := voted(t)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	says(t, f.Run, densetest.Clouds(7, 120, 5, 3, 3).X)
}

// says holds a run's table against what its head makes of the features.
func says(t *testing.T, r *Run, x []float32) {
	t.Helper()
	table, err := Assignments(r.Dir, r.Config.Classes)
	if err != nil {
		t.Fatal(err)
	}
	n, k := len(table.Cluster), r.Head.Clusters
	p := make([]float32, n*k)
	if err := r.Probabilities(p, x, n); err != nil {
		t.Fatal(err)
	}
	for i, c := range table.Cluster {
		row := p[i*k : (i+1)*k]
		if row[c] != slices.Max(row) || math.Abs(float64(row[c])-table.Confidence[i]) > 1e-5 {
			t.Fatalf("row %d: cluster %d with %g in the table; probabilities %v", i, c, table.Confidence[i], row)
		}
	}
}

// A folder that the program wrote before votes were kept whole is read as ever, its head written again is the same bytes, and its configuration
// says that one head has learnt the vote, as one does that is trained by it now.
func TestARunOfBeforeTheVoteIsReadAsEver(t *testing.T) {
	const dir = "testdata/earlier"
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Head.Members != 1 || r.Head.Temperature != 1 || r.Config.Format != 2 || r.Config.Training.Text("distil") != "true" {
		t.Errorf("%d heads at %g, format %d, distil %q", r.Head.Members, r.Head.Temperature, r.Config.Format, r.Config.Training.Text("distil"))
	}
	if err := r.Config.Training.Validate(90); err != nil {
		t.Error(err)
	}
	f, err := npy.Open(filepath.Join(dir, "features.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := make([]float32, f.Len()*f.Dim())
	if err := f.Block(x, 0, f.Len()); err != nil {
		t.Fatal(err)
	}
	says(t, r, x)
	trained, err := head.Train(t.Context(), f, head.Inputs{}, r.Config.Training, head.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(trained.Choice, "all 3 heads vote") || trained.Head.Members != 1 {
		t.Fatalf("%d heads: %s", trained.Head.Members, trained.Choice)
	}
	for i, w := range slices.Concat(trained.Head.Parameters()...) {
		was := slices.Concat(r.Head.Parameters()...)[i]
		if math.Abs(float64(w-was)) > 1e-3*max(1, math.Abs(float64(was))) { // other processors round otherwise
			t.Errorf("weight %d is %g now, and was %g", i, w, was)
		}
	}
	again := filepath.Join(t.TempDir(), headFile)
	if err := writeHead(again, r.Head); err != nil {
		t.Fatal(err)
	}
	was, errWas := os.ReadFile(filepath.Join(dir, headFile))
	now, errNow := os.ReadFile(again)
	if !bytes.Equal(was, now) || errWas != nil || errNow != nil {
		t.Error("the head is written otherwise now", errWas, errNow)
	}
}

// unbound makes a run folder one that records no checksums, as earlier versions did, so that its head can be written again.
func unbound(t *testing.T, dir string) {
	t.Helper()
	r, err := LoadUnfinished(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.Config.Checksums = nil
	if err := writeConfig(dir, r.Config); err != nil {
		t.Fatal(err)
	}
}

// A head of several, at any temperature, is read as it was written; with any tensor, any number or the formats changed it is refused.
func TestAHeadThatVotesIsReadWholeOrRefused(t *testing.T) {
	dir, h := voted(t)
	unbound(t, dir)
	name := filepath.Join(dir, headFile)
	load := func() (*head.Ensemble, error) {
		r, err := Load(dir)
		if err != nil {
			return nil, err
		}
		return r.Head, nil
	}
	h.Temperature = 1.25
	if err := writeHead(name, h); err != nil {
		t.Fatal(err)
	}
	got, err := load()
	if diff := cmp.Diff(h, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := checksum(h)
	if err != nil {
		t.Fatal(err)
	}
	k, d, m := h.Clusters, h.Dim, h.Members
	right := map[string]safetensors.Tensor{
		"weight":      safetensors.FromFloat32("weight", h.Weight, m, k, d),
		"bias":        safetensors.FromFloat32("bias", h.Bias, m, k),
		"temperature": safetensors.FromFloat32("temperature", []float32{1.25}, 1),
	}
	nan := slices.Clone(h.Bias)
	nan[1] = float32(math.NaN())
	for _, c := range []struct {
		want     string
		change   map[string]safetensors.Tensor // nil: left out
		metadata map[string]string
	}{
		{"no tensor", map[string]safetensors.Tensor{"temperature": {}}, nil},
		{"temperature has shape", map[string]safetensors.Tensor{"temperature": safetensors.FromFloat32("temperature", []float32{1, 1}, 2)}, nil},
		{"temperature 0", map[string]safetensors.Tensor{"temperature": safetensors.FromFloat32("temperature", []float32{0}, 1)}, nil},
		{"temperature NaN", map[string]safetensors.Tensor{"temperature": safetensors.FromFloat32("temperature", []float32{float32(math.NaN())}, 1)}, nil},
		{"checksum", map[string]safetensors.Tensor{"temperature": safetensors.FromFloat32("temperature", []float32{2}, 1)}, nil},
		{"bias has shape", map[string]safetensors.Tensor{"bias": safetensors.FromFloat32("bias", h.Bias, m*k)}, nil},
		{"bias has shape", map[string]safetensors.Tensor{"bias": safetensors.FromFloat32("bias", h.Bias[:k], k)}, nil},
		{"not finite", map[string]safetensors.Tensor{"bias": safetensors.FromFloat32("bias", nan, m, k)}, nil},
		{"two heads or more", map[string]safetensors.Tensor{"weight": safetensors.FromFloat32("weight", h.Weight[:k*d], 1, k, d)}, nil},
		{"heads×clusters×features", map[string]safetensors.Tensor{"weight": safetensors.FromFloat32("weight", h.Weight, m*k*d)}, nil},
		{"does not fit the settings", map[string]safetensors.Tensor{
			"weight": safetensors.FromFloat32("weight", h.Weight, m*k, 1, d), "bias": safetensors.FromFloat32("bias", h.Bias, m*k, 1),
		}, map[string]string{"format": "3"}},
		{"format", nil, map[string]string{"format": "6", "checksum": sum}},
		{`no tensor "flat"`, nil, map[string]string{"format": "5", "checksum": sum}},
		{`no tensor "uniform"`, nil, map[string]string{"format": "4", "checksum": sum}},
		{"format", nil, map[string]string{"format": "x", "checksum": sum}},
	} {
		tensors := maps.Clone(right)
		for name, x := range c.change {
			if tensors[name] = x; x.Name == "" {
				delete(tensors, name)
			}
		}
		metadata := c.metadata
		if metadata == nil {
			metadata = map[string]string{"format": "3", "checksum": sum}
		}
		if err := safetensors.WriteFile(name, slices.Collect(maps.Values(tensors)), metadata); err != nil {
			t.Fatal(err)
		}
		if _, err := load(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: %v, want %q", slices.Collect(maps.Keys(c.change)), c.metadata, err, c.want)
		}
	}
	refused := 0
	for what, b := range tampering.Bytes(whole, 40) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := load()
		if err == nil && !cmp.Equal(got, h) {
			t.Errorf("with %s it is read as something else", what)
		}
		if err != nil {
			refused++
		}
	}
	if refused < 40 {
		t.Errorf("%d damaged files were refused", refused)
	}
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	older(t, dir)
	if _, err := load(); err == nil || !strings.Contains(err.Error(), "an ensemble of 3 heads does not match") {
		t.Errorf("in a run of format 2: %v", err)
	}
}

// older makes a folder's config.json one of format 2.
func older(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, configFile)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	all["format"] = 2
	if b, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A flat share is read as it was written, from a head of its own version, which programs that do not know the share refuse; that of a uniform
// distribution from a head of the version before.
func TestAFlatShareIsReadWholeOrRefused(t *testing.T) {
	for _, c := range []struct {
		power  float32
		format int
		tensor string
		beside []float32 // what follows the share
	}{{0.5, 5, "flat", []float32{0.5}}, {0, 4, "uniform", nil}} {
		dir, h := voted(t)
		unbound(t, dir)
		name, format := filepath.Join(dir, headFile), strconv.Itoa(c.format)
		h.Flat, h.Power = 0.125, c.power
		if err := writeHead(name, h); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "a head with a flat share does not match") {
			t.Errorf("beside a configuration that knows no share: %v", err)
		}
		config := filepath.Join(dir, configFile)
		b, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(config, bytes.Replace(b, []byte(`"format": 3`), []byte(`"format": `+format), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, r.Head); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
		sum, err := checksum(h)
		if err != nil {
			t.Fatal(err)
		}
		for want, share := range map[string]float32{"a flat share of 1": 1, "a flat share of -0.5": -0.5, "a flat share of NaN": float32(math.NaN()), "checksum": 0.25} {
			err := safetensors.WriteFile(name, []safetensors.Tensor{
				safetensors.FromFloat32("weight", h.Weight, h.Members, h.Clusters, h.Dim),
				safetensors.FromFloat32("bias", h.Bias, h.Members, h.Clusters),
				safetensors.FromFloat32("temperature", []float32{h.Temperature}, 1),
				safetensors.FromFloat32(c.tensor, append([]float32{share}, c.beside...), 1+len(c.beside)),
			}, map[string]string{"format": format, "checksum": sum})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("share %v: %v, want %q", share, err, want)
			}
		}
	}
}
