package extract

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/internal/identitytest"
	"iconic/internal/onnxtest"
)

// keysOf returns the keys of an extraction: the folder in the user's cache, and the settings with which a store is compared.
func keysOf(c Config) (map[string]string, error) {
	folder, err := CacheFolder(c)
	if err != nil {
		return nil, err
	}
	s, err := c.Settings()
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(s)
	return map[string]string{"folder": folder, "settings": string(settings)}, err
}

func TestKeysKnowEveryInputOfAnExtraction(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	m := onnxtest.Pooling(16, 8).Write(t)
	other := onnxtest.Pooling(32, 8).Write(t)
	type rule = identitytest.Rule[Config]
	in, out := identitytest.In[Config], identitytest.Out[Config]
	const speed = "it changes the speed, and no bit of the features"
	both := in("folder", "settings")
	rules := map[string]rule{
		"Data":                 in("folder"), // a store may be updated to other data
		"Dataset.LabelsFrom":   in("folder"),
		"Dataset.Splits":       in("folder"),
		"Dataset.ImageColumn":  in("folder"),
		"Dataset.LabelColumn":  in("folder"),
		"Dataset.LabelsChosen": out("it refuses data, and changes none"),
		"Dataset.Memory":       out("labels wait for memory, or are refused"),

		"Model":            {In: both.In, Change: func(c *Config) { c.Model = other }}, // compared by content: see the next test
		"ModelName":        in("settings"),                                             // kept for people; stores are compared by the SHA-256
		"Encoder.Output":   both,
		"Encoder.Library":  out("a store records the version that made it, and refuses another once there is an image to encode"),
		"Encoder.Provider": out("like the library, it is known once the encoder is open"),
		"Encoder.Threads":  out(speed),
		"Encoder.Resting":  out(speed),
		"Encoder.Size":     out("it equals Transform.Crop"),
		"Encoder.Batch":    out("it equals Batch"),
		"Library":          out("it finds Encoder.Library"),
		"Transform.Resize": both, "Transform.Crop": both, "Transform.Whole": both, "Transform.Mean": both, "Transform.Std": both,
		"IgnoreEXIF": both, "Views": both, "Seed": both, "Half": both,

		"Out":       out("it is the location of the store"),
		"ShardRows": in("settings"), // a store keeps its first value
		"Part":      out("a part has its own folder, and records its number"),
		"Parts":     out("like Part"),
		"Batch":     out("it changes no bit on the processor; how a GPU rounds is part of no key, as the GPU itself is not"), "Workers": out(speed), "Memory": out("images wait for memory, or are skipped and reported"),
		"Anew":   out("features copied from other stores equal those that encoding would give, to the bit"),
		"Prune":  out("dropped rows are missing from the store's list"),
		"Strict": out("it ends a run without changing the result"), "MaxBad": out("like Strict"),
	}
	for _, field := range [...]string{"ScaleMin", "ScaleMax", "RatioMax", "Flip", "Jitter", "Brightness", "Contrast", "Saturation", "Hue", "Grey", "Blur", "SigmaMin", "SigmaMax"} {
		rules["Augment."+field] = both
	}
	identitytest.Check(t, func() Config {
		return Config{
			Data: "pictures", Model: m, Views: 2, Augment: pixels.DefaultAugmentation(), Dataset: dataset.Options{LabelsFrom: dataset.First},
			Transform: pixels.Transform{Resize: 16, Crop: 16}, Encoder: encoder.Options{Output: "features"},
		}
	}, keysOf, rules)
}

// A model is identified by the bytes of all of its files, wherever they are, and the augmentation does not matter if there is only one
// view.
func TestKeysKnowAModelByItsContent(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	m := onnxtest.Pooling(16, 8)
	m.Scale = "weights.bin"
	file := m.Write(t)
	moved := filepath.Join(t.TempDir(), "moved.onnx")
	write(t, moved, m.Encode())
	keys := func(c Config, weights string) string {
		write(t, filepath.Join(filepath.Dir(c.Model), m.Scale), []byte(weights))
		k, err := keysOf(c)
		if err != nil {
			t.Fatal(err)
		}
		return k["folder"] + k["settings"]
	}
	c := Config{Data: "pictures", Model: file, Views: 1}
	before := keys(c, "1234")
	elsewhere, drawn := c, c
	elsewhere.Model = moved
	drawn.Augment, drawn.Seed = pixels.DefaultAugmentation(), 7
	for what, now := range map[string]string{
		"the same model elsewhere": keys(elsewhere, "1234"), "how views would be drawn": keys(drawn, "1234"), "the same again": keys(c, "1234"),
	} {
		if now != before {
			t.Errorf("%s has other keys", what)
		}
	}
	if keys(c, "1235") == before {
		t.Error("changed external weights have the same keys")
	}
}

// Folders that earlier versions made are still found.
func TestCacheFoldersAreWhatTheyWere(t *testing.T) {
	c := Config{
		Data: "/data/pictures", Model: model(t), Views: 1, Seed: 3, Dataset: dataset.Options{LabelsFrom: dataset.First, Splits: []string{"train"}},
		Transform: pixels.Transform{Resize: 18, Crop: 16, Mean: [3]float32{0.5, 0.25, 0.125}, Std: [3]float32{1, 1, 1}},
	}
	views := c
	views.Views, views.Half, views.Augment, views.Encoder.Output, views.IgnoreEXIF = 3, true, pixels.DefaultAugmentation(), "cls", true
	for want, c := range map[string]Config{"4f40734b91fbe812": c, "007ad908afe3b5ef": views} {
		in, err := c.cache()
		if err != nil {
			t.Fatal(err)
		}
		in.Decoder = "go"
		if got, err := in.Key(); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
