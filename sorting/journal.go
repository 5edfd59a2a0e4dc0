package sorting

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
)

// Journal is the name of the journal in a sorted folder.
const Journal = ".iconic-sort.jsonl"

// ErrNoJournal is in the chain of Undo's error for a folder that was not sorted into, or whose sorting was undone already.
var ErrNoJournal = errors.New("contains no sorting journal")

// format is the version of the journal. A newer version is refused.
const format = 1

// entry is a line of the journal: a step, a folder that a step needs, or the time of a folder that steps will change. Names that are not
// UTF-8 are stored as bytes, which JSON encodes in base 64.
type entry struct {
	Format int    `json:"format"`
	Step   Mode   `json:"step,omitempty"`
	From   []byte `json:"from,omitempty"` // absolute path; empty: from an archive
	To     []byte `json:"to,omitempty"`   // path below the folder
	Made   []byte `json:"made,omitempty"` // a new folder below the folder, or "." for the folder itself
	Times  []byte `json:"times,omitempty"`

	// The archive of a file without From, as it was when the step was planned; empty: not known, as in journals of earlier versions, or not on disk.
	Holder         []byte `json:"holder,omitempty"` // absolute path
	HolderSize     int64  `json:"holder_size,omitempty"`
	HolderModified int64  `json:"holder_modified,omitempty"` // nanoseconds since 1970
	Elsewhere      bool   `json:"elsewhere,omitempty"`       // the file is in none on disk, such as in a bucket, so that nothing can be known of it

	Size     int64 `json:"size,omitempty"`
	Modified int64 `json:"modified,omitempty"` // modification time in nanoseconds since 1970, of the file or of the folder in Times
}

func (e *entry) modified() time.Time { return time.Unix(0, e.Modified) }

// places reports whether a line is a step, known or not: it has to do with a file below the folder.
func (e *entry) places() bool { return e.Step != "" || len(e.To) > 0 }

// heldBy records the archive of a step's file.
func (e *entry) heldBy(archive string) {
	e.Elsewhere = archive == ""
	if stat, err := os.Stat(archive); archive != "" && err == nil {
		e.Holder, e.HolderSize, e.HolderModified = []byte(archive), stat.Size(), stat.ModTime().UnixNano()
	}
}

// journal is an open journal, which one process holds at a time.
type journal struct {
	file    *os.File
	lock    *flock.Flock
	entries []entry // entries of earlier calls
	torn    bool    // the last line was truncated: none of its batch was done
}

// openJournal opens the journal of a folder, or starts one.
func openJournal(folder string) (_ *journal, err error) {
	name := filepath.Join(folder, Journal)
	j := &journal{lock: flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR))}
	held, err := j.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	if !held {
		return nil, fmt.Errorf("another process is sorting into %s: wait until it ends", folder)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.lock.Unlock())
		}
	}()
	if j.file, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.file.Close())
		}
	}()
	if err := j.read(); err != nil {
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	return j, nil
}

// read reads the journal, removes a truncated last line, and positions the file at its end.
func (j *journal) read() error {
	content, err := regular.Read(j.file.Name())
	if err != nil {
		return err
	}
	entries, whole, err := parse(content)
	if err != nil {
		return err
	}
	j.entries, j.torn = entries, whole < len(content)
	if j.torn {
		if err := j.file.Truncate(int64(whole)); err != nil {
			return err
		}
	}
	_, err = j.file.Seek(int64(whole), 0)
	return err
}

// parse reads the whole lines of a journal, which are its first bytes: what follows them is a truncated line.
func parse(content []byte) (entries []entry, whole int, err error) {
	whole = bytes.LastIndexByte(content, '\n') + 1
	lines := bufio.NewScanner(bytes.NewReader(content[:whole]))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if e.Format != format {
			return nil, 0, fmt.Errorf("line %d has format %d, but this program reads format %d", n, e.Format, format)
		}
		if !filepath.IsLocal(string(e.To)) && e.places() || len(e.Made) > 0 && !filepath.IsLocal(string(e.Made)) {
			return nil, 0, fmt.Errorf("line %d points outside the folder: the journal was changed", n)
		}
		entries = append(entries, e)
	}
	return entries, whole, lines.Err()
}

// write makes entries durable.
func (j *journal) write(entries []entry) error {
	var b bytes.Buffer
	for _, e := range entries {
		e.Format = format
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	if _, err := j.file.Write(b.Bytes()); err != nil {
		return err
	}
	j.entries = append(j.entries, entries...)
	return errors.Join(j.file.Sync(), atomicfile.SyncFolder(filepath.Dir(j.file.Name())))
}

func (j *journal) close() error {
	return errors.Join(j.file.Close(), j.lock.Unlock())
}

// timesOf records the times of folders that steps will change; for folders recorded before, the first time is kept.
func (j *journal) timesOf(folders map[string]bool) (entries []entry, err error) {
	for _, e := range j.entries {
		delete(folders, string(e.Times))
	}
	for folder := range folders {
		stat, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{Times: []byte(folder), Modified: stat.ModTime().UnixNano()})
	}
	return entries, nil
}
