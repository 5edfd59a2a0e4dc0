package prediction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/extract/store/mirror"
	"iconic/internal/bucket"
	"iconic/internal/plural"
	"iconic/option"
)

// stored is a feature store, or its parts if they were not merged.
type stored struct {
	name  string   // as given
	parts []string // folders or addresses of stores
}

// fitsFeatures refuses options that do not apply to features, which are those of what: a feature store or a matrix.
func (o *Options) fitsFeatures(name, what string) error {
	switch {
	case o.Folders != nil:
		return refuse(option.Errorf("Folders", "%s is %s, which holds no files to sort", name, what))
	case o.Watch > 0:
		return refuse(option.Errorf("Watch", "%s is %s, which cannot be watched", name, what))
	case len(o.Dataset.Splits) > 0:
		return refuse(option.Errorf("Splits", "%s is %s, of which every row is visited", name, what))
	}
	return o.fitsNoColumns(name, what)
}

// storeParts lists the parts of a feature store: itself, or its unmerged parts. It is nil if there is no store.
func storeParts(ctx context.Context, name string) ([]string, error) {
	if bucket.Is(name) {
		return bucketParts(ctx, name)
	}
	if store.Is(name) && holds(name, store.ItemsName) {
		return []string{name}, nil
	}
	if stat, err := os.Stat(name); err != nil || !stat.IsDir() {
		return nil, nil // left to others
	}
	parts, err := store.Parts(name)
	if err != nil { // there are no parts
		return nil, nil
	}
	for _, part := range parts {
		if !store.Is(part) {
			return nil, refuse(option.Errorf("Data", "%s is %w", part, ErrUnfinished))
		}
	}
	return parts, complete(name, parts)
}

// bucketParts is storeParts for an address.
func bucketParts(ctx context.Context, address string) ([]string, error) {
	if dataset.Collects(address) || strings.HasPrefix(address, "http") {
		return nil, nil
	}
	if whole, err := mirror.Has(ctx, address); whole || err != nil {
		return []string{address}, err
	}
	parts, err := mirror.Parts(ctx, address)
	switch {
	case errors.Is(err, mirror.ErrNoParts):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parts, complete(bucket.Public(address), parts)
}

// complete fails if parts of a store are missing, according to the numbers in their names.
func complete(name string, parts []string) error {
	total := 0
	seen := map[int]bool{}
	for _, p := range parts {
		base := path.Base(filepath.ToSlash(p))
		part, of, ok := store.ParsePart(base)
		if !ok {
			return refuse(option.Errorf("Data", "%s contains %s, which is named like a part but has invalid numbers", name, base))
		}
		if total > 0 && of != total {
			return refuse(option.Errorf("Data", "%s contains parts of a division into %d and of one into %d, but they have to be of one division", name, total, of))
		}
		total, seen[part] = of, true
	}
	for part := range total {
		if !seen[part+1] {
			return refuse(option.Errorf("Data", "%d of the %d parts of %s are missing or %w, the first is %d/%d",
				total-len(seen), total, name, ErrUnfinished, part+1, total))
		}
	}
	return nil
}

func holds(folder, file string) bool {
	_, err := os.Stat(filepath.Join(folder, file))
	return err == nil
}

// passStores visits all images of feature stores, part by part. Only one part's items and a block of rows are in memory. Too many unreadable images in
// one store do not prevent visits to the others.
func (w *work) passStores(ctx context.Context, stores []stored, trained store.Settings) error {
	for _, f := range stores {
		prefix := ""
		if len(w.options.Data) > 1 {
			prefix = filepath.ToSlash(bucket.Public(f.name))
		}
		found := new(extract.Summary) // of all parts: its images, those that are gone, and those that could not be read
		for i, part := range f.parts {
			if err := w.passPart(ctx, part, prefix, fmt.Sprintf("%s part %d of %d", Stage, i+1, len(f.parts)), trained, found); err != nil {
				return err
			}
		}
		if err := found.Judge(w.options.MaxBad); err != nil {
			w.bad = append(w.bad, fmt.Errorf("%s: %w", bucket.Public(f.name), err))
		}
		if gone := found.Gone; gone > 0 {
			w.hooks.Notef("%s keeps the features of %s that its data no longer has, or that could not be read; they are not used", bucket.Public(f.name), plural.Of(gone, "image", "images"))
		}
	}
	return nil
}

// passPart visits the images of one store, and counts in sum those that its data has, those that are gone from it, and those that could not be read.
func (w *work) passPart(ctx context.Context, dir, prefix, stage string, trained store.Settings, sum *extract.Summary) (err error) {
	if bucket.Is(dir) {
		var m *mirror.Mirror
		if m, err = mirror.Open(ctx, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		dir = m.Dir
	}
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if diff := extract.Differ(trained, s.Settings); diff != "" {
		return fmt.Errorf("%s has other features than the run was trained on: %s", s.Dir, diff)
	}
	items, err := s.Items()
	if err != nil {
		return err
	}
	view, err := s.View(0)
	if err != nil {
		return err
	}
	at := w.hooks.Stage(stage, "images")
	rows := &classified{model: w.model, rows: view}
	for i := range items {
		if err := w.row(ctx, rows, &items[i], prefix, sum); err != nil {
			return err
		}
		if i%1000 == 0 {
			at(i, len(items))
		}
	}
	at(len(items), len(items))
	return s.Unchanged()
}

// row visits an image of a store, unless it is gone, and counts it.
func (w *work) row(ctx context.Context, rows *classified, it *store.Item, prefix string, sum *extract.Summary) error {
	if it.Gone {
		sum.Gone++
		return nil
	}
	sum.Items++
	found := Image{Path: within(prefix, it.Path)}
	if it.Row < 0 {
		if w.options.Strict {
			return option.Errorf("Strict", "%s: %s (%s)", found.Path, it.Kind, it.Skipped)
		}
		sum.Skip(it.Kind, found.Path, it.Skipped)
		found.Err = unread(*it)
		return w.visit(found)
	}
	return w.visitRow(ctx, rows, it.Row, found, sum)
}

// within is a path below a prefix, which may be "" or an address, whose two slashes must be kept.
func within(prefix, item string) string {
	switch {
	case prefix == "":
		return item
	case bucket.Is(prefix):
		return prefix + "/" + item
	}
	return path.Join(prefix, item)
}
