package curation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/owned"
	"iconic/internal/regular"
)

// FileName is the name of the curation file in a run folder.
const FileName = owned.RunCuration

// format is the version of the file. A newer version is refused.
const format = 1

// lockName is the name of the file that is locked while a run is curated.
const lockName = ".curation.lock"

// Identity identifies the run that a curation belongs to. Two runs have the same identity only if the same head puts the same images in the
// same clusters.
type Identity struct {
	Head     string `json:"head"`   // checksum of the head's weights
	Images   string `json:"images"` // hash of the images' names and their clusters
	Rows     int    `json:"rows"`
	Clusters int    `json:"clusters"`
}

// Identify returns the identity of a run, given the checksum of its head, and the path and the head's cluster of each image.
func Identify(head string, paths []string, cluster []int, clusters int) Identity {
	h := xxhash.New()
	for i, path := range paths {
		fmt.Fprintf(h, "%d %s\x00", cluster[i], path)
	}
	return Identity{Head: head, Images: fmt.Sprintf("%016x", h.Sum64()), Rows: len(paths), Clusters: clusters}
}

// header is the first line of the file.
type header struct {
	Format int      `json:"format"`
	Run    Identity `json:"run"`
}

// ErrDamaged is in the chain of an error about a file whose content no version of the program writes.
var ErrDamaged = errors.New("cannot be understood")

// OtherRunError says that a curation belongs to a run other than the one in its folder.
type OtherRunError struct{ Name string }

func (e *OtherRunError) Error() string {
	return fmt.Sprintf("%s belongs to another run: it curates other clusters or images than those in its folder", e.Name)
}

// Load reads the curation of a run folder, nil if there is none. torn reports that the last line was truncated and does not count. It fails
// with OtherRunError on the curation of another run, and on a damaged file.
func Load(dir string, id Identity, b Base) (s *State, torn bool, err error) {
	name := filepath.Join(dir, FileName)
	content, err := regular.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	s, whole, err := parse(name, content, id, b)
	return s, whole < len(content), err
}

// parse replays the lines of a file; whole is the number of bytes in complete lines.
func parse(name string, content []byte, id Identity, b Base) (s *State, whole int, err error) {
	if s, err = New(b); err != nil {
		return nil, 0, err
	}
	whole = bytes.LastIndexByte(content, '\n') + 1
	for n, line := range bytes.Split(content[:whole], []byte{'\n'}) {
		switch {
		case n == 0 && whole > 0:
			err = checkHeader(name, line, id)
		case len(line) > 0:
			err = s.parseStep(line)
		}
		var other *OtherRunError
		if errors.As(err, &other) {
			return nil, 0, err
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s, line %d, %w: %w", name, n+1, ErrDamaged, err)
		}
	}
	return s, whole, nil
}

func checkHeader(name string, line []byte, id Identity) error {
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return err
	}
	switch {
	case h.Format != format:
		return fmt.Errorf("format %d: this program reads format %d", h.Format, format)
	case h.Run != id:
		return &OtherRunError{name}
	}
	return nil
}

func (s *State) parseStep(line []byte) error {
	var step Step
	if err := json.Unmarshal(line, &step); err != nil {
		return err
	}
	return s.Apply(step)
}

// Curation is an open curation.jsonl, which one process holds at a time.
type Curation struct {
	*State
	Torn bool // the last line was truncated and has been removed

	name   string
	file   *os.File
	lock   fs.FileInfo // of the file that is locked
	unlock func() error
	size   int64 // bytes in complete lines
	failed error // error of a write, after which the file's content is uncertain
}

// ErrBusy is in the chain of Open's error if another process is curating the run.
var ErrBusy = errors.New("is being curated by another process")

