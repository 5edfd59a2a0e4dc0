package models

import (
	"os"
	"path/filepath"
	"testing"

	"iconic/internal/identitytest"
	"iconic/models/precision"
	"iconic/models/vit"
)

func TestKeysKnowEveryInputOfAnImport(t *testing.T) {
	name, cache := weightsFile(t, 16, 8), t.TempDir()
	out := identitytest.Out[Options]
	known := func(change func(*Options)) identitytest.Rule[Options] {
		return identitytest.Rule[Options]{In: []string{"model"}, Change: change}
	}
	identitytest.Check(t, func() Options {
		return Options{ImageSize: 32, PullOptions: PullOptions{Cache: cache}}
	}, func(o Options) (map[string]string, error) {
		m, err := Resolve(t.Context(), name, o)
		if err != nil {
			return nil, err
		}
		return map[string]string{"model": filepath.Base(filepath.Dir(m.Path))}, nil
	}, map[string]identitytest.Rule[Options]{
		"ImageSize": known(func(o *Options) { o.ImageSize = 16 }),
		"Output":    known(func(o *Options) { o.Output = vit.Patch }),
		"Precision": known(func(o *Options) { o.Precision = precision.Int8 }),
		"Heads":     known(func(o *Options) { o.Heads = 4 }),
		"Out":       {Why: "a model written to a requested file is not looked up again", Change: func(*Options) {}},

		"PullOptions.Cache":    {Why: "it is where imports are kept", Change: func(o *Options) { o.Cache = t.TempDir() }},
		"PullOptions.From":     {Why: "it is refused for a file, and weights are known by their bytes", Change: func(*Options) {}},
		"PullOptions.Token":    out("it opens a door, behind which all find the same"),
		"PullOptions.Stall":    out("it ends a download, and changes none"),
		"PullOptions.Note":     out("it only reports"),
		"PullOptions.Progress": out("it only reports"),
	})
	before, err := Resolve(t.Context(), name, Options{ImageSize: 32, PullOptions: PullOptions{Cache: cache}})
	if err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	weights[len(weights)-1] ^= 1 // of the last number
	if err := os.WriteFile(name, weights, 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := Resolve(t.Context(), name, Options{ImageSize: 32, PullOptions: PullOptions{Cache: cache}})
	if err != nil {
		t.Fatal(err)
	}
	if after.Path == before.Path {
		t.Error("different weights with the same name are imported to the same file")
	}
}
