package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"iconic/internal/plural"
	"iconic/internal/regular"
)

// records describes how a binary file is divided into images.
type records struct {
	file   string
	split  string
	header int    // bytes before the pixels of each record
	label  int    // index of the label among them
	labels string // file of labels, one byte each, counted from 1; "": the labels are in the records
}

// listCIFAR10 lists records of a label and 32×32 pixels in three planes.
func (s *Set) listCIFAR10(ctx context.Context, from LabelsFrom) error {
	files := []records{{file: "test_batch.bin", split: "test", header: 1}}
	for i := range 5 {
		files = append(files, records{file: fmt.Sprintf("data_batch_%d.bin", i+1), split: "train", header: 1})
	}
	return s.listRecords(ctx, from, files, Raw{Width: 32, Height: 32}, "batches.meta.txt", 10)
}

// listCIFAR100 lists records of a coarse label, a fine one, and 32×32 pixels; the fine label is used.
func (s *Set) listCIFAR100(ctx context.Context, from LabelsFrom) error {
	files := []records{{file: "test.bin", split: "test", header: 2, label: 1}, {file: "train.bin", split: "train", header: 2, label: 1}}
	return s.listRecords(ctx, from, files, Raw{Width: 32, Height: 32}, "fine_label_names.txt", 100)
}

// listSTL10 lists images of 96×96 pixels stored by columns, with labels in separate files.
func (s *Set) listSTL10(ctx context.Context, from LabelsFrom) error {
	files := []records{
		{file: "test_X.bin", split: "test", labels: "test_y.bin"},
		{file: "train_X.bin", split: "train", labels: "train_y.bin"},
		{file: "unlabeled_X.bin", split: "unlabeled"},
	}
	return s.listRecords(ctx, from, files, Raw{Width: 96, Height: 96, ByColumn: true}, "class_names.txt", 10)
}

func (s *Set) listRecords(ctx context.Context, from LabelsFrom, files []records, raw Raw, names string, classes int) error {
	s.Raw = &raw
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.listFile(f, 3*raw.Width*raw.Height, classes)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(s.Root, f.file), err)
		}
	}
	if from == None {
		for i := range s.Items {
			s.Items[i].Label = -1
		}
		return nil
	}
	return s.nameClasses(names, classes)
}

func (s *Set) listFile(f records, pixels, classes int) error {
	file, stat, err := regular.Open(filepath.Join(s.Root, f.file))
	if err != nil {
		return err
	}
	s.containers = append(s.containers, &container{file: file, modified: stampOf(stat)})
	size := int64(f.header + pixels)
	if stat.Size()%size != 0 {
		return fmt.Errorf("%d bytes are not a whole number of records of %d bytes: the file is truncated or has another format", stat.Size(), size)
	}
	n := int(stat.Size() / size)
	var labels []byte
	if f.labels != "" {
		if labels, err = regular.Read(filepath.Join(s.Root, f.labels)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if labels != nil && len(labels) != n {
			return fmt.Errorf("%s but %s in %s", plural.Of(n, "image", "images"), plural.Of(len(labels), "label", "labels"), f.labels)
		}
	}
	header := make([]byte, f.header)
	for i := range n {
		item := Item{
			Path: fmt.Sprintf("%s/%06d", f.file, i), Label: -1, Split: f.split, Size: int64(pixels),
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
		if item.Label >= classes || item.Label < -1 {
			return fmt.Errorf("record %d has label %d, but there are %d classes: the file has another format", i, item.Label, classes)
		}
		s.Items = append(s.Items, item)
	}
	return nil
}

// nameClasses reads the names of the classes, one per line; without the file, classes are named by their numbers.
func (s *Set) nameClasses(name string, classes int) error {
	b, err := regular.Read(filepath.Join(s.Root, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			s.Classes = append(s.Classes, line)
		}
	}
	if len(s.Classes) > 0 && len(s.Classes) != classes {
		return fmt.Errorf("%s names %d classes, but there are %d", filepath.Join(s.Root, name), len(s.Classes), classes)
	}
	for i := len(s.Classes); i < classes; i++ {
		s.Classes = append(s.Classes, strconv.Itoa(i))
	}
	return nil
}
