package extract

import (
	"context"
	"errors"

	"iconic/extract/store"
	"iconic/extract/store/mirror"
	"iconic/internal/bucket"
	"iconic/internal/diskspace"
)

// Parts lists the parts of an extraction in a folder, or below an address in a bucket: those that Config.Part made in Config.Out. A
// folder that is a part itself is the only one.
func Parts(ctx context.Context, out string) ([]string, error) {
	if bucket.Is(out) {
		return mirror.Parts(ctx, out)
	}
	if m, err := store.Describe(out); err == nil && m.Part != nil {
		return []string{out}, nil
	}
	return store.Parts(out)
}

// Merged says what a merge has made.
type Merged struct {
	Rows       int      // images with features
	Kept       int      // of them, those of which no part has features, and the store had before
	Skipped    int      // images without features
	Unfinished []string // parts of which a later extraction was not finished: their features are those of before it
}

// Merge combines the parts of an extraction into one feature store, byte for byte the one that a single extraction would have made. Rows
// that the store had before, of images of which no part has features, are kept. A SpaceError says before any work that the disk has no room for the store. Parts and out are folders, or addresses in a bucket; progress, unless nil, is called with numbers of images.
func Merge(ctx context.Context, parts []string, out string, progress func(done, total int)) (m Merged, err error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	var mirrors []*mirror.Mirror
	defer func() {
		for _, m := range mirrors {
			err = errors.Join(err, m.Close())
		}
	}()
	local := func(place string) (string, error) { // local folder of a store that may be in a bucket
		if !bucket.Is(place) {
			return place, nil
		}
		copied, err := mirror.Open(ctx, place)
		if err != nil {
			return "", err
		}
		mirrors = append(mirrors, copied)
		return copied.Dir, nil
	}
	folders := make([]string, len(parts))
	for i, part := range parts {
		if folders[i], err = local(part); err != nil {
			return m, err
		}
		if store.Unfinished(folders[i]) {
			m.Unfinished = append(m.Unfinished, part)
		}
	}
	dir, err := local(out)
	if err != nil {
		return m, err
	}
	if err := roomFor(folders, dir); err != nil {
		return m, err
	}
	if m.Rows, m.Kept, err = store.Merge(ctx, folders, dir, progress); err != nil {
		return m, err
	}
	made, err := store.Describe(dir)
	if err != nil {
		return m, err
	}
	m.Skipped = made.Skipped
	if bucket.Is(out) {
		err = mirrors[len(mirrors)-1].Push()
	}
	return m, err
}

// roomFor fails if the disk of dir has less free space than the features of parts need that are not there already. What is wrong with the parts is for
// the merge to say.
func roomFor(parts []string, dir string) error {
	if store.Unfinished(dir) { // it may have any of them
		return nil
	}
	there := 0
	if m, err := store.Describe(dir); err == nil {
		there = m.Rows
	}
	rows, need := 0, int64(0)
	for _, part := range parts {
		m, err := store.Describe(part)
		if err != nil {
			return nil
		}
		fresh := max(0, m.Rows-there)
		there -= m.Rows - fresh
		rows += fresh
		need += Need(fresh, m.Items, m.Views, m.Dim, m.DType == "float16")
	}
	if free, err := diskspace.Free(dir); err == nil && free < need {
		return &SpaceError{dir, free, need, rows}
	}
	return nil
}
