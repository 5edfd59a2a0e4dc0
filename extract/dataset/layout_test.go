package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/s3test"
)

// Folders name classes, splits or neither, in the layouts in which data sets are published.
func TestLayoutsOfFolders(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  []string
		note  string
	}{
		{"a folder between splits and classes", []string{"train/images/cat/1.png", "train/images/dog/2.png", "val/images/cat/3.png"},
			[]string{"train/images/cat/1.png cat train", "train/images/dog/2.png dog train", "val/images/cat/3.png cat val"}, ""},
		{"one in one split", []string{"train/data/cat/1.png", "train/data/dog/2.png"}, []string{"train/data/cat/1.png cat train", "train/data/dog/2.png dog train"}, ""},
		{"one in some splits", []string{"s/train/cat/1.png", "s/train/dog/2.png", "s/val/pool/cat/3.png", "s/val/pool/dog/4.png"},
			[]string{"s/train/cat/1.png cat train", "s/train/dog/2.png dog train", "s/val/pool/cat/3.png cat val", "s/val/pool/dog/4.png dog val"}, ""},
		{"one of the split's own name", []string{"train/train_images/cat/1.png", "train/train_images/dog/2.png", "val/val_images/cat/3.png", "test/test/4.png"},
			[]string{"test/test/4.png - test", "train/train_images/cat/1.png cat train", "train/train_images/dog/2.png dog train", "val/val_images/cat/3.png cat val"},
			"images without a label (in no folder of a class): 1"},
		{"Tiny ImageNet", []string{"train/n01/images/1.JPEG", "train/n02/images/2.JPEG", "val/images/3.JPEG", "test/images/4.JPEG"},
			[]string{"test/images/4.JPEG - test", "train/n01/images/1.JPEG n01 train", "train/n02/images/2.JPEG n02 train", "val/images/3.JPEG - val"},
			"images listed: 4; images without a label (in no folder of a class): 2"},
		{"YOLO", []string{"train/images/1.jpg", "valid/images/2.jpg", "test/images/3.jpg"}, []string{"test/images/3.jpg - test", "train/images/1.jpg - train", "valid/images/2.jpg - val"}, ""},
		{"YOLO, the other way round", []string{"images/train/1.jpg", "images/val/2.jpg"}, []string{"images/train/1.jpg - train", "images/val/2.jpg - val"}, ""},
		{"a class called images", []string{"train/images/1.png", "train/texts/2.png", "val/images/3.png"},
			[]string{"train/images/1.png images train", "train/texts/2.png texts train", "val/images/3.png images val"}, ""},
		{"a class of one split with folders in it", []string{"train/cat/1.png", "train/dog/2.png", "val/cat/old/3.png"},
			[]string{"train/cat/1.png cat train", "train/dog/2.png dog train", "val/cat/old/3.png cat val"}, ""},
		{"other single classes of splits", []string{"train/n01/a/1.png", "val/n02/b/2.png"}, []string{"train/n01/a/1.png n01 train", "val/n02/b/2.png n02 val"}, ""},
		{"a folder of one split that may be a class", []string{"train/cat/1.png", "train/dog/2.png", "val/unknown/3.png"},
			[]string{"train/cat/1.png cat train", "train/dog/2.png dog train", "val/unknown/3.png unknown val"}, "images listed: 3; class of one split only, whose only folder it is: val/unknown"},
		{"a folder beside splits", []string{"train/n01/1.png", "train/n02/2.png", "val/n01/3.png", "examples/4.png", "holdout/n02/5.png", "holdout/n03/6.png"},
			[]string{"examples/4.png -", "holdout/n02/5.png n02", "holdout/n03/6.png -", "train/n01/1.png n01 train", "train/n02/2.png n02 train", "val/n01/3.png n01 val"},
			"images listed: 6; images without a label (in no folder of a class): 2; images in no folder of a split: 3 (beside the splits lies the folder examples)"},
		{"a folder beside one split", []string{"train/n01/1.png", "train/n02/2.png", "examples/3.png"},
			[]string{"examples/3.png examples", "train/n01/1.png train", "train/n02/2.png train"}, "images listed: 3; folder called like a split but read as a class, since others lie beside it: train"},
		{"splits of each class", []string{"cat/train/1.png", "cat/test/2.png", "dog/train/3.png"}, []string{"cat/test/2.png cat", "cat/train/1.png cat", "dog/train/3.png dog"},
			"images listed: 3; folders called like splits inside those of classes are not read as splits (such as cat/test)"},
		{"longer names of splits", []string{"train2017/1.png", "val2017/2.png"}, []string{"train2017/1.png train2017", "val2017/2.png val2017"},
			"images listed: 2; classes called like splits: 2 (train2017, val2017); if they are splits, call the folders train, val and test"},
		{"unlabeled beside classes", []string{"cat/1.png", "dog/2.png", "Unlabelled/3.png", "Unlabelled/dog/4.png"},
			[]string{"Unlabelled/3.png - unlabeled", "Unlabelled/dog/4.png dog unlabeled", "cat/1.png cat", "dog/2.png dog"},
			"images listed: 4; images set apart as unlabeled: 2 (in the folder Unlabelled)"},
		{"unlabeled beside labeled", []string{"labeled/cat/1.png", "labeled/dog/2.png", "unlabeled/pool/3.png"},
			[]string{"labeled/cat/1.png cat", "labeled/dog/2.png dog", "unlabeled/pool/3.png - unlabeled"}, "images set apart as unlabeled: 1 (in the folder unlabeled)"},
		{"unlabeled in a split", []string{"train/cat/1.png", "train/dog/2.png", "train/unlabeled/3.png", "val/cat/4.png"},
			[]string{"train/cat/1.png cat train", "train/dog/2.png dog train", "train/unlabeled/3.png - train", "val/cat/4.png cat val"}, "images without a label (in no folder of a class): 1"},
		{"unlabeled beside splits", []string{"train/cat/1.png", "train/dog/2.png", "val/cat/3.png", "unlabeled/images/4.png"},
			[]string{"train/cat/1.png cat train", "train/dog/2.png dog train", "unlabeled/images/4.png - unlabeled", "val/cat/3.png cat val"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := openSet(t, tree(t, files(c.files...)), Options{})
			packed := filepath.Join(t.TempDir(), "set.tar")
			var members []string
			for _, name := range c.files {
				members = append(members, name, "A")
			}
			archive(t, packed, members...)
			for _, s := range []*Set{folder, openSet(t, packed, Options{})} {
				if diff := cmp.Diff(c.want, lines(s)); diff != "" {
					t.Error(diff)
				}
				if note := s.Note(); !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
					t.Errorf("note %q, want %q", note, c.note)
				}
			}
		})
	}
}

