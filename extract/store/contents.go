package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/identity"
	"iconic/internal/regular"
)

// The contents of which a store has features are listed in its items.jsonl, which is far too long to read for each query. Therefore every
// commit leaves an index in the user's cache, where other stores with the same encoder, preprocessing and engine look it up:
//
//	contents/<key>/<store>     the key is identity.Content's, the store a hash of its folder's name
//
// An index is a line of JSON, contentsHead; then 20 bytes for each content, ascending: its hash, and the row with its features, little
// endian; then the xxHash64 of all that. It belongs to one manifest, and becomes invalid once the store has another: it is then rebuilt
// from items.jsonl. If it is lost, images are encoded again.

// contentsHead is the first line of an index.
type contentsHead struct {
	Format   string `json:"format"`
	Store    string `json:"store"`    // full path of the store's folder
	Manifest string `json:"manifest"` // checksum of its manifest
	Contents int    `json:"contents"`
	lendable
}

const contentsFormat = "iconic contents 1"

// lendable describes the features that a store has of an image; all stores with the same key have the plain view.
type lendable struct {
	Views   int             `json:"views"`
	Seed    uint64          `json:"seed,omitempty"`
	Augment json.RawMessage `json:"augment,omitempty"`
	DType   string          `json:"dtype"`
}

// serves reports whether features of l contain those of want, to the bit: each view is drawn separately from seed and content, so the first
// of many views equal those of few, and features can be rounded to float16 afterwards.
func (l lendable) serves(want lendable) bool {
	drawn := want.Views == 1 || l.Views >= want.Views && l.Seed == want.Seed && bytes.Equal(l.Augment, want.Augment)
	return drawn && (l.DType == "float32" || l.DType == want.DType)
}

// content splits settings into a key, which stores must share to lend features, and the part in which they may differ. ok is false if the
// engine is unknown.
func (s *Settings) content() (key string, l lendable, ok bool) {
	if s.Provider == "" || s.Runtime == "" {
		return "", l, false
	}
	var how map[string]json.RawMessage
	if err := json.Unmarshal(s.Preprocessing, &how); err != nil {
		return "", l, false
	}
	l = lendable{Views: s.Views, Seed: s.Seed, Augment: how["augment"], DType: s.DType}
	delete(how, "augment")
	key, err := identity.Content{
		Encoder: s.Encoder.SHA256, Output: s.Encoder.Output, Transform: how, Decoder: s.JPEGDecoder, Provider: s.Provider, Runtime: s.Runtime, Dim: s.Dim,
	}.Key()
	return key, l, err == nil
}

// contentsFolder is the folder with the indexes of all stores with a key, "" if there is no user cache.
func contentsFolder(key string) string {
	folder, err := cachefolder.Of(cachefolder.Contents)
	if err != nil {
		return ""
	}
	return filepath.Join(folder, key)
}

// fullName is the canonical path of a folder.
func fullName(dir string) string {
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir
}

// cachedFile is the file of a store in a folder of the user cache, where dir is the store's fullName.
func cachedFile(folder, dir string) string {
	return filepath.Join(folder, fmt.Sprintf("%016x", xxhash.Sum64String(dir)))
}

const entryBytes = 20

