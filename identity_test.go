package iconic

import (
	"encoding/json"
	"fmt"
	"testing"

	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/head/icon"
	"iconic/internal/identitytest"
	"iconic/internal/onnxtest"
	"iconic/models"
	"iconic/progress"
)

// Every option reaches the inputs of the stages, whose keys are tested beside them. Here: everything an extraction is given.
func TestEveryOptionOfAnEncodingReachesTheExtraction(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	model, other := onnxtest.Pooling(16, 8).Write(t), onnxtest.Pooling(16, 4).Write(t)
	type rule = identitytest.Rule[Encoding]
	in, out := identitytest.In[Encoding], identitytest.Out[Encoding]
	const shape = "it makes a different model file, which is identified by its content: see the keys of models.Options"
	three := func(v float32) []float32 { return []float32{v, v, v} }
	identitytest.Check(t, func() Encoding {
		return Encoding{Model: model, Resize: 18, Crop: 16, Mean: three(0.5), Std: three(0.5), Provider: encoder.CPU}
	}, func(e Encoding) (map[string]string, error) {
		var c extract.Config
		release, err := e.prepare(t.Context(), &c, progress.Hooks{})
		if err != nil {
			return nil, err
		}
		release()
		s, err := c.Settings()
		if err != nil {
			return nil, err
		}
		settings, err := json.Marshal(s)
		return map[string]string{"settings": string(settings), "encoder": fmt.Sprintf("%+v", c.Encoder)}, err
	}, map[string]rule{
		"Model":      {In: []string{"settings"}, Change: func(e *Encoding) { e.Model = other }},
		"Shape":      {Why: shape, Change: func(e *Encoding) { e.Shape = models.Options{ImageSize: 16} }},
		"Resize":     in("settings"),
		"Crop":       in("settings"),
		"Whole":      in("settings"),
		"Mean":       {In: []string{"settings"}, Change: func(e *Encoding) { e.Mean = three(0.25) }},
		"Std":        {In: []string{"settings"}, Change: func(e *Encoding) { e.Std = three(0.25) }},
		"IgnoreEXIF": in("settings"),
		"Library":    out("the store records the version of the library that made it"),
		"Provider":   {In: []string{"encoder"}, Change: func(e *Encoding) { e.Provider = encoder.CUDA }}, // the store records the one that ran
		"Threads":    in("encoder"),
	})
}

func TestEveryOptionIsSaidToBeKnown(t *testing.T) {
	type rule = identitytest.Rule[Options]
	in, out := identitytest.In[Options], identitytest.Out[Options]
	identitytest.Check(t, func() Options {
		return Options{Training: Training{Clusters: 2, Settings: map[string]string{"method": "kmeans"}}}
	}, func(o Options) (map[string]string, error) {
		settings, err := json.Marshal(o.settings())
		return map[string]string{"settings": string(settings)}, err
	}, map[string]rule{
		"Encoding":          out("see the test above"),
		"Extraction":        {Why: "see the keys of extract.Config", Change: func(o *Options) { o.Extraction.Augment = pixels.DefaultAugmentation() }},
		"Store":             out("it is the folder of the features"),
		"Training.Out":      out("it is the folder of the run"),
		"Training.Clusters": in("settings"),
		"Training.Settings": {In: []string{"settings"}, Change: func(o *Options) { o.Settings["neighbours"] = "7" }},
		"Training.Seed":     out("it goes to run.Configure with the settings: see the keys of head.Config"),
		"Training.Resume":   out("see the keys of run.Training"),
		"Training.Workers":  out("it does not change the result"),
		"Training.Second":   out("see the keys of run.Training"),
		"Training.Edges":    {Why: "see the keys of run.Training", Change: func(o *Options) { o.Edges = []icon.Edge{{}} }},
		"Training.Images":   out("it only supplies the page's pictures"), "Training.ImageColumn": out("as Images"),
		"Training.Safe": out("it only changes how a table is written"), "Training.Formulas": out("it only reports"),
		"Training.Hooks": out("they only report"),
	})
}
