package main

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
)

// storedFeatures is a DATA of predict that is a feature store, or the parts of one: nothing is left to be encoded.
type storedFeatures struct {
	name  string   // as it was given
	parts []string // folders or addresses of stores
}

// storesAmong sorts feature stores from the images in DATA.
func storesAmong(ctx context.Context, data []string) (stores []storedFeatures, images []string, err error) {
	for _, name := range data {
		parts, err := storeParts(ctx, name)
		switch {
		case err != nil:
			return nil, nil, err
		case parts != nil:
			stores = append(stores, storedFeatures{name, parts})
		default:
			images = append(images, name)
		}
	}
	return stores, images, nil
}

// storeParts lists what a feature store consists of: itself, or its parts where they are not merged. It is nil for what is no store.
func storeParts(ctx context.Context, name string) ([]string, error) {
	if bucket.Is(name) {
		if dataset.Collects(name) || strings.HasPrefix(name, "http") {
			return nil, nil
		}
		if whole, err := mirror.Has(ctx, name); whole || err != nil {
			return []string{name}, err
		}
		parts, err := mirror.Parts(ctx, name)
		switch {
		case errors.Is(err, mirror.ErrNoParts):
			return nil, nil
		case err != nil:
			return nil, err
		}
		return parts, complete(bucket.Public(name), parts)
	}
	if there(name, "manifest.json") && there(name, "items.jsonl") {
		return []string{name}, nil
	}
	if stat, err := os.Stat(name); err != nil || !stat.IsDir() {
		return nil, nil // for others to judge
	}
	parts, err := store.Parts(name)
	if err != nil { // there are none
		return nil, nil
	}
	for _, part := range parts {
		if !there(part, "manifest.json") {
			return nil, fmt.Errorf("%s is not finished: run its `pipeline extract --shard` again", part)
		}
	}
	return parts, complete(name, parts)
}

// complete fails if the parts of a store are not all there, by the numbers in their names.
func complete(name string, parts []string) error {
	total := 0
	seen := map[int]bool{}
	for _, p := range parts {
		base := path.Base(filepath.ToSlash(p))
		var part, of int
		if _, err := fmt.Sscanf(base, "part-%d-of-%d", &part, &of); err != nil || part < 1 || part > of {
			return fmt.Errorf("%s holds %s, which is called like a part and is none", name, base)
		}
		if total > 0 && of != total {
			return fmt.Errorf("%s holds parts of %d and parts of %d: move those of one cut elsewhere", name, total, of)
		}
		total, seen[part] = of, true
	}
	for part := range total {
		if !seen[part+1] {
			return fmt.Errorf("%d of the %d parts of %s are missing or not finished, the first is %d/%d: make them with `pipeline extract --shard`, or give those that are there one by one",
				total-len(seen), total, name, part+1, total)
		}
	}
	return nil
}

func there(folder, file string) bool {
	_, err := os.Stat(filepath.Join(folder, file))
	return err == nil
}

// passStores tells of all images of feature stores, part by part: of each there is no more in memory than what is known of its items, and
// a block of rows.
func (p *prediction) passStores(ctx context.Context, stores []storedFeatures, several bool) error {
	for _, f := range stores {
		prefix := ""
		if several {
			prefix = filepath.ToSlash(bucket.Public(f.name))
		}
		gone := 0
		for i, part := range f.parts {
			n, err := p.passPart(ctx, part, prefix, fmt.Sprintf("part %d of %d", i+1, len(f.parts)))
			if err != nil {
				return err
			}
			gone += n
		}
		if gone > 0 {
			p.app.note("%s keeps the features of %d images that the data no longer has: they are left out", bucket.Public(f.name), gone)
		}
	}
	return nil
}

// passPart tells of one store's images, and gives how many are gone from the data.
func (p *prediction) passPart(ctx context.Context, dir, prefix, of string) (gone int, err error) {
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
	if err := p.fits(s); err != nil {
		return 0, err
	}
	items, err := s.Items()
	if err != nil {
		return 0, err
	}
	view, err := s.View(0)
	if err != nil {
		return 0, err
	}
	at := p.app.hooks().Stage("predict "+of, "images")
	defer p.app.endStage()
	rows := &classified{model: p.model, view: view}
	for i := range items {
		it := &items[i]
		name := it.Path
		if prefix != "" {
			name = path.Join(prefix, name)
			if bucket.Is(prefix) { // of which the slashes are two
				name = prefix + "/" + it.Path
			}
		}
		switch {
		case it.Gone:
			gone++
		case it.Row < 0:
			err = p.lines.bad(name, badReason(it.Kind, it.Skipped))
		default:
			if err = rows.upTo(ctx, it.Row); err == nil {
				err = p.lines.good(name, rows.all[it.Row-rows.lo], "")
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

// fits refuses features that were not made as those that the run was trained on.
func (p *prediction) fits(s *store.Store) error {
	if diff := extract.Differ(p.settings, s.Settings); diff != "" {
		return fmt.Errorf("%s has other features than the run was trained on: %s", s.Dir, diff)
	}
	return nil
}

// classified is a block of a store's rows, and what they are.
type classified struct {
	model *classify.Model
	view  *store.View
	rows  []float32
	lo    int
	all   []classify.Prediction
}

// blockRows is the number of rows that are told at once.
const blockRows = 4096

// upTo makes sure that a row is among the block; rows come in their order.
func (c *classified) upTo(ctx context.Context, row int) (err error) {
	if row < c.lo+len(c.all) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n := min(blockRows, c.view.Len()-row)
	if c.rows == nil {
		c.rows = make([]float32, n*c.view.Dim())
	}
	c.lo = row
	block := c.rows[:n*c.view.Dim()]
	if err := c.view.Block(block, row, row+n); err != nil {
		return err
	}
	c.all, err = c.model.Classify(block, n)
	return err
}
