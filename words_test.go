package iconic_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A flag begins a text or a word of it; what CSS and HTML write with two hyphens does not.
var (
	flagInText    = regexp.MustCompile(`(?:^|\s\(|[\s'"` + "`" + `|])--[a-z]`)
	commandInText = regexp.MustCompile("[`'\"]pipeline [a-z]")
)

// TestLibrariesNameNoFlags: a library is also used from Go and over HTTP, where there are no flags. What it says names fields and
// values; the command adds its flags (pipeline/errors.go).
func TestLibrariesNameNoFlags(t *testing.T) {
	npm := []string{"--pack-destination", "--silent"} // arguments of another program
	texts := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == "pipeline" || path == "scripts" || d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			texts++
			if (flagInText.MatchString(text) || commandInText.MatchString(text)) && !slices.Contains(npm, text) {
				t.Errorf("%s: %q names a flag or a command: name the field, and let the command add its flag (package option)", set.Position(literal.Pos()), text)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if texts < 3000 {
		t.Fatalf("only %d texts were seen", texts)
	}
}
