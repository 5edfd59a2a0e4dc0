package prediction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"iconic/classify"
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

// fitsStore refuses options that do not apply to a feature store.
func (o *Options) fitsStore(name string) error {
	switch {
	case o.Folders != nil:
		return refuse(option.Errorf("Folders", "%s is a feature store, which holds no files to sort", name))
	case o.Watch > 0:
		return refuse(option.Errorf("Watch", "%s is a feature store, which cannot be watched", name))
	case len(o.Dataset.Splits) > 0:
		return refuse(option.Errorf("Splits", "%s is a feature store, whose images are all visited", name))
	}
	return o.fitsNoColumns(name, "a feature store")
}

// storeParts lists the parts of a feature store: itself, or its unmerged parts. It is nil if there is no store.
func storeParts(ctx context.Context, name string) ([]string, error) {
	if bucket.Is(name) {
		return bucketParts(ctx, name)
	}
	if holds(name, "manifest.json") && holds(name, "items.jsonl") {
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
		if !holds(part, "manifest.json") {
			return nil, option.Errorf("Part", "%s is not finished", part)
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
		var part, of int
		if _, err := fmt.Sscanf(base, "part-%d-of-%d", &part, &of); err != nil || part < 1 || part > of {
			return fmt.Errorf("%s contains %s, which is named like a part but has invalid numbers", name, base)
		}
		if total > 0 && of != total {
			return fmt.Errorf("%s contains parts of a division into %d and of one into %d: move the parts of one division elsewhere", name, total, of)
		}
		total, seen[part] = of, true
	}
	for part := range total {
		if !seen[part+1] {
			return option.Errorf("Parts", "%d of the %d parts of %s are missing or not finished, the first is %d/%d",
				total-len(seen), total, name, part+1, total)
		}
	}
	return nil
}

func holds(folder, file string) bool {
	_, err := os.Stat(filepath.Join(folder, file))
	return err == nil
}

// passStores visits all images of feature stores, part by part. Only one part's items and a block of rows are in memory.
func (w *work) passStores(ctx context.Context, stores []stored, trained store.Settings) error {
	for _, f := range stores {
		prefix := ""
		if len(w.options.Data) > 1 {
			prefix = filepath.ToSlash(bucket.Public(f.name))
		}
		gone := 0
		for i, part := range f.parts {
			n, err := w.passPart(ctx, part, prefix, fmt.Sprintf("%s part %d of %d", Stage, i+1, len(f.parts)), trained)
			if err != nil {
				return err
			}
			gone += n
		}
		if gone > 0 {
			w.hooks.Notef("%s keeps the features of %s that its data no longer has, or that could not be read; they are not used", bucket.Public(f.name), plural.Of(gone, "image", "images"))
		}
	}
	return nil
}

// passPart visits the images of one store, and counts those that are gone from the data.
func (w *work) passPart(ctx context.Context, dir, prefix, stage string, trained store.Settings) (gone int, err error) {
	if bucket.Is(dir) {
		m, err := mirror.Open(ctx, dir)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		dir = m.Dir
	}
	s, err := store.Open(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if diff := extract.Differ(trained, s.Settings); diff != "" {
		return 0, fmt.Errorf("%s has other features than the run was trained on: %s", s.Dir, diff)
	}
	items, err := s.Items()
	if err != nil {
		return 0, err
	}
	view, err := s.View(0)
	if err != nil {
		return 0, err
	}
	at := w.hooks.Stage(stage, "images")
	rows := &classified{model: w.model, view: view}
	for i := range items {
		it := &items[i]
		found := Image{Path: within(prefix, it.Path)}
		switch {
		case it.Gone:
			gone++
		case it.Row < 0:
			found.Err = unread(*it)
			err = w.visit(found)
		default:
			if found.Prediction, err = rows.at(ctx, it.Row); err == nil {
				err = w.visit(found)
			}
		}
		if err != nil {
			return gone, err
		}
		if i%1000 == 0 {
			at(i, len(items))
		}
	}
	at(len(items), len(items))
	return gone, nil
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

// classified is a block of a store's rows with their predictions.
type classified struct {
	model *classify.Model
	view  *store.View
	rows  []float32
	lo    int
	all   []classify.Prediction
}

// blockRows is the number of rows that are classified at once.
const blockRows = 4096

// at returns the prediction of a row; rows must be requested in order.
func (c *classified) at(ctx context.Context, row int) (*classify.Prediction, error) {
	if row < c.lo+len(c.all) {
		return &c.all[row-c.lo], nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := min(blockRows, c.view.Len()-row)
	if c.rows == nil {
		c.rows = make([]float32, n*c.view.Dim())
	}
	block := c.rows[:n*c.view.Dim()]
	if err := c.view.Block(block, row, row+n); err != nil {
		return nil, err
	}
	all, err := c.model.Classify(block, n)
	if err != nil {
		return nil, err
	}
	c.lo, c.all = row, all
	return &c.all[0], nil
}
