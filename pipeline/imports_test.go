package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stage lists what a package of the house may import; a new edge is a decision, made here. Packages of what they all may use, internal and
// progress, need no word.
var stage = map[string][]string{
	"pipeline":      {"", "pipeline", "sweep", "comparison", "curator", "endpoint", "distributions", "classify", "run", "curation", "features", "extract", "head", "report", "models"},
	"sweep":         {"comparison", "run", "features", "head", "report"},
	"comparison":    {"run", "report"},
	"endpoint":      {"classify", "extract"},
	"curator":       {"curation", "head", "report"},
	"distributions": {"features", "head", "report"},
	"classify":      {"run", "curation", "extract", "models", "report"},
	"run":           {"features", "curation", "inspect", "extract", "head", "models", "report"},
	"inspect":       {"head", "report"},
	"curation":      {},
	"features":      {"extract", "head", "report"},
	"extract":       {"extract"},
	"head":          {"head"},
	"report":        {"report"},
	"models":        {"models"},
	"progress":      {},
	"internal":      {},
}

func TestStagesDoNotImportEachOther(t *testing.T) {
	module, files := modulePath(t), 0
	for from, allowed := range stage {
		err := filepath.WalkDir(filepath.Join("..", from), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			files++
			for _, spec := range f.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				rest, ours := strings.CutPrefix(name+"/", module+"/")
				if !ours {
					continue
				}
				to, _, _ := strings.Cut(rest, "/")
				if to != "internal" && (to != "progress" || from == "internal") && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s, but %s may import only %v: join stages in pipeline, or put what they share into internal", path, name, from, allowed)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files < 10 {
		t.Fatalf("only %d Go files were seen: the test runs in the wrong folder", files)
	}
}

// modulePath is what go.mod calls this module, so that a renamed one is held to the same line.
func modulePath(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	path, ok := strings.CutPrefix(strings.TrimSpace(first), "module ")
	if !ok {
		t.Fatalf("go.mod begins with %q, not with the name of the module", first)
	}
	return path
}