// keepContents writes the index of a store whose manifest has the given checksum. rows maps each content to its row. Failing to write the
// index is not an error.
func keepContents(dir string, s *Settings, manifest string, rows map[Hash]int32) {
	key, l, ok := s.content()
	folder := contentsFolder(key)
	if !ok || folder == "" || len(rows) == 0 {
		return
	}
	dir = fullName(dir)
	if buckets, err := cachefolder.Of(cachefolder.Buckets); err == nil && filepath.Dir(dir) == fullName(buckets) {
		return // a copy that is removed when its process ends
	}
	name := cachedFile(folder, dir)
	if head, err := readHead(name); err == nil && head.Manifest == manifest && head.Store == dir {
		return
	}
	entries := make([]byte, 0, entryBytes*len(rows))
	order := make([]Hash, 0, len(rows))
	for h := range rows {
		if h != (Hash{}) {
			order = append(order, h)
		}
	}
	slices.SortFunc(order, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, h := range order {
		entries = binary.LittleEndian.AppendUint32(append(entries, h[:]...), uint32(rows[h]))
	}
	head, err := json.Marshal(contentsHead{contentsFormat, dir, manifest, len(order), l})
	if err != nil || os.MkdirAll(folder, 0o755) != nil {
		return
	}
	_ = atomicfile.Write(name, func(w io.Writer) error {
		sum := xxhash.New()
		to := io.MultiWriter(w, sum)
		_, line := to.Write(append(head, '\n'))
		_, body := to.Write(entries)
		return errors.Join(line, body, binary.Write(w, binary.LittleEndian, sum.Sum64()))
	})
}

// longestHead is more than the length of any head.
const longestHead = 1 << 16

// readHead reads the first line of an index.
func readHead(name string) (*contentsHead, error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, _, err := parseHead(f)
	return head, err
}

func parseHead(f *os.File) (head *contentsHead, length int64, err error) {
	b := make([]byte, longestHead)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	line, _, ok := bytes.Cut(b[:n], []byte("\n"))
	head = new(contentsHead)
	if !ok || json.Unmarshal(line, head) != nil || head.Format != contentsFormat || head.Contents < 0 {
		return nil, 0, fmt.Errorf("%s: it does not begin like an index of contents", f.Name())
	}
	return head, int64(len(line)) + 1, nil
}

// contents is an open index. It is read in place: 20 bytes on disk for each content, and none in memory.
type contents struct {
	contentsHead
	file   *os.File
	start  int64
	shift  uint     // from a hash's first 32 bits to its bucket
	bucket []uint32 // number of entries before each bucket, and finally of all
}

// openContents opens an index and reads it once, to verify its checksum.
func openContents(name string) (_ *contents, err error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	head, start, err := parseHead(f)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if want := start + entryBytes*int64(head.Contents) + 8; stat.Size() != want {
		return nil, fmt.Errorf("%s: %d bytes, want %d for %d contents", name, stat.Size(), want, head.Contents)
	}
	width := min(16, max(0, bits.Len(uint(head.Contents))-4)) // about 16 entries per bucket
	c := &contents{contentsHead: *head, file: f, start: start, shift: uint(32 - width), bucket: make([]uint32, 1<<width+1)}
	return c, c.read()
}

// read fills the buckets, and verifies the checksum.
func (c *contents) read() error {
	sum := xxhash.New()
	if _, err := io.Copy(sum, io.NewSectionReader(c.file, 0, c.start)); err != nil {
		return err
	}
	block := make([]byte, entryBytes*4096)
	var last Hash
	for done := 0; done < c.Contents; {
		b := block[:entryBytes*min(4096, c.Contents-done)]
		if _, err := c.file.ReadAt(b, c.start+entryBytes*int64(done)); err != nil {
			return err
		}
		_, _ = sum.Write(b) // a hash never fails
		for ; len(b) > 0; b = b[entryBytes:] {
			if done > 0 && bytes.Compare(last[:], b[:16]) >= 0 {
				return fmt.Errorf("%s: its entries are not in ascending order", c.file.Name())
			}
			copy(last[:], b)
			c.bucket[c.of(last)+1]++
			done++
		}
	}
	for i := 1; i < len(c.bucket); i++ {
		c.bucket[i] += c.bucket[i-1]
	}
	var kept [8]byte
	if _, err := c.file.ReadAt(kept[:], c.start+entryBytes*int64(c.Contents)); err != nil {
		return err
	}
	if was := binary.LittleEndian.Uint64(kept[:]); was != sum.Sum64() {
		return fmt.Errorf("%s is damaged: checksum %016x, want %016x", c.file.Name(), sum.Sum64(), was)
	}
	return nil
}

// of is the bucket of a hash.
func (c *contents) of(h Hash) uint32 { return uint32(uint64(binary.BigEndian.Uint32(h[:])) >> c.shift) }

// find returns the row of a content. Any goroutine may call it.
func (c *contents) find(h Hash) (row int, ok bool) {
	bucket := c.of(h)
	lo, hi := c.bucket[bucket], c.bucket[bucket+1]
	b := make([]byte, entryBytes*(hi-lo))
	if _, err := c.file.ReadAt(b, c.start+entryBytes*int64(lo)); err != nil {
		return 0, false // the image is encoded instead
	}
	for ; len(b) > 0; b = b[entryBytes:] {
		if bytes.Equal(b[:16], h[:]) {
			return int(binary.LittleEndian.Uint32(b[16:])), true
		}
	}
	return 0, false
}

func (c *contents) close() error { return c.file.Close() }

// rowsOf reads from its list which contents a finished store has.
func rowsOf(ctx context.Context, dir string, m *Manifest) (map[Hash]int32, error) {
	items, _, err := m.loadItems(dir)
	if err != nil {
		return nil, err
	}
	rows := make(map[Hash]int32, m.Rows)
	for _, it := range items {
		if _, ok := rows[it.Hash]; it.Row >= 0 && !ok {
			rows[it.Hash] = int32(it.Row)
		}
	}
	return rows, ctx.Err()
}

// refreshed opens the current index of a store: the existing one if it is valid, otherwise one made from the store's list.
func refreshed(ctx context.Context, folder, dir string) (*contents, *Manifest, error) {
	m, content, err := readManifest(dir)
	if err != nil {
		return nil, nil, err
	}
	sum, name := checksum(content), cachedFile(folder, dir)
	for range 2 {
		c, err := openContents(name)
		if err == nil && c.Manifest == sum && c.Store == dir {
			return c, m, nil
		}
		if err == nil {
			if err := c.close(); err != nil {
				return nil, nil, err
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(name) // it is damaged
		}
		rows, err := rowsOf(ctx, dir, m)
		if err != nil {
			return nil, nil, err
		}
		keepContents(dir, &m.Settings, sum, rows)
	}
	return nil, nil, fmt.Errorf("feature store %s: its index of contents cannot be written in %s", dir, folder)
}
