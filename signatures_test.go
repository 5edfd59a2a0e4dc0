package iconic_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// publicPackages calls visit with the files of every package that other modules can import.
func publicPackages(t *testing.T, visit func(f *ast.File, set *token.FileSet)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case "internal", "pipeline", "scripts", "testdata", "docs", ".git", "runs":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil && f.Name.Name != "main" {
			visit(f, set)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No type of an internal package appears in what another module can name: the signature of an exported function or method, an exported
// field, the declared type of an exported variable, or an alias, whose methods no page of the public documentation would show.
func TestNoInternalTypeInAPublicSignature(t *testing.T) {
	files := 0
	publicPackages(t, func(f *ast.File, set *token.FileSet) {
		files++
		internal := map[string]bool{}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(path, "/internal/") {
				name := path[strings.LastIndex(path, "/")+1:]
				if spec.Name != nil {
					name = spec.Name.Name
				}
				internal[name] = true
			}
		}
		look := func(what string, types ...ast.Node) {
			for _, typ := range types {
				ast.Inspect(typ, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.Field: // of a struct: only exported fields are visible
						if len(n.Names) > 0 && !anyExported(n.Names) {
							if _, isParameter := typ.(*ast.FieldList); !isParameter {
								return false
							}
						}
					case *ast.SelectorExpr:
						if of, ok := n.X.(*ast.Ident); ok && internal[of.Name] {
							t.Errorf("%s: %s has a type of an internal package, %s.%s", set.Position(n.Pos()), what, of.Name, n.Sel.Name)
						}
					}
					return true
				})
			}
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
					look(d.Name.Name, d.Type.Params)
					if d.Type.Results != nil {
						look(d.Name.Name, d.Type.Results)
					}
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() {
							look(spec.Name.Name, spec.Type)
						}
					case *ast.ValueSpec:
						if anyExported(spec.Names) && spec.Type != nil {
							look(spec.Names[0].Name, spec.Type)
						}
					}
				}
			}
		}
	})
	if files < 100 {
		t.Errorf("only %d files were checked", files)
	}
}

func anyExported(names []*ast.Ident) bool {
	for _, n := range names {
		if n.IsExported() {
			return true
		}
	}
	return false
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		default:
			return fmt.Sprint(typ)
		}
	}
}
