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
		return strings.TrimSuffix(c.Out, "/") + "/" + store.PartName(c.Part, c.Parts)
	}
	return filepath.Join(c.Out, store.PartName(c.Part, c.Parts))
}

// entry is one item of the new store: an image of the data set, or one that only the old store has.
type entry struct {
	listed int         // index into the set's items; −1: no longer there
	kept   *store.Item // the old store's item, for an image that is no longer in the set
}

// planner merges the listing with the old store's rows of other images.
type planner struct {
	*run
	listing []dataset.Item          // the whole one, of which the set may be a part
	others  map[int]map[string]bool // paths with features in other parts, by the number of the part
}

// plan sets the entries and classes of the new store.
func (r *run) plan(listing []dataset.Item) {
	(&planner{r, listing, map[int]map[string]bool{}}).merge()
	former := r.entries
	if r.config.Parts > 0 { // all parts have the same classes, so that a kept row loses a label that is none of them
		former = nil
	}
	names, label := classes(r.set.Classes, r.writer.Classes(), former) // classes of the store after Begin, which may have finished a commit
	r.writer.SetClasses(names)
	r.label = label
}

// merge merges the listing with the rows of missing images, unless those are to be dropped, in the order of paths.
func (p *planner) merge() {
	p.entries = make([]entry, 0, len(p.set.Items))
	old := p.writer.Items()
	for i := range p.set.Items {
		path := p.set.Items[i].Path
		for len(old) > 0 && old[0].Path < path {
			p.keep(&old[0])
			old = old[1:]
		}
		if len(old) > 0 && old[0].Path == path {
			old = old[1:]
		}
		p.entries = append(p.entries, entry{listed: i})
	}
	for i := range old {
		p.keep(&old[i])
	}
}

// keep adds an entry for a missing image, if its features exist and are to be kept. An image that belongs to another part now is not gone:
// its features are kept until that part has them.
func (p *planner) keep(it *store.Item) {
	if _, ok := p.writer.Known(it.Path); !ok {
		return // it was skipped, or its shard is damaged
	}
	switch part := p.partOf(it.Path); {
	case part > 0 && p.has(part, it.Path):
		p.summary.Handed++
		return
	case part > 0:
		p.summary.Moved++
	case p.config.Prune:
		p.summary.Pruned++
		return
	default:
		p.summary.Gone++
	}
	p.entries = append(p.entries, entry{listed: -1, kept: it})
}

// partOf is the part to which a listed image belongs; 0 if it is not listed, or the set is not divided.
func (p *planner) partOf(path string) int {
	i, listed := slices.BinarySearchFunc(p.listing, path, func(item dataset.Item, path string) int { return strings.Compare(item.Path, path) })
	if !listed || p.config.Parts == 0 {
		return 0
	}
	return ((i+1)*p.config.Parts + len(p.listing) - 1) / len(p.listing) // the first whose end is beyond i; see Config.part
}

// has reports whether another part, finished on this disk, has an image's features.
func (p *planner) has(part int, path string) bool {
	if _, read := p.others[part]; !read {
		c := p.config
		if c.Part = part; !bucket.Is(c.Out) {
			p.others[part] = p.writer.Others(c.folder())
		}
	}
	return p.others[part][path]
}

// classes adds to the set's class names those that only the missing images among entries have, and returns the new label of each old class.
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
