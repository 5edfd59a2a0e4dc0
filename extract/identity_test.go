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

// keysOf are the keys of an extraction: the folder in the user's cache, and the settings that a store is held against.
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
	const speed = "it changes how fast features come, and no bit of them"
	both := in("folder", "settings")
	rules := map[string]rule{
		"Data":                in("folder"), // a store may be brought up to other data
		"Dataset.LabelsFrom":  in("folder"),
		"Dataset.Splits":      in("folder"),
		"Dataset.ImageColumn": in("folder"),
		"Dataset.LabelColumn": in("folder"),

		"Model":            {In: both.In, Change: func(c *Config) { c.Model = other }}, // by content: see the next test
		"ModelName":        in("settings"),                                             // kept for people; stores are held against the SHA-256
		"Encoder.Output":   both,
		"Encoder.Library":  out("a store keeps the version that it was made with, and refuses another once there is something to encode"),
		"Encoder.Provider": out("as the library: known once the encoder is open"),
		"Encoder.Threads":  out(speed),
		"Encoder.Resting":  out(speed),
		"Encoder.Size":     out("it is Transform.Crop"),
		"Library":          out("it finds Encoder.Library"),
		"Transform.Resize": both, "Transform.Crop": both, "Transform.Whole": both, "Transform.Mean": both, "Transform.Std": both,
		"IgnoreEXIF": both, "Views": both, "Seed": both, "Half": both,

		"Out":       out("it is where the store lies"),
		"ShardRows": in("settings"), // a store keeps the number that it was begun with
		"Part":      out("a part has a folder of its own, and says which it is"),
		"Parts":     out("as Part"),
		"Batch":     out(speed), "Workers": out(speed), "Memory": out("images wait for it, or are skipped and said to be"),
		"Anew":   out("features that are taken over are those that encoding would give, to the bit"),
		"Prune":  out("what is dropped shows in the store's list"),
		"Strict": out("it ends a run, and changes none"), "MaxBad": out("as Strict"),
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

// A model is known by the bytes of all of its files, wherever they lie, and how views would be drawn does not matter where there are none.
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
		t.Error("weights that changed beside the graph have the same keys")
	}
}

// Folders that earlier versions made go on being found.
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
			t.Errorf("%s, %v; it was %s", got, err, want)
		}
	}
}
