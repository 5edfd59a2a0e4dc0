package prediction_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/prediction"
)

// No image is visited twice: data that are given twice, in whatever spelling, and those that lie in others are refused before any is visited.
func TestNoImageIsVisitedTwice(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"two/a/1.png", "two/2.png", "two/.hidden/3.png", "twofold/4.png"} {
		content, err := os.ReadFile(filepath.Join(pictures, "star", "star-0001.png"))
		check(err)
		check(os.MkdirAll(filepath.Dir(name), 0o777))
		check(os.WriteFile(name, content, 0o666))
	}
	check(os.WriteFile("list.txt", []byte("two/a/1.png\n"), 0o666))
	for _, c := range []struct {
		says string // "": all are visited
		data []string
	}{
		{"the data have no name", []string{""}},
		{"two is given twice", []string{"two", "two"}},
		{"two and two/. are the same data", []string{"two", "two/."}},
		{"two/2.png is given twice", []string{"two/2.png", "two/2.png"}},
		{"two/2.png and " + filepath.Join(dir, "two/2.png") + " are the same data", []string{"two/2.png", filepath.Join(dir, "two/2.png")}},
		{features + " is given twice", []string{features, features}},
		{"images of two/2.png are among those of two (such as 2.png)", []string{"two", "two/2.png"}},
		{"images of two/a are among those of two (such as a/1.png)", []string{"two/a", "two"}},
		{"images of two/a/1.png are among those of list.txt", []string{"list.txt", "two/a/1.png"}},
		{"images of two are among those of list.txt", []string{"two", "list.txt"}},
		{"", []string{"two", "two/.hidden", "twofold"}},
		{"", []string{"two/2.png", "list.txt", features}},
	} {
		n := 0
		err := prediction.Run(t.Context(), trained, prediction.Options{Data: c.data}, func(prediction.Image) error { n++; return nil })
		var refused *prediction.OptionsError
		switch {
		case c.says == "" && (err != nil || n == 0):
			t.Errorf("%q: %d visited, %v", c.data, n, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !errors.As(err, &refused) || n > 0):
			t.Errorf("%q: %d visited, error %v, want %q", c.data, n, err, c.says)
		}
	}
}
