package onnxfiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"iconic/internal/onnxtest"
)

// in wraps a message in fields, the outermost first.
func in(m []byte, numbers ...protowire.Number) []byte {
	for _, n := range slices.Backward(numbers) {
		m = protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), m)
	}
	return m
}

func TestLocationsAreFoundWhereverTensorsAre(t *testing.T) {
	external := func(location string) []byte { return onnxtest.External("t", location, 1) }
	inside := in([]byte{0, 0, 128, 63}, 9) // raw_data
	var deep []protowire.Number
	for range 20 {
		deep = append(deep, 1, 5, 6) // node, attribute, graph
	}
	for _, c := range []struct {
		name  string
		model []byte
		want  string
	}{
		{"nothing", nil, ""},
		{"a tensor with its own data", in(inside, 7, 5), ""},
		{"an initializer", in(external("a"), 7, 5), "a"},
		{"two in one file", append(in(external("a"), 7, 5), in(external("a"), 7, 5)...), "a"},
		{"two files", append(in(external("b"), 7, 5), in(external("sub/a.bin"), 7, 5)...), "b sub/a.bin"},
		{"a constant's value", in(external("a"), 7, 1, 5, 5), "a"},
		{"tensors of an attribute", in(external("a"), 7, 1, 5, 10), "a"},
		{"the branch of an If", in(external("a"), 7, 1, 5, 6, 5), "a"},
		{"graphs of an attribute", in(external("a"), 7, 1, 5, 11, 5), "a"},
		{"branches in branches", in(external("a"), slices.Concat([]protowire.Number{7}, deep, []protowire.Number{5})...), "a"},
		{"values of a sparse initializer", in(external("a"), 7, 15, 1), "a"},
		{"indices of a sparse attribute", in(external("a"), 7, 1, 5, 22, 2), "a"},
		{"sparse tensors of an attribute", in(external("a"), 7, 1, 5, 23, 1), "a"},
		{"a node of a function", in(external("a"), 25, 7, 5, 5), "a"},
		{"a function's default", in(external("a"), 25, 11, 5), "a"},
		{"training", in(external("a"), 20, 2, 5), "a"},
		{"a location of data that are not external", in(external("a")[:len(external("a"))-2], 7, 5), ""},
		{"fields of other numbers", append(in(external("a"), 14), in(external("b"), 7, 2)...), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for what, r := range both(c.model) {
				got, err := Locations(r, int64(len(c.model)))
				if err != nil || strings.Join(got, " ") != c.want {
					t.Errorf("%s: %q, %v; want %q", what, got, err, c.want)
				}
			}
		})
	}
}

// both returns a reader that supports seeking, and one that does not.
func both(b []byte) map[string]io.Reader {
	return map[string]io.Reader{"file": bytes.NewReader(b), "stream": io.MultiReader(bytes.NewReader(b))}
}

func TestWhatIsNoModelIsRefused(t *testing.T) {
	whole := in(onnxtest.External("t", "a", 1), 7, 5)
	var nested []protowire.Number
	for range 40 {
		nested = append(nested, 1, 5, 6)
	}
	for name, c := range map[string]struct {
		model []byte
		want  string
	}{
		"text":               {[]byte("<html>not found</html>"), "not a protocol buffer message"},
		"truncated":          {whole[:len(whole)-3], "truncated: replace it with a whole copy"},
		"a length too large": {[]byte{7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "not a protocol buffer message"},
		"an endless number":  {bytes.Repeat([]byte{0xff}, 20), "not a protocol buffer message"},
		"too deep":           {in(nil, slices.Concat([]protowire.Number{7}, nested)...), "deep"},
		"a huge entry":       {in(in(make([]byte, maxEntry), 1), 7, 5, 13), "an entry of external data has"},
	} {
		for what, r := range both(c.model) {
			if got, err := Locations(r, int64(len(c.model))); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %q, %v; want an error with %q", name, what, got, err, c.want)
			}
		}
	}
}