// archivesIn writes archives into a folder, and into a bucket, and returns their addresses.
func archivesIn(t *testing.T, all map[string][]string) (folder, address string) {
	t.Helper()
	server := s3test.Start(t)
	folder = t.TempDir()
	for name, members := range all {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		archive(t, file, members...)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		server.Put("set/"+name, content)
	}
	return folder, "s3://data/set"
}

// Archives are read at any depth, as Parquet files are.
func TestArchivesInSubfolders(t *testing.T) {
	for _, c := range []struct {
		name string
		all  map[string][]string
		want []string
		note string
	}{
		{"beside one at the top", map[string][]string{"a.tar": {"x/1.png", "A", "n.json", "{}"}, "more/b.tar": {"y/2.png", "B"}}, []string{"a.tar/x/1.png x", "more/b.tar/y/2.png y"}, "1 file by their names: 1 .json"},
		{"in folders of splits", map[string][]string{"train/a.tar": {"x/1.png", "A", "y/2.png", "B"}, "test/a.tar": {"x/3.png", "C"}},
			[]string{"test/a.tar/x/3.png x test", "train/a.tar/x/1.png x train", "train/a.tar/y/2.png y train"}, ""},
		{"in folders of classes", map[string][]string{"x/a.tar": {"1.png", "A"}, "y/a.tar": {"2.png", "B"}}, []string{"x/a.tar/1.png x", "y/a.tar/2.png y"}, ""},
		{"with members of classes", map[string][]string{"v1.2/train/a.tar": {"1.png", "A", "1.cls", "7"}, "v1.2/val/a.tar": {"2.png", "B", "2.cls", "9"}},
			[]string{"v1.2/train/a.tar/1.png 7 train", "v1.2/val/a.tar/2.png 9 val"}, ""},
		{"with one missing", map[string][]string{"d/a-0-of-2.tar": {"1.png", "A"}}, []string{"d/a-0-of-2.tar/1.png -"}, "missing by the numbers in the names of the others: 1 (d/a-1-of-2)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, address := archivesIn(t, c.all)
			for _, root := range []string{folder, address} {
				s := openSet(t, root, Options{})
				if diff := cmp.Diff(c.want, lines(s)); diff != "" {
					t.Error(root, diff)
				}
				if note := s.Note(); !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
					t.Errorf("%s: note %q, want %q", root, note, c.note)
				}
				for i := range s.Items {
					if _, err := s.Read(i, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	folder, _ := archivesIn(t, map[string][]string{"more/a.tar": {"1.png", "A"}})
	parquetFile(t, filepath.Join(folder, "b.parquet"), rowsOf("A"))
	if s := openSet(t, folder, Options{}); len(s.Items) != 1 || !strings.HasSuffix(s.Note(), "passed over: 1 archive beside the Parquet files (such as more/a.tar)") {
		t.Errorf("%q: note %q", lines(s), s.Note())
	}
	if err := os.Rename(filepath.Join(folder, "b.parquet"), filepath.Join(folder, "b.bak")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "c.png"), []byte("A"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := openSet(t, folder, Options{}); len(s.Items) != 1 || !strings.HasSuffix(s.Note(), "1 archive beside the images (such as more/a.tar)") {
		t.Errorf("%q: note %q", lines(s), s.Note())
	}
}

// The error for a folder without images says what to do with what people have first.
func TestFoldersOfOtherFormsOfData(t *testing.T) {
	cifar, stl := strings.Repeat("x", 3073), strings.Repeat("x", 27648)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"compressed archives": {files("a.tar.gz", "b.zip"), "(other files: 1 .gz, 1 .zip): a.tar.gz is compressed: unpack it to a folder, or to a plain .tar"},
		"above CIFAR-10":      {map[string]string{"cifar-10-batches-bin/data_batch_1.bin": cifar, "notes.txt": ""}, "data_batch_1.bin is a binary file of CIFAR-10: give the folder ROOT/cifar-10-batches-bin"},
		"above CIFAR-100":     {map[string]string{"d/c/test.bin": "x" + cifar}, "d/c/test.bin is a binary file of CIFAR-100: give the folder ROOT/d/c"},
		"another test.bin":    {map[string]string{"d/test.bin": "x", "d/readme": "x"}, "(other files: 1 without extension, 1 .bin)"},
		"above STL-10":        {map[string]string{"stl10_binary/test_X.bin": stl}, "stl10_binary/test_X.bin is a binary file of STL-10: give the folder ROOT/stl10_binary"},
		"another case":        {map[string]string{"TEST_BATCH.BIN": cifar}, "TEST_BATCH.BIN is named like a file of CIFAR-10 but for its case: rename it to test_batch.bin"},
		"pickled CIFAR-10":    {files("c/data_batch_1", "c/batches.meta"), "c/batches.meta is named like a file of CIFAR-10's Python version, which is not read: download the binary version"},
		"pickled CIFAR-100":   {files("train", "test", "meta"), "meta is named like a file of CIFAR-100's Python version"},
		"MNIST":               {files("train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte"), "train-images-idx3-ubyte.gz is in the idx format of MNIST, which is not read"},
		"something else":      {files("meta", "notes.txt"), "(other files: 1 without extension, 1 .txt)"},
	} {
		root := tree(t, c.files)
		_, err := Open(t.Context(), root, Options{})
		if want := strings.ReplaceAll(c.want, "ROOT", root); err == nil || !strings.Contains(err.Error(), want) || strings.HasSuffix(want, ")") && !strings.HasSuffix(err.Error(), want) || !errors.Is(err, ErrNoImages) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	server := s3test.Start(t)
	server.Put("p/b.zip", []byte("x"))
	server.Put("q/c/test_batch.bin", []byte("x"))
	opened := map[string]string{"s3://data/p": "b.zip is compressed", "s3://data/q": "c/test_batch.bin is named like a binary file of CIFAR or STL-10, which are read from disk only"}
	for address, want := range opened {
		if _, err := Open(t.Context(), address, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", address, err, want)
		}
	}
}
