package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/internal/regular"
)

// formatVersion is the format version that this package writes, and the newest that it reads.
const formatVersion = 1

// Format is the format version in words.
const Format = "format-1"

// formatName distinguishes a manifest from other JSON files of the same name.
const formatName = owned.StoreFormat

// Settings are everything besides the images that determines the features. Features with different settings never share a store.
type Settings struct {
	Encoder       Encoder         `json:"encoder"`
	Preprocessing json.RawMessage `json:"preprocessing"`
	JPEGDecoder   string          `json:"jpeg_decoder"`       // "libjpeg-turbo" or "go"
	Provider      string          `json:"provider,omitempty"` // provider that ran the encoder: "cpu", "cuda", …; "": unknown
	Runtime       string          `json:"runtime,omitempty"`  // version of ONNX Runtime; "": unknown
	Views         int             `json:"views"`              // views of each image, ≥ 1; view 0 is the plain one
	Seed          uint64          `json:"seed"`               // seed of the views; 0 if there is only one
	DType         string          `json:"dtype"`              // "float32" or "float16"
	Dim           int             `json:"dim"`
	ShardRows     int             `json:"shard_rows"`
}

// Encoder identifies the model.
type Encoder struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Output string `json:"output,omitempty"` // name of the output, if the model has several
}

// Part says which part of a data set a store holds: the items [First, First+Count) of Total, and those that it held before and keeps.
type Part struct {
	Index   int    `json:"index"` // 1 to Of
	Of      int    `json:"of"`
	First   int    `json:"first"`
	Count   int    `json:"count"`
	Total   int    `json:"total"`
	Kept    int    `json:"kept,omitempty"` // items that are gone, beside the Count; set by Commit
	Listing string `json:"listing"`        // checksum of all paths and labels, so that only parts of the same listing are merged
}

// Shard is one file of features.
type Shard struct {
	File     string `json:"file"`
	Rows     int    `json:"rows"`
	Checksum string `json:"checksum"` // xxHash64 of the file
}

// Manifest describes a store.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Settings
	Rows     int      `json:"rows"`
	Classes  []string `json:"classes"`
	Part     *Part    `json:"part,omitempty"`
	Items    int      `json:"items"`   // lines of items.jsonl
	Skipped  int      `json:"skipped"` // skipped ones among them
	Checksum string   `json:"items_checksum"`
	Shards   []Shard  `json:"shards"`
}

// ErrNewer is in the chain of the error for a store made by a newer version of the program.
var ErrNewer = errors.New("has a newer format")

// ErrNone is in the chain of Open's error if there is no store.
var ErrNone = errors.New("not a feature store")

// ErrParts is, with ErrNone, in the chain of the error for a folder that holds the parts of a store.
var ErrParts = errors.New("it holds the parts of one, which have to be merged")

// Is reports whether a folder holds a feature store, readable or not.
func Is(folder string) bool { return exists(filepath.Join(folder, ManifestName)) }

