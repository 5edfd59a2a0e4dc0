package iconic_test

import (
	"go/ast"
	"go/token"
	"testing"
)

// TestEveryExportedNameHasAComment: `go doc` of a public package is its manual. A comment beside a constant, a variable or a field counts,
// and so does the comment of a group. The well-known methods Error, Unwrap and String need none.
func TestEveryExportedNameHasAComment(t *testing.T) {
	names := 0
	publicPackages(t, func(f *ast.File, set *token.FileSet) {
		need := func(kind, name string, at token.Pos, comments ...*ast.CommentGroup) {
			if standard := name == "Error" || name == "Unwrap" || name == "String"; !ast.IsExported(name) || kind == "method" && standard {
				return
			}
			names++
			for _, c := range comments {
				if c != nil {
					return
				}
			}
			t.Errorf("%s: %s %s has no comment", set.Position(at), kind, name)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				switch {
				case d.Recv == nil:
					need("function", d.Name.Name, d.Pos(), d.Doc)
				case ast.IsExported(receiver(d)):
					need("method", d.Name.Name, d.Pos(), d.Doc)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						need("type", s.Name.Name, s.Pos(), s.Doc, s.Comment, d.Doc)
					case *ast.ValueSpec:
						for _, n := range s.Names {
							need("name", n.Name, n.Pos(), s.Doc, s.Comment, d.Doc)
						}
					}
				}
			}
		}
	})
	if names < 1000 {
		t.Fatalf("only %d names were seen", names)
	}
}
