package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/internal/table"
)

// records describes how a binary file is divided into images.
type records struct {
	file   string
	split  string
	header int    // bytes before the pixels of each record
	label  int    // index of the label among them
	labels string // file of labels, one byte each, counted from 1; "": the labels are in the records
}

// binary is a data set as its authors publish it in binary files.
type binary struct {
	name    string // as its authors call it
	files   []records
	names   string   // file of the classes' names, one per line
	others  []string // further files of the set, which are not read
	raw     Raw
	classes int
}

// cifar10 has records of a label and 32×32 pixels in three planes.
func cifar10() binary {
	files := []records{{file: "test_batch.bin", split: "test", header: 1}}
	for i := range 5 {
		files = append(files, records{file: fmt.Sprintf("data_batch_%d.bin", i+1), split: "train", header: 1})
	}
	return binary{"CIFAR-10", files, "batches.meta.txt", []string{"readme.html"}, Raw{Width: 32, Height: 32}, 10}
}

// cifar100 has records of a coarse label, a fine one, and 32×32 pixels; the fine label is used.
func cifar100() binary {
	files := []records{{file: "test.bin", split: "test", header: 2, label: 1}, {file: "train.bin", split: "train", header: 2, label: 1}}
	return binary{"CIFAR-100", files, "fine_label_names.txt", []string{"coarse_label_names.txt"}, Raw{Width: 32, Height: 32}, 100}
}

// stl10 has images of 96×96 pixels stored by columns, with labels in separate files.
func stl10() binary {
	files := []records{
		{file: "test_X.bin", split: "test", labels: "test_y.bin"},
		{file: "train_X.bin", split: "train", labels: "train_y.bin"},
		{file: "unlabeled_X.bin", split: unlabeledSplit},
	}
	return binary{"STL-10", files, "class_names.txt", []string{"fold_indices.txt"}, Raw{Width: 96, Height: 96, ByColumn: true}, 10}
}

// holdsAny reports whether one of the names is that of a file of records.
func (d *binary) holdsAny(names []string) bool {
	return slices.ContainsFunc(d.files, func(f records) bool { return slices.Contains(names, f.file) })
}

// size is the number of bytes of a record.
func (d *binary) size(f records) int64 { return int64(f.header + d.pixels()) }

// pixels is the number of bytes of an image.
func (d *binary) pixels() int { return 3 * d.raw.Width * d.raw.Height }

// own reports whether a name is that of a file of the set.
func (d *binary) own(name string) bool {
	return name == d.names || slices.Contains(d.others, name) ||
		slices.ContainsFunc(d.files, func(f records) bool { return name == f.file || name == f.labels })
}

// listing returns the function that lists the set. It fails if folders of images lie beside its files, and notes what else does.
func (d binary) listing(s *Set) func(context.Context, LabelsFrom) error {
	return func(ctx context.Context, from LabelsFrom) error {
		if err := s.listBeside(ctx, &d); err != nil {
			return err
		}
		return s.listRecords(ctx, from, &d)
	}
}

// listBeside counts what lies beside the files of a set.
func (s *Set) listBeside(ctx context.Context, d *binary) error {
	top, err := s.walk(ctx)
	if err != nil {
		return err
	}
	names, err := visible(s.Root)
	if err != nil {
		return err
	}
	top.collect(s)
	images, tables := s.Items, s.tables
	s.Items, s.tables = nil, nil
	for _, name := range names {
		if ext := strings.ToLower(filepath.Ext(name)); d.own(name) && s.Ignored[ext] > 0 {
			if s.Ignored[ext]--; s.Ignored[ext] == 0 {
				delete(s.Ignored, ext)
			}
		}
	}
	for _, item := range images {
		if strings.Contains(item.Path, "/") {
			return fmt.Errorf("%s holds both binary files of %s and folders of images (such as %s): give one or the other", s.Root, d.name, item.Path)
		}
		s.pass(besideRecords, item.Path)
	}
	s.passContainers(besideImages, ".parquet", onDisk(s.Root, tables))
	return nil
}

