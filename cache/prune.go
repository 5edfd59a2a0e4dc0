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
)

// Rule says what is to go: entries of Kinds, not used for OlderThan, and of LargerThan bytes at least; all three must hold. With Keep, no
// more of them go than needed for the cache to take that many bytes at most, and those go first that were not used for longest.
type Rule struct {
	Kinds      []Kind // nil: all
	OlderThan  time.Duration
	LargerThan int64
	Keep       *int64 // nil: all that the rule fits go
}

// Validate refuses a rule that would remove everything without saying so, and numbers that cannot be.
func (r Rule) Validate() error {
	switch {
	case r.OlderThan < 0 || r.LargerThan < 0 || r.Keep != nil && *r.Keep < 0:
		return errors.New("age and sizes: want none below zero")
	case r.OlderThan == 0 && r.LargerThan == 0 && r.Keep == nil && len(r.Kinds) == 0:
		return errors.New("what is to be removed: want an age, a size, or kinds")
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

// Choose gives the entries that the rule fits at a moment, in the order in which they go. What is in use is never among them.
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
			if within := e.Path == c.Path || strings.HasPrefix(e.Path, c.Path+string(filepath.Separator)); within && !seen[e.Path] { // graphs go with their features
				seen[e.Path] = true
				gone = append(gone, e)
				left -= e.Bytes
			}
		}
	}
	return gone
}

// Pruned is what a Prune did, or would do.
type Pruned struct {
	Removed []Entry `json:"removed"`
	Bytes   int64   `json:"bytes"`  // of those
	Passed  []Entry `json:"passed"` // that the rule fits but for their being in use
	Left    int64   `json:"left"`   // bytes of what is kept
}

// Prune removes what a rule fits; dry, it removes nothing, and tells what it would. What is in use is passed over. A kill leaves
// each entry whole or gone.
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
			case errors.Is(err, lockfile.ErrBusy): // somebody has begun to use it
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

// forget removes what is remembered of encoders that are there no longer.
func forget(folder string) {
	names, err := os.ReadDir(folder)
	if err != nil {
		return // there is nothing
	}
	for _, n := range names {
		name := filepath.Join(folder, n.Name())
		path, err := os.ReadFile(name)
		if err != nil || !cachefolder.Keeps(string(path)) {
			continue
		}
		if _, err := os.Stat(string(path)); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(name) // it costs a few bytes
		}
	}
}

// remove takes an entry away in one step, so that nothing half-removed can be met under its name, and then frees its room.
func (e *Entry) remove() error {
	if e.Kind == Rest && atomicfile.Temporary(e.Path) {
		atomicfile.Sweep(filepath.Dir(e.Path)) // which knows whether its writer lives
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