// readManifest reads and checks the manifest in a folder.
func readManifest(folder string) (*Manifest, []byte, error) {
	content, err := regular.Read(filepath.Join(folder, ManifestName))
	if errors.Is(err, fs.ErrNotExist) && !exists(folder) {
		return nil, nil, fmt.Errorf("%s: %w: it does not exist", folder, ErrNone)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if parts, err := Parts(folder); err == nil && len(parts) > 0 {
			return nil, nil, fmt.Errorf("%s: %w: %w", folder, ErrNone, ErrParts)
		}
		return nil, nil, fmt.Errorf("%s: %w: it has no %s", folder, ErrNone, ManifestName)
	}
	if stat, serr := os.Stat(folder); serr == nil && !stat.IsDir() {
		return nil, nil, fmt.Errorf("%s is not the folder of a feature store: it is a file", folder)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("feature store: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, nil, &UnusableError{folder, fmt.Errorf("cannot be used: its %s is damaged (%w): restore it", ManifestName, err)}
	}
	if m.Format != formatName {
		return nil, nil, fmt.Errorf("%s: %w: its manifest belongs to something else", folder, ErrNone)
	}
	if m.Version > formatVersion {
		return nil, nil, &UnusableError{folder, fmt.Errorf("%w (version %d, but this program reads up to %d): use a newer program", ErrNewer, m.Version, formatVersion)}
	}
	if err := m.check(); err != nil {
		return nil, nil, &UnusableError{folder, fmt.Errorf("cannot be used: its %s is damaged (%w): restore it", ManifestName, err)}
	}
	return &m, content, nil
}

// check looks for impossible values.
func (m *Manifest) check() error {
	if m.Version < 1 {
		return fmt.Errorf("version %d", m.Version)
	}
	if err := m.Settings.check(); err != nil {
		return err
	}
	if m.Rows < 0 || m.Skipped < 0 || m.Items != m.Rows+m.Skipped {
		return fmt.Errorf("%d items do not equal %d rows plus %d skipped", m.Items, m.Rows, m.Skipped)
	}
	rows := 0
	for i, s := range m.Shards {
		if s.File != shardName(i) {
			return fmt.Errorf("shard %d is called %q", i, s.File)
		}
		if s.Rows < 1 || s.Rows > m.ShardRows || s.Rows < m.ShardRows && i+1 < len(m.Shards) {
			return fmt.Errorf("%s has %d rows in shards of %d", s.File, s.Rows, m.ShardRows)
		}
		rows += s.Rows
	}
	if rows != m.Rows {
		return fmt.Errorf("%d rows, but %d in the shards", m.Rows, rows)
	}
	if m.Part == nil {
		return nil
	}
	return m.Part.check(m.Items)
}

// check looks for impossible values of the settings.
func (s *Settings) check() error {
	switch {
	case s.Views < 1 || s.Views > maxViews || s.Dim < 1 || s.Dim > maxDim || s.ShardRows < 1 || s.ShardRows > MaxShardRows:
		return fmt.Errorf("%d views of %d elements in shards of %d rows: want at most %d, %d and %d", s.Views, s.Dim, s.ShardRows, maxViews, maxDim, MaxShardRows)
	case s.DType != "float32" && s.DType != "float16":
		return fmt.Errorf("dtype %q", s.DType)
	}
	return nil
}

// check looks for impossible values of a part, for a store with the given number of items.
func (p *Part) check(items int) error {
	if err := p.checkNumber(); err != nil {
		return err
	}
	if p.First < 0 || p.Count < 0 || p.Kept < 0 || p.Count != items-p.Kept || p.First > p.Total-p.Count {
		return fmt.Errorf("items %d to %d of %d, but %d in the list", p.First, p.First+p.Count, p.Total, items-p.Kept)
	}
	return nil
}

// checkNumber is the check that needs no items.
func (p *Part) checkNumber() error {
	if p.Index < 1 || p.Index > p.Of || p.Of > MaxParts {
		return fmt.Errorf("part %d of %d: want 1 or more, of at most %d", p.Index, p.Of, MaxParts)
	}
	return nil
}

// The largest values that a store may have: far more than any store needs, but small enough that a manifest of a few bytes never makes the
// program allocate memory that its features do not fill.
const (
	MaxShardRows = 1 << 22
	MaxParts     = 1 << 20
	maxViews     = 1 << 12
	maxDim       = 1 << 24
)

// encode returns the manifest's canonical form.
func (m *Manifest) encode() ([]byte, error) {
	if m.Classes == nil {
		m.Classes = []string{}
	}
	if m.Shards == nil {
		m.Shards = []Shard{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(m)
	return b.Bytes(), err
}

// canonical is the settings' canonical form: the preprocessing's JSON gets Go's own spacing.
func (s Settings) canonical() (Settings, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, s.Preprocessing); err != nil {
		return s, fmt.Errorf("preprocessing: %w", err)
	}
	s.Preprocessing = b.Bytes()
	return s, nil
}

// differs names the differences between two settings, "" if there are none.
func (s Settings) differs(t Settings) string { return strings.Join(s.Differences(t), "; ") }

// Differences names what differs between two settings, each as "views 3, not 1" if s has 3 and t has 1; nil if nothing does. A provider or version of
// ONNX Runtime that is not known differs from none.
func (s Settings) Differences(t Settings) (what []string) {
	note := func(name string, a, b any) {
		if x, y := fmt.Sprint(a), fmt.Sprint(b); x != y {
			what = append(what, fmt.Sprintf("%s %s, not %s", name, x, y))
		}
	}
	if s.Encoder.SHA256 != t.Encoder.SHA256 {
		what = append(what, fmt.Sprintf("encoder %s (SHA-256 %.12s…), not %s (%.12s…)", s.Encoder.Name, s.Encoder.SHA256, t.Encoder.Name, t.Encoder.SHA256))
	}
	note("output", s.Encoder.Output, t.Encoder.Output)
	if s.JPEGDecoder != t.JPEGDecoder {
		what = append(what, fmt.Sprintf("JPEG decoder %q, not %q; pixels may differ: install libjpeg-turbo, or set ICONIC_JPEG=go, on every machine", s.JPEGDecoder, t.JPEGDecoder))
	}
	if s.Provider != "" && t.Provider != "" { // older stores do not record them
		note("provider", s.Provider, t.Provider)
		note("ONNX Runtime", s.Runtime, t.Runtime)
	}
	note("views", s.Views, t.Views)
	note("seed", s.Seed, t.Seed)
	note("dtype", s.DType, t.DType)
	note("dim", s.Dim, t.Dim)
	note("shard rows", s.ShardRows, t.ShardRows)
	a, errA := s.canonical()
	b, errB := t.canonical()
	if errA != nil || errB != nil || !bytes.Equal(a.Preprocessing, b.Preprocessing) { // after the views, whose augmentation it has
		what = append(what, fmt.Sprintf("preprocessing %s, not %s", a.Preprocessing, b.Preprocessing))
	}
	return what
}

// writeJSON writes v, indented, to the file called name.
func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(name, append(b, '\n'))
}
