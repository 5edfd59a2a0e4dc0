package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/report"
)

func TestReadLabels(t *testing.T) {
	const none = report.NoLabel
	for _, c := range []struct {
		name, text string
		labels     []int
		classes    []string
		err        string
	}{
		{"numbers", "0\n2\n1\n", []int{0, 2, 1}, []string{"0", "1", "2"}, ""},
		{"no label", "0\n-1\n1", []int{0, none, 1}, []string{"0", "1"}, ""},
		{"names", "owl\r\ncat\r\nowl\r\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"names and numbers", "7\ncat\n7\n", []int{0, 1, 0}, []string{"7", "cat"}, ""},
		{"a line too many names the column", "animal\nowl\ncat\nowl\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"the last column", "a.jpg,1\nb.jpg,0\nc.jpg,1\n", []int{1, 0, 1}, []string{"0", "1"}, ""},
		{"the column that is called so", "path,Label,size\na.jpg,x,100\nb.jpg,,20\n\"c,1.jpg\",y,3\n", []int{0, none, 1}, []string{"x", "y"}, ""},
		{"too few", "0\n", nil, nil, "holds 1 labels for 3 rows"},
		{"too many", "0\n1\n0\n1\n1\n", nil, nil, "holds 5 labels for 3 rows"},
		{"empty", "", nil, nil, "holds 0 labels for 3 rows"},
		{"ragged", "a,0\nb\nc,1\n", nil, nil, "want a label a line"},
		{"a giant", "0\n1\n99999999999\n", nil, nil, "want small numbers from 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "labels.csv")
			if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			labels, classes, err := readLabels(name, 3)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(labels, c.labels) || !slices.Equal(classes, c.classes) {
				t.Errorf("%v of %q, %v; want %v of %q", labels, classes, err, c.labels, c.classes)
			}
		})
	}
}