// Open opens the curation of a run folder, or starts one. Close it after use.
func Open(dir string, id Identity, b Base) (_ *Curation, err error) {
	c := &Curation{name: filepath.Join(dir, FileName)}
	c.unlock, err = lockfile.Try(filepath.Join(dir, lockName))
	if errors.Is(err, lockfile.ErrBusy) {
		return nil, fmt.Errorf("run folder %s %w", dir, ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("curation of %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.lock, err = os.Stat(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	if c.file, err = os.OpenFile(c.name, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	content, err := regular.Read(c.name)
	if err != nil {
		return nil, err
	}
	var whole int
	if c.State, whole, err = parse(c.name, content, id, b); err != nil {
		return nil, err
	}
	c.Torn, c.size = whole < len(content), int64(whole)
	if c.Torn {
		if err := c.file.Truncate(c.size); err != nil {
			return nil, err
		}
	}
	if whole == 0 {
		err = c.append(header{format, id})
		if err == nil {
			err = atomicfile.SyncFolder(dir)
		}
	}
	return c, err
}

// inPlace fails unless the run folder has the open file, of that size, and the locked one: what is written to a file that was removed is lost, and without
// the lock another process may write to it.
func (c *Curation) inPlace(size int64) error {
	dir := filepath.Dir(c.name)
	file, err := c.file.Stat()
	if err != nil {
		return err
	}
	for _, own := range []struct {
		name string
		is   fs.FileInfo
	}{{FileName, file}, {lockName, c.lock}} {
		now, err := os.Stat(filepath.Join(dir, own.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || !os.SameFile(now, own.is) {
			return fmt.Errorf("the run folder %s or its %s was removed or replaced, so that nothing more is saved: bring it back, or open the run again", dir, own.name)
		}
	}
	if file.Size() != size {
		return fmt.Errorf("%s was changed by another program, so that nothing more is saved: open the run again", c.name)
	}
	return nil
}

// append makes a line durable. A line that could not be written completely is removed again.
func (c *Curation) append(line any) error {
	if c.failed != nil {
		return c.failed
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if err := c.inPlace(c.size); err != nil {
		return err
	}
	_, err = c.file.WriteAt(b, c.size)
	if err == nil {
		err = c.file.Sync()
	}
	if err == nil {
		err = c.inPlace(c.size + int64(len(b)))
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", c.name, err)
		if terr := c.file.Truncate(c.size); terr != nil {
			c.failed = fmt.Errorf("%w; no more steps are written to it: open the run again", errors.Join(err, terr))
		}
		return err
	}
	c.size += int64(len(b))
	return nil
}

// Check returns the reason why a step cannot be taken, nil if it can: it does not fit the state, or CheckName refuses its name. A file may have
// other names, which earlier versions accepted.
func (c *Curation) Check(step Step) error {
	if step.Kind == Rename {
		if err := CheckName(step.Name); err != nil {
			return err
		}
	}
	return c.State.Check(step)
}

// Take checks a step, writes it to disk and applies it. A step that fails changes nothing.
func (c *Curation) Take(step Step) error {
	if err := c.Check(step); err != nil {
		return err
	}
	step.Time = time.Now().UTC().Truncate(time.Second)
	if err := c.append(step); err != nil {
		return err
	}
	return c.Apply(step)
}

// Rename renames clusters, and returns how many names changed. It checks all names before it sets the first.
func (c *Curation) Rename(names map[int]string) (renamed int, err error) {
	var steps []Step
	for _, cluster := range slices.Sorted(maps.Keys(names)) {
		step := Step{Kind: Rename, Cluster: cluster, Name: names[cluster]}
		if err := c.Check(step); err != nil {
			return 0, err
		}
		if c.Clusters[cluster].Name != step.Name {
			steps = append(steps, step)
		}
	}
	for k, step := range steps {
		if err := c.Take(step); err != nil {
			return k, err
		}
	}
	return len(steps), nil
}

// Close releases the file.
func (c *Curation) Close() error {
	var err error
	if c.file != nil {
		err = c.file.Close()
	}
	return errors.Join(err, c.unlock())
}
