package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stage lists what each package may import; a new dependency is a decision to be made here. Packages that all may import, internal,
// matrix, option and progress, are not listed.
var stage = map[string][]string{
	"pipeline":      {"", "pipeline", "doctor", "cache", "sweep", "sorting", "duplicates", "comparison", "curator", "endpoint", "prediction", "evaluation", "distributions", "classify", "run", "curation", "features", "extract", "head", "report", "models"},
	"cache":         {"extract"},
	"doctor":        {"extract"},
	"sorting":       {"run", "extract"},
	"duplicates":    {"run", "curation", "features", "extract", "report"},
	"sweep":         {"comparison", "run", "features", "head", "report"},
	"comparison":    {"run", "report"},
	"endpoint":      {"classify", "extract"},
	"prediction":    {"classify", "sorting", "run", "curation", "features", "extract"},
	"evaluation":    {"classify", "run", "curation", "features", "extract", "report"},
	"curator":       {"curation", "endpoint", "run", "head", "report"},
	"distributions": {"run", "features", "head", "report"},
	"classify":      {"run", "curation", "extract", "models", "report"},
	"run":           {"features", "curation", "inspect", "extract", "head", "models", "report"},
	"inspect":       {"head", "report"},
	"curation":      {},
	"features":      {"extract", "head", "report"},
	"extract":       {"extract"},
	"head":          {"head"},
	"report":        {"report"},
	"models":        {"models"},
	"option":        {},
	"progress":      {},
	"matrix":        {},
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
				if (to == "" || to == from) && strings.HasSuffix(path, "_test.go") { // a test may make a run by the root package
					continue
				}
				if to != "internal" && to != "option" && to != "matrix" && (to != "progress" || from == "internal") && !slices.Contains(allowed, to) {
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

// modulePath is the module's name in go.mod, so that a renamed module follows the same rules.
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

// house maps each package in the diagram of all packages to its line, from the top; the root of the module is iconic.
func house(t *testing.T) (line map[string]int) {
	t.Helper()
	content, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(content), "\n    pipeline ")
	drawing, _, ends := strings.Cut("    pipeline "+after, "\nLibrary errors name fields")
	if !found || !ends {
		t.Fatal("docs/architecture.md has no diagram of the packages")
	}
	line = map[string]int{}
	for k, text := range strings.Split(drawing, "\n") {
		text = strings.TrimLeft(text, " │├─")
		for _, name := range strings.Split(text, "  ") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", name)); err != nil && name != "iconic" {
				break // the description
			}
			line[name] = k
		}
	}
	return line
}

// Packages import only packages on lower lines of the diagram in docs/architecture.md, which contains all packages.
func TestNoImportLeadsUpwards(t *testing.T) {
	module, line := modulePath(t), house(t)
	seen := 0
	err := filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(dir, ".."))
		if name == "/scripts" || strings.HasPrefix(d.Name(), ".") && name != "" || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if !holdsPackage(dir) {
			return nil
		}
		own, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
		if own == "" {
			own = "iconic"
		}
		from, drawn := line[own]
		if !drawn {
			t.Errorf("docs/architecture.md does not draw %s", own)
		}
		for _, imported := range importsOf(t, dir) {
			rest, ours := strings.CutPrefix(imported+"/", module+"/")
			if !ours {
				continue
			}
			other, _, _ := strings.Cut(rest, "/")
			if other == "" {
				other = "iconic"
			}
			if own == "matrix" && rest == "internal/parallel/" { // it belongs to no package of the diagram, and so is below all
				continue
			}
			if to, drawn := line[other]; other != own && (!drawn || to <= from) {
				t.Errorf("%s imports %s, which docs/architecture.md does not draw below %s", dir, imported, own)
			}
			seen++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 || len(line) < 15 {
		t.Errorf("%d imports of %d packages were seen: the test runs in the wrong folder, or misreads the drawing", seen, len(line))
	}
}

// floors are the lines of the diagram of packages inside head, from the top, with the packages on each line.
func floors(t *testing.T) [][]string {
	t.Helper()
	content, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(content), "\n## Inside head\n")
	inside, _, ends := strings.Cut(after, "\n**A method**")
	if !found || !ends {
		t.Fatal("docs/architecture.md has no diagram of head")
	}
	var list [][]string
	for _, line := range strings.Split(inside, "\n") {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.HasPrefix(line, "    head") {
			continue
		}
		var floor []string
		for _, name := range strings.Split(names, ", ") {
			if !strings.HasPrefix(name, "head") {
				name = "head/" + name
			}
			floor = append(floor, name)
		}
		list = append(list, floor)
	}
	return list
}

// Inside head every package appears in the diagram of docs/architecture.md and imports only packages on lower lines.
func TestNoImportInsideHeadLeadsUpwards(t *testing.T) {
	module, floor := modulePath(t), map[string]int{}
	for k, names := range floors(t) {
		for _, name := range names {
			floor[name] = k
			if !holdsPackage(filepath.Join("..", name)) {
				t.Errorf("docs/architecture.md draws %s, which is not a package", name)
			}
		}
	}
	for from, own := range floor {
		for _, to := range importsOf(t, filepath.Join("..", from)) {
			name, ours := strings.CutPrefix(to, module+"/")
			if !ours || !strings.HasPrefix(name+"/", "head/") {
				continue
			}
			if at, drawn := floor[name]; !drawn || at <= own {
				t.Errorf("%s imports %s, which docs/architecture.md does not draw below it", from, name)
			}
		}
	}
	err := filepath.WalkDir("../head", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && holdsPackage(path) {
			if _, drawn := floor[filepath.ToSlash(path[len("../"):])]; !drawn {
				t.Errorf("%s is not drawn in docs/architecture.md", path)
			}
			if _, err := os.Stat(filepath.Join(path, "doc.go")); err != nil {
				t.Errorf("%s has no doc.go", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// holdsPackage reports whether a folder has Go files other than tests.
func holdsPackage(dir string) bool { return len(sources(dir)) > 0 }

func sources(dir string) []string {
	all, _ := filepath.Glob(filepath.Join(dir, "*.go")) // the pattern is well formed
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

// importsOf lists the packages that a folder's files import, tests excluded.
func importsOf(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	for _, path := range sources(dir) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, name)
		}
	}
	return list
}

// Paths named in docs/architecture.md and CONTRIBUTING.md exist, and docs/architecture.md names every package outside internal and scripts.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	path := regexp.MustCompile(`\b(?:head|extract|report|models|internal|pipeline|scripts|docs|curator|distributions|endpoint|classify|run|features|matrix)/[A-Za-z0-9_./-]*[A-Za-z0-9_]`)
	var text string
	for _, page := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		content, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		if text == "" {
			text = string(content)
		}
		for _, name := range path.FindAllString(string(content), -1) {
			if _, err := os.Stat(filepath.Join("..", name)); err == nil {
				continue
			}
			// A name within a package: head/method.Distributions.
			if dot := strings.LastIndex(name, "."); dot < 0 || !holdsPackage(filepath.Join("..", name[:dot])) {
				t.Errorf("%s names %s, which does not exist", page, name)
			}
		}
	}
	drawn := map[string]bool{}
	for _, floor := range floors(t) {
		for _, name := range floor {
			drawn[name] = true
		}
	}
	err := filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(dir, "../"))
		if name != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || name == "internal" || name == "scripts") {
			return filepath.SkipDir
		}
		if name != ".." && holdsPackage(dir) && !drawn[name] && !regexp.MustCompile(`(^|[^a-z/])`+regexp.QuoteMeta(name)+`\b`).MatchString(text) {
			t.Errorf("docs/architecture.md does not name %s", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
