package iconic_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each package has its package comment in doc.go and in no other file: go doc would print both, one after the other.
func TestEveryPackageHasItsStoryInDocGo(t *testing.T) {
	set, folders := token.NewFileSet(), 0
	err := filepath.WalkDir(".", func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); name == "testdata" || name != "." && strings.HasPrefix(name, ".") {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return err
		}
		sources := 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			sources++
			f, err := parser.ParseFile(set, name, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			switch here := filepath.Base(name) == "doc.go"; {
			case here && (f.Doc == nil || len(f.Doc.Text()) < 60):
				t.Errorf("%s has no package comment", name)
			case here && f.Name.Name != "main" && !strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" "):
				t.Errorf("%s does not begin with Package %s", name, f.Name.Name)
			case !here && f.Doc != nil:
				t.Errorf("%s has a package comment: move it to doc.go", name)
			}
		}
		if sources == 0 {
			return nil
		}
		folders++
		if _, err := os.Stat(filepath.Join(folder, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if folders < 80 {
		t.Errorf("only %d packages were checked", folders)
	}
}