func TestLocateStaysInTheFolderOfTheModel(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	for _, folder := range []string{"models/sub", "blobs", "snapshot"} {
		if err := os.MkdirAll(at(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"secret", "models/m.onnx", "models/w", "models/sub/w", "blobs/1", "blobs/2"} {
		if err := os.WriteFile(at(file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"models/inside": "sub/w", "models/out": "../secret", "models/all": "..", "snapshot/m.onnx": "../blobs/1", "snapshot/w": "../blobs/2", "snapshot/out": "../secret",
	} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	for _, c := range []struct{ model, location, want string }{
		{"models/m.onnx", "w", ""},
		{"models/m.onnx", "sub/w", ""},
		{"models/m.onnx", "inside", ""},
		{"snapshot/m.onnx", "w", ""},
		{"models/m.onnx", "", "not a file in the model's folder"},
		{"models/m.onnx", "../secret", "not a file in the model's folder"},
		{"models/m.onnx", "sub/../../secret", "not a file in the model's folder"},
		{"models/m.onnx", at("models/w"), "not a file in the model's folder"},
		{"models/m.onnx", "out", "a link to"},
		{"models/m.onnx", "all/secret", "a link to"},
		{"snapshot/m.onnx", "out", "a link to"},
		{"models/m.onnx", "sub", "not a regular file"},
	} {
		got, err := Locate(at(c.model), c.location)
		if c.want == "" && (err != nil || got != filepath.Join(filepath.Dir(at(c.model)), c.location)) {
			t.Errorf("%s of %s: %s, %v", c.location, c.model, got, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q of %s: %s, %v; want an error with %q", c.location, c.model, got, err, c.want)
		}
	}
	if _, err := Locate(at("models/m.onnx"), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestSumCoversEveryFile(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "m.onnx")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(bytes int64) string {
		t.Helper()
		s, n, err := Sum(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := Size(name); err != nil || n != bytes || size != bytes {
			t.Errorf("%d bytes, %d in its files, %v; want %d", n, size, err, bytes)
		}
		return s
	}
	plain := func(content string) string {
		s := sha256.Sum256([]byte(content))
		return hex.EncodeToString(s[:])
	}
	alone := string(in(in([]byte("raw"), 9), 7, 5))
	write("m.onnx", alone)
	write("m.onnx.data", "this is never read")
	if got := sum(int64(len(alone))); got != plain(alone) {
		t.Errorf("a model without external data: %s, want that of its file", got)
	}
	one := string(in(onnxtest.External("t", "weights", 1), 7, 5))
	write("m.onnx", one)
	write("weights", "four")
	if got := sum(int64(len(one) + 4)); got != plain(one+"four") {
		t.Errorf("a model with one file of data: %s, want that of both files concatenated", got)
	}
	write("m.onnx", one+string(in(onnxtest.External("u", "more.bin", 1), 7, 1, 5, 5)))
	seen := map[string]string{}
	for _, content := range [][2]string{{"four", "more"}, {"Four", "more"}, {"four", "More"}, {"fou", "rmore"}, {"fourm", "ore"}, {"", "moref" + "our"}, {"more", "four"}} {
		write("weights", content[0])
		write("more.bin", content[1])
		s, _, err := Sum(t.Context(), name)
		if err != nil || seen[s] != "" {
			t.Errorf("%q has the sum of %s, %v", content, seen[s], err)
		}
		seen[s] = strings.Join(content[:], " and ")
	}
	if err := os.Remove(filepath.Join(folder, "more.bin")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Sum(t.Context(), name); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
		t.Errorf("a model with missing data: %v", err)
	}
}

func FuzzLocations(f *testing.F) {
	f.Add(in(onnxtest.External("t", "a", 1), 7, 5))
	f.Add(in(onnxtest.External("t", "a", 1), 7, 1, 5, 6, 15, 1))
	f.Add(onnxtest.Model{Input: onnxtest.Dims{-1, 3, 8, 8}, Outputs: []onnxtest.Output{{Name: "y"}}, Scale: "w"}.Encode())
	f.Fuzz(func(t *testing.T, model []byte) {
		var found [2][]string
		var failed [2]bool
		for k, what := range []string{"file", "stream"} {
			locations, err := Locations(both(model)[what], int64(len(model)))
			found[k], failed[k] = locations, err != nil
		}
		if failed[0] != failed[1] || !slices.Equal(found[0], found[1]) {
			t.Errorf("a file gives %q (failed: %t), a stream %q (%t)", found[0], failed[0], found[1], failed[1])
		}
	})
}
