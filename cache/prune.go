package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/lockfile"
	"iconic/internal/places"
)

// Rule selects the entries to remove: those of Kinds that were not used for OlderThan and have at least LargerThan bytes. All three
// conditions must hold. With Keep, only as many of them are removed as are needed to bring the cache down to that many bytes, the least
// recently used first.
type Rule struct {
	Kinds      []Kind // nil: all kinds; an empty list that is not nil is refused
	OlderThan  time.Duration
	LargerThan int64
	Keep       *int64 // nil: remove all entries that match
}

// Validate refuses a rule that would remove everything implicitly, and negative numbers.
func (r Rule) Validate() error {
	switch {
	case r.OlderThan < 0 || r.LargerThan < 0 || r.Keep != nil && *r.Keep < 0:
		return errors.New("age and sizes: want no negative number")
	case r.OlderThan == 0 && r.LargerThan == 0 && r.Keep == nil && r.Kinds == nil:
		return errors.New("nothing selects what to remove: want an age, a size, or kinds")
	}
	if r.Kinds != nil && len(r.Kinds) == 0 {
		return errors.New("no kind is given: name one, or leave kinds out for all")
	}
	for _, k := range r.Kinds {
		if !slices.Contains(Kinds(), k) {
			return fmt.Errorf("kind %q: want %s", k, join(Kinds()))
		}
	}
	return nil
}

func join(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Choose returns the entries that match the rule at the given time, in the order of removal. It never includes entries in use.
func (r Rule) Choose(entries []Entry, now time.Time) []Entry {
	var chosen []Entry
	for _, e := range entries {
		if e.State != InUse && (len(r.Kinds) == 0 || slices.Contains(r.Kinds, e.Kind)) && now.Sub(e.Used) >= r.OlderThan && e.Bytes >= r.LargerThan {
			chosen = append(chosen, e)
		}
	}
	slices.SortStableFunc(chosen, func(a, b Entry) int { return a.Used.Compare(b.Used) })
	left, gone, seen := Bytes(entries), []Entry{}, map[string]bool{}
	for _, c := range chosen {
		if r.Keep != nil && left <= *r.Keep {
			break
		}
		for _, e := range entries {
			if within := e.Path == c.Path || strings.HasPrefix(e.Path, c.Path+string(filepath.Separator)); within && !seen[e.Path] { // graphs are removed with their features
				seen[e.Path] = true
				gone = append(gone, e)
				left -= e.Bytes
			}
		}
	}
	return gone
}

// Pruned is what Prune did, or would do.
type Pruned struct {
	Removed []Entry `json:"removed"`
	Bytes   int64   `json:"bytes"`  // bytes of the removed entries
	Passed  []Entry `json:"passed"` // matching entries that were in use
	Left    int64   `json:"left"`   // bytes of the entries that are left
}

// Prune removes the entries that match a rule; a dry run removes nothing and reports what it would remove. Entries in use are skipped. If
// the process is killed, each entry is either whole or gone.
func Prune(ctx context.Context, r Rule, dry bool) (*Pruned, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	root, err := cachefolder.Root()
	if err != nil {
		return nil, err
	}
	entries, err := List(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	p := &Pruned{Removed: []Entry{}, Passed: []Entry{}, Left: Bytes(entries)}
	busy := r
	busy.Keep = nil
	for _, e := range entries {
		if e.State == InUse {
			e.State = Kept
			if len(busy.Choose([]Entry{e}, now)) > 0 {
				e.State = InUse
				p.Passed = append(p.Passed, e)
			}
		}
	}
	for _, e := range r.Choose(entries, now) {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		if !dry {
			switch err := e.remove(); {
			case errors.Is(err, lockfile.ErrBusy): // another process has begun to use it
				e.State = InUse
				p.Passed = append(p.Passed, e)
				continue
			case err != nil:
				return p, fmt.Errorf("remove %s: %w", e.Name, err)
			}
		}
		p.Removed = append(p.Removed, e)
		p.Bytes += e.Bytes
		p.Left -= e.Bytes
	}
	if !dry {
		forget(filepath.Join(root, cachefolder.Models, "encoders"))
	}
	return p, nil
}

// forget removes encoders in the cache that no longer exist from the records of their places.
func forget(folder string) {
	names, err := os.ReadDir(folder)
	if err != nil {
		return // there are no records
	}
	for _, n := range names {
		_ = places.Drop(filepath.Join(folder, n.Name()), func(path string) bool { // it takes only a few bytes
			_, err := os.Stat(path)
			return cachefolder.Keeps(path) && errors.Is(err, fs.ErrNotExist)
		})
	}
}

// remove takes an entry away in one step, so that no half-removed entry is ever seen under its name, and then frees its space.
func (e *Entry) remove() error {
	if e.Kind == Rest && atomicfile.Temporary(e.Path) {
		atomicfile.Sweep(filepath.Dir(e.Path)) // Sweep knows whether the writer is alive
		if _, err := os.Lstat(e.Path); err == nil {
			return fmt.Errorf("%s: %w", e.Path, lockfile.ErrBusy)
		}
		return nil
	}
	stat, err := os.Lstat(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if stat.IsDir() && e.Kind != Index {
		return cachefolder.Remove(e.Path, e.locks...)
	}
	return cachefolder.Discard(e.Path)
}
