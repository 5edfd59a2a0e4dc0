package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"iconic/internal/plural"
	"iconic/option"
)

// Parts lists the folders of parts in dir.
func Parts(dir string) ([]string, error) {
	parts, err := filepath.Glob(filepath.Join(escapeGlob(dir), PartBegin+"*-of-*"))
	if err == nil && len(parts) == 0 {
		err = option.Errorf("Part", "%s holds no parts (folders called %s and so on)", dir, PartName(1, 4))
	}
	return parts, err
}

// Merge combines the parts of a data set into one store, byte for byte the one that a single run over the whole set would make. It refuses
// parts with different settings or data sets, and names missing ones. Rows that a store at out has already of images that no part has are
// kept, as those of images that are gone; kept is their number among the rows.
func Merge(ctx context.Context, parts []string, out string, progress func(done, total int)) (rows, kept int, err error) {
	var stores []*Store
	defer func() {
		for _, s := range stores {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, dir := range parts {
		s, err := Open(dir)
		if err != nil {
			return 0, 0, err
		}
		stores = append(stores, s)
	}
	if err := arrange(stores); err != nil {
		return 0, 0, err
	}
	settings := stores[0].Settings
	for _, s := range stores { // a part without a readable image does not know the dimension
		settings.Provider, settings.Runtime = cmp.Or(settings.Provider, s.Provider), cmp.Or(settings.Runtime, s.Runtime)
	}
	w, err := Begin(out, settings, nil)
	if err != nil {
		return 0, 0, err
	}
	w.SetClasses(stores[0].Classes)
	if kept, err = w.merge(ctx, stores, progress); err != nil {
		return 0, 0, errors.Join(err, w.Close())
	}
	rows = w.Rows()
	_, err = w.Commit()
	return rows, kept, err
}

// arrange puts parts in order and checks that they belong together.
func arrange(stores []*Store) error {
	if len(stores) == 0 {
		return errors.New("no parts to merge")
	}
	for _, s := range stores {
		if s.Part == nil {
			return fmt.Errorf("feature store %s is a whole store, not a part", s.Dir)
		}
	}
	slices.SortStableFunc(stores, func(a, b *Store) int { return cmp.Compare(a.Part.Index, b.Part.Index) })
	first := stores[0]
	next, missing, example := 1, first.Part.Of-len(stores), 0 // the first missing one
	for i, s := range stores {
		if diff := first.differs(s.Settings); diff != "" {
			return fmt.Errorf("%s and %s were made with different settings (%s): encode one of them again", first.Dir, s.Dir, diff)
		}
		if s.Part.Of != first.Part.Of {
			return fmt.Errorf("%s and %s are parts of a division into %d and of one into %d: move the parts of one division elsewhere", first.Dir, s.Dir, first.Part.Of, s.Part.Of)
		}
		if s.Part.Total != first.Part.Total || s.Part.Listing != first.Part.Listing || !slices.Equal(s.Classes, first.Classes) {
			return fmt.Errorf("%s and %s are not parts of one data set, which changed in between: encode them again", first.Dir, s.Dir)
		}
		if s.Part.Index < next {
			return fmt.Errorf("%s and %s are both part %d of %d: name only one of them, or move the other elsewhere", stores[i-1].Dir, s.Dir, s.Part.Index, s.Part.Of)
		}
		if s.Part.Index > next && example == 0 {
			example = next
		}
		next = s.Part.Index + 1
	}
	if example == 0 {
		example = next
	}
	if missing > 0 {
		return option.Errorf("Part", "%d of %d parts %s missing, the first is %d/%d", missing, first.Part.Of, plural.Word(missing, "is", "are"), example, first.Part.Of)
	}
	return nil
}

// merge appends all items of the parts and those that only the store had before, and returns the number of the latter.
func (w *Writer) merge(ctx context.Context, stores []*Store, progress func(done, total int)) (kept int, err error) {
	var all []candidate
	for i, s := range stores {
		if err := w.Add(s); err != nil {
			return 0, err
		}
		items, err := s.Items()
		if err != nil {
			return 0, err
		}
		stamps := loadStamps(s.Dir, s.Checksum, len(items))
		all = slices.Grow(all, len(items))
		for j := range items {
			all = append(all, candidate{&items[j], stamps[j], i})
		}
	}
	all = append(all, w.former(stores[0].Classes)...)
	slices.SortStableFunc(all, compareCandidates)
	before := -1 // the last candidate appended
	for i, c := range all {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if progress != nil && ((i+1)%1000 == 0 || i+1 == len(all)) {
			progress(i+1, len(all))
		}
		if before >= 0 && all[before].item.Path == c.item.Path {
			continue
		}
		before = i
		if c.item.Row < 0 {
			err = w.Skip(*c.item, c.stamp)
		} else {
			err = w.Append(*c.item, c.stamp, nil)
		}
		if err != nil {
			return 0, err
		}
		if c.part < 0 {
			kept++
		}
	}
	return kept, nil
}

// candidate is an item of a part, or one that the merged store had before.
type candidate struct {
	item  *Item
	stamp string
	part  int // −1: none
}

// compareCandidates sorts by path. Of an image that several parts have, because it moved from one to another, that of the part to which it
// belongs now comes first if it has features, then one that is gone, and last one without features.
func compareCandidates(a, b candidate) int {
	rank := func(it *Item) int {
		switch {
		case it.Row < 0:
			return 2
		case it.Gone:
			return 1
		}
		return 0
	}
	return cmp.Or(strings.Compare(a.item.Path, b.item.Path), cmp.Compare(rank(a.item), rank(b.item)))
}

// former lists the rows that the store had before, as those of images that are gone. They lose a label that is none of the classes.
func (w *Writer) former(classes []string) []candidate {
	label := make([]int, len(w.Classes()))
	for i, name := range w.Classes() {
		label[i] = slices.Index(classes, name)
	}
	var all []candidate
	for _, it := range w.Items() {
		if _, ok := w.Known(it.Path); !ok || it.Row < 0 {
			continue
		}
		if it.Gone = true; it.Label >= 0 {
			it.Label = label[it.Label]
		}
		all = append(all, candidate{&it, "", -1})
	}
	return all
}