func (s *Set) listRecords(ctx context.Context, from LabelsFrom, d *binary) error {
	s.Raw = &d.raw
	s.lackedOf = d.name
	for _, f := range d.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.listFile(f, d)
		if errors.Is(err, os.ErrNotExist) {
			s.lacked = append(s.lacked, f.file)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(s.Root, f.file), err)
		}
	}
	slices.Sort(s.lacked)
	if from == None {
		for i := range s.Items {
			s.Items[i].Label = -1
		}
		return nil
	}
	s.labelled = true
	return s.nameClasses(d.names, d.classes)
}

func (s *Set) listFile(f records, d *binary) error {
	file, stat, err := regular.Open(filepath.Join(s.Root, f.file))
	if err != nil {
		return err
	}
	s.containers = append(s.containers, &container{file: file, modified: stampOf(stat)})
	size := d.size(f)
	switch {
	case stat.Size() == 0:
		return errEmpty
	case stat.Size()%size != 0:
		return fmt.Errorf("%d bytes are not a whole number of records of %d bytes: the file is truncated or has another format", stat.Size(), size)
	}
	n := int(stat.Size() / size)
	labels, err := s.readLabels(f, n, d.classes)
	if err != nil {
		return err
	}
	header := make([]byte, f.header)
	for i := range n {
		item := Item{
			Path: fmt.Sprintf("%s/%06d", f.file, i), Label: -1, Split: f.split, Size: int64(d.pixels()),
			container: len(s.containers) - 1, offset: int64(i)*size + int64(f.header),
		}
		switch {
		case labels != nil:
			item.Label = int(labels[i]) - 1
		case f.header > 0:
			if _, err := file.ReadAt(header, int64(i)*size); err != nil {
				return err
			}
			item.Label = int(header[f.label])
		}
		if item.Label >= d.classes {
			return fmt.Errorf("record %d has label %d, but there are %d classes: the file has another format", i, item.Label, d.classes)
		}
		s.Items = append(s.Items, item)
	}
	return nil
}

// errEmpty is the reason why an empty file is refused.
var errEmpty = errors.New("the file is empty: download it again or remove it")

// readLabels reads the file of labels for n records, which count from 1; nil if the records have none, or their file is missing.
func (s *Set) readLabels(f records, n, classes int) ([]byte, error) {
	if f.labels == "" {
		return nil, nil
	}
	labels, err := regular.Read(filepath.Join(s.Root, f.labels))
	switch {
	case errors.Is(err, os.ErrNotExist):
		s.lacked = append(s.lacked, f.labels)
		return nil, nil
	case err != nil:
		return nil, err
	case len(labels) != n:
		return nil, fmt.Errorf("%s but %s in %s", plural.Of(n, "image", "images"), plural.Of(len(labels), "label", "labels"), f.labels)
	}
	for i, label := range labels {
		if label < 1 || int(label) > classes {
			return nil, fmt.Errorf("record %d has label %d in %s, but labels count from 1 to %d: %[3]s has another format (if its labels count from 0, add 1 to each byte)", i, label, f.labels, classes)
		}
	}
	return labels, nil
}

// nameClasses reads the names of the classes, one per line; without the file, classes are named by their numbers.
func (s *Set) nameClasses(name string, classes int) error {
	b, err := regular.Read(filepath.Join(s.Root, name))
	lacks := errors.Is(err, os.ErrNotExist)
	if err != nil && !lacks {
		return err
	}
	text, err := table.Text(b)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(s.Root, name), err)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			s.Classes = append(s.Classes, line)
		}
	}
	if !lacks && len(s.Classes) != classes {
		return fmt.Errorf("%s names %d classes, but there are %d", filepath.Join(s.Root, name), len(s.Classes), classes)
	}
	for i := len(s.Classes); i < classes; i++ {
		s.Classes = append(s.Classes, strconv.Itoa(i))
	}
	return nil
}
