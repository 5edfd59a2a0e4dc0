package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/icon"
)

// No edge of a graph is lost: the first line is a header, an edge, or refused.
func TestEdges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "edges.csv")
	edges := []icon.Edge{{From: 0, To: 299, Weight: 1}, {From: 7, To: 8, Weight: 0.5}}
	for _, c := range []struct{ text, want string }{
		{"0,299\n7,8,0.5\n", ""},
		{"from,to,weight\n0,299\n7,8,0.5\n", ""},
		{" Source , Target \n0 , 299\n\n7, 8, 0.5 \n", ""},
		{"\xef\xbb\xbf0,299\r\n7,8,0.5\r\n", ""},
		{"\xef\xbb\xbffrom,to\n0,299\n7,8,0.5\n", ""},
		{"O,299\n7,8\n", `line 1: "O" is not the number of a row; a header begins with the word from`},
		{"version https://git-lfs.github.com/spec/v1\nsize 7\n", "it is a Git LFS pointer"},
		{"0;299\n7;8\n", "line 1: want from,to or from,to,weight"},
		{"0,299\n\n7,8.5\n", `line 3: "8.5" is not the number of a row`},
		{"0,299,heavy\n", `line 1: "heavy" is not a weight`},
		{"0,\"299\n", "line 1"},
		{"", "lists no edge: want lines from,to"},
		{"from,to\n", "lists no edge"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadEdges(file)
		if c.want == "" {
			if diff := cmp.Diff(edges, got); err != nil || diff != "" {
				t.Errorf("%q: %v %s", c.text, err, diff)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v does not say %q", c.text, err, c.want)
		}
	}
}
