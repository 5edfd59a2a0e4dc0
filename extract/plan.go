package extract

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/bucket"
)

// part reduces the set to the configured part, and describes it; nil for the whole set.
func (c *Config) part(set *dataset.Set) *store.Part {
	if c.Parts == 0 {
		return nil
	}
	listing := xxhash.New()
	for _, it := range set.Items {
		fmt.Fprintf(listing, "%d %s\x00", it.Label, it.Path) // a hash never fails
	}
	total := len(set.Items)
	lo, hi := total*(c.Part-1)/c.Parts, total*c.Part/c.Parts
	set.Items = set.Items[lo:hi]
	return &store.Part{Index: c.Part, Of: c.Parts, First: lo, Count: hi - lo, Total: total, Listing: fmt.Sprintf("%016x", listing.Sum64())}
}

// folder is the location of the store: each part has its own folder.
func (c *Config) folder() string {
	if c.Parts == 0 {
		return c.Out
	}
	if bucket.Is(c.Out) {
		return strings.TrimSuffix(c.Out, "/") + "/" + PartName(c.Part, c.Parts)
	}
	return filepath.Join(c.Out, PartName(c.Part, c.Parts))
}

// PartName is the name of a part's folder: "part-00002-of-00004".
func PartName(part, parts int) string { return fmt.Sprintf("part-%05d-of-%05d", part, parts) }

// entry is one item of the new store: an image of the data set, or one that only the old store has.
type entry struct {
	listed int         // index into the set's items; −1: no longer there
	kept   *store.Item // the old store's item, for an image that is no longer in the set
}

// plan merges the listing with the rows of missing images, unless those are to be dropped, in the order of paths.
func (c *Config) plan(set *dataset.Set, w *store.Writer, s *Summary) []entry {
	entries := make([]entry, 0, len(set.Items))
	old := w.Items()
	for i := range set.Items {
		path := set.Items[i].Path
		for len(old) > 0 && old[0].Path < path {
			entries = c.keep(entries, &old[0], w, s)
			old = old[1:]
		}
		if len(old) > 0 && old[0].Path == path {
			old = old[1:]
		}
		entries = append(entries, entry{listed: i})
	}
	for i := range old {
		entries = c.keep(entries, &old[i], w, s)
	}
	return entries
}

// keep adds an entry for a missing image, if its features exist and are to be kept. A part never keeps any: its items follow from the whole
// listing.
func (c *Config) keep(entries []entry, it *store.Item, w *store.Writer, s *Summary) []entry {
	if _, ok := w.Known(it.Path); !ok {
		return entries // it was skipped, or its shard is damaged
	}
	if c.Prune || c.Parts > 0 {
		s.Pruned++
		return entries
	}
	s.Gone++
	return append(entries, entry{listed: -1, kept: it})
}

// classes adds to the set's class names those that only missing images have, and returns the new label of each old class.
func classes(now, before []string, entries []entry) (names []string, label []int) {
	names, label = slices.Clone(now), make([]int, len(before))
	for i, name := range before {
		label[i] = slices.Index(now, name)
	}
	for _, e := range entries {
		if e.kept == nil || e.kept.Label < 0 || e.kept.Label >= len(before) || label[e.kept.Label] >= 0 {
			continue
		}
		label[e.kept.Label] = len(names)
		names = append(names, before[e.kept.Label])
	}
	return names, label
}
