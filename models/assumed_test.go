package models

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/internal/safetensors"
	"iconic/models/vit"
	"iconic/models/weights"
)

// The files of the published encoders are known by their official names and by their checksums, if their shape is the encoder's.
func TestPublishedFilesAreKnown(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for _, e := range Registry() {
		base := path.Base(e.URL)
		stem := strings.TrimSuffix(base, ".pth")
		for _, file := range []string{
			base, filepath.Join("weights", base), stem + " (1).pth", stem + ".safetensors", e.Name + ".pth", filepath.Join(e.Name, "model.safetensors"), filepath.Join(path.Base(e.Repository), "model.safetensors"),
			filepath.Join("hub", "models--"+strings.ReplaceAll(e.Repository, "/", "--"), "snapshots", "0123", "model.safetensors"),
		} {
			if !isPublished(file, sum, "", e.Architecture, nil) {
				t.Errorf("%s is not known as %s", file, e.Name)
			}
		}
		other := e.Architecture
		other.Depth++
		if isPublished(base, sum, "", other, nil) {
			t.Errorf("%s with another depth is known", base)
		}
		for _, file := range []string{"own.pth", "model.safetensors", "vit_small_patch16_224.dino.safetensors", "finetuned_" + base} {
			if isPublished(file, sum, "", e.Architecture, nil) {
				t.Errorf("%s with the shape of %s is known", file, e.Name)
			}
		}
		if !isPublished("own.pth", sum, "", e.Architecture, []string{"cd", sum}) || e.SHA256Prefix != "" && !isPublished("own.pth", e.SHA256Prefix+sum[8:], "", e.Architecture, nil) {
			t.Errorf("%s is not known by its checksum", e.Name)
		}
	}
}

// Of a file with a classifier, neither the name of the encoder nor a checksum says anything, but the name of Meta's own repositories with one does.
func TestPublishedProbesAreKnown(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for _, e := range Registry() {
		repository := e.Repository + "-imagenet1k-1-layer"
		for _, file := range []string{
			filepath.Join(path.Base(repository), "model.safetensors"), path.Base(repository) + ".safetensors",
			filepath.Join("hub", "models--"+strings.ReplaceAll(repository, "/", "--"), "snapshots", "0123", "pytorch_model.bin"),
		} {
			for _, classifier := range []string{"", "classifier.weight"} {
				if got, want := isPublished(file, sum, classifier, e.Architecture, nil), e.Architecture.Family == vit.DINOv2; got != want {
					t.Errorf("%s with the shape of %s and %q: known is %t", file, e.Name, classifier, got)
				}
			}
			other := e.Architecture
			other.Width++
			if isPublished(file, sum, "classifier.weight", other, nil) {
				t.Errorf("%s with another width is known", file)
			}
		}
		for _, file := range []string{path.Base(e.URL), e.Name + ".pth", filepath.Join(path.Base(e.Repository), "model.safetensors")} {
			if isPublished(file, sum, "classifier.weight", e.Architecture, []string{sum}) {
				t.Errorf("%s with a classifier is known", file)
			}
		}
	}
}

// Weights that were pulled are known by their checksum, under any name.
func TestPulledWeightsAreKnownAnywhere(t *testing.T) {
	cache, sum := t.TempDir(), strings.Repeat("ab", 32)
	e := Registry()[0]
	for _, locked := range []bool{false, true} {
		if locked {
			folder, err := cacheFolder(cache)
			if err != nil {
				t.Fatal(err)
			}
			if err := writeLocks(folder, map[string]Locked{e.Name + "/model.safetensors": {SHA256: sum}}); err != nil {
				t.Fatal(err)
			}
		}
		m := &Model{SHA256: sum, Architecture: &e.Architecture}
		if m.assume(&weights.File{Name: "own.pth"}, cache); (len(m.Assumed) == 0) != locked {
			t.Errorf("pulled %t: assumed %q", locked, m.Assumed)
		}
	}
}

func TestClassifiersAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		shape []int
		found bool
	}{
		"head.weight": {[]int{10, 4}, true}, "module.head.weight": {[]int{10, 4}, true}, "classifier.weight": {[]int{10, 4}, true}, "head.fc.weight": {[]int{10, 4}, true},
		"linear_head.weight": {[]int{10, 4}, true}, "linear_classifier.weight": {[]int{10, 4}, true}, "fc.weight": {[]int{10, 4}, true}, "linear.weight": {[]int{10, 4}, false},
		"head.bias": {[]int{10}, false}, "head.mlp.0.weight": {[]int{10, 4}, false}, "teacher.head.last_layer.weight": {[]int{10, 4}, false}, "head.weight.x": {[]int{4}, false},
		"blocks.0.mlp.fc1.weight": {[]int{10, 4}, false}, "overhead.weight": {[]int{10, 4}, false},
	} {
		got := classifier(&weights.File{Tensors: []weights.Tensor{{Name: "cls_token", Shape: []int{1, 1, 4}}, {Name: name, Shape: c.shape}}})
		if (got == name) != c.found || !c.found && got != "" {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

// Whatever a file of unknown weights does not state in its metadata is assumed.
func TestResolveSaysWhatIsAssumed(t *testing.T) {
	for _, c := range []struct {
		name     string
		metadata map[string]string
		head     bool
		want     []string
	}{
		{"own.safetensors", nil, false, []string{"resize", "mean", "std"}},
		{"own.safetensors", map[string]string{"mean": "0.5", "std": "0.5"}, false, []string{"resize"}},
		{"own.safetensors", map[string]string{"mean": "0.5", "std": "0.5", "resize": "36"}, true, nil},
		{"own_sat493m.safetensors", nil, false, []string{"resize"}},
		{"dino_deitsmall16_pretrain.safetensors", nil, true, []string{"resize", "mean", "std"}},
	} {
		tensors := smallEncoder(16, 8)
		if c.head {
			tensors = append(tensors, safetensors.FromFloat32("head.weight", make([]float32, 48), 3, 16))
		}
		metadata := map[string]string{"heads": "2"}
		for k, v := range c.metadata {
			metadata[k] = v
		}
		file := filepath.Join(t.TempDir(), c.name)
		if err := safetensors.WriteFile(file, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		m, err := Resolve(t.Context(), file, Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Assumed, c.want) || (m.Classifier == "head.weight") != c.head {
			t.Errorf("%s with %v: assumed %q, classifier %q", c.name, c.metadata, m.Assumed, m.Classifier)
		}
	}
	m, err := Resolve(t.Context(), TinyName, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
	if err != nil || m.Assumed != nil || m.Classifier != "" {
		t.Errorf("%s: assumed %q, classifier %q, %v", TinyName, m.Assumed, m.Classifier, err)
	}
}
