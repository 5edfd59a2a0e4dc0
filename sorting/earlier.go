package sorting

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"iconic/internal/placing"
	"iconic/internal/plural"
	"iconic/internal/regular"
)

// EarlierError says that files of earlier sortings into a folder would be left among those of the one that was asked for, so that a subfolder
// would hold images of two clusters, or an image would be in two subfolders.
type EarlierError struct {
	Files   int    // at least 1
	Example string // the path of one of them below the folder
}

func (e *EarlierError) Error() string {
	return fmt.Sprintf("%s of an earlier sorting would be left among those of this one (such as %s)", plural.Of(e.Files, "file", "files"), e.Example)
}

// earlier is what the journal of a folder knows of files that are in it.
type earlier struct {
	folder string
	steps  []entry           // whose files are there, by their names, in the order of the journal
	at     map[string]*entry // by the path below the folder
	alike  map[string]bool   // placing.Alike of those paths
	from   map[string]*entry // by the path of the original, the last one
	taken  map[string]bool   // paths below the folder that gone has returned
}

func earlierIn(folder string, entries []entry) *earlier {
	r := &earlier{folder: folder, at: map[string]*entry{}, alike: map[string]bool{}, from: map[string]*entry{}, taken: map[string]bool{}}
	for _, e := range entries {
		if !e.places() {
			continue
		}
		if _, err := os.Lstat(filepath.Join(folder, string(e.To))); err == nil {
			r.steps = append(r.steps, e)
		}
	}
	for i := range r.steps {
		e := &r.steps[i]
		r.at[string(e.To)], r.alike[placing.Alike(string(e.To))] = e, true
		if len(e.From) > 0 {
			r.from[string(e.From)] = e
		}
	}
	return r
}

// readEarlier is earlierIn for a folder that nothing is done to, which may have no journal.
func readEarlier(folder string) (*earlier, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(folder, Journal)
	content, err := regular.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return earlierIn(folder, nil), nil
	}
	if err != nil {
		return nil, err
	}
	entries, _, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	return earlierIn(folder, entries), nil
}

// place is where a file was put by that mode, if it is the place where it belongs.
func (r *earlier) place(f File, mode Mode) (to string, known bool) {
	e := r.from[f.Name]
	if e == nil || e.Step != mode {
		return "", false
	}
	if at := filepath.Dir(string(e.To)); at != filepath.Dir(filepath.Clean(f.To)) && (f.Else == "" || at != filepath.Dir(filepath.Clean(f.Else))) {
		return "", false
	}
	for name := range f.names() {
		if name == string(e.To) {
			return name, true
		}
	}
	return "", false
}

// gone finds a file whose original is gone, since it was moved to the place where it belongs, or removed after it was copied or linked there. A link
// to it is broken then, and has the Size 0. What it is given of a file is the names where it belongs.
func (r *earlier) gone(of File) (f File, broken, found bool) {
	if f, broken, found = r.goneAt(of.To); !found && of.Else != "" {
		f, broken, found = r.goneAt(of.Else)
	}
	f.To, f.Else = of.To, of.Else
	return f, broken, found
}

// goneAt is gone for a name and the numbered ones after it.
func (r *earlier) goneAt(to string) (f File, broken, found bool) {
	for n := 1; n <= placing.Tries; n++ {
		numbered := placing.Numbered(to, n)
		e := r.at[numbered]
		if e == nil && r.alike[placing.Alike(numbered)] {
			continue // that name is in use by one that differs in case
		}
		if e == nil {
			return File{}, false, false
		}
		if _, err := os.Stat(string(e.From)); r.taken[numbered] || len(e.From) > 0 && err == nil {
			continue // it is another image's
		}
		r.taken[numbered] = true
		name := filepath.Join(r.folder, numbered)
		f = File{Name: string(e.From), Holder: string(e.Holder), Read: func() ([]byte, error) { return regular.Read(name) }}
		stat, err := os.Stat(name)
		if err == nil {
			f.Size = stat.Size()
		}
		return f, err != nil, true
	}
	return File{}, false, false
}

// mode is that of the last step whose file is there; "": there is none.
func (r *earlier) mode() Mode {
	if len(r.steps) == 0 {
		return ""
	}
	return r.steps[len(r.steps)-1].Step
}

// left counts the files that are at none of the planned paths below the folder; nil: there are none.
func (r *earlier) left(planned map[string]bool) *EarlierError {
	var e EarlierError
	for i := range r.steps {
		to := string(r.steps[i].To)
		if planned[to] || r.at[to] != &r.steps[i] { // the latter: it is counted by its last step
			continue
		}
		if e.Files++; e.Files == 1 {
			e.Example = to
		}
	}
	if e.Files == 0 {
		return nil
	}
	return &e
}
