package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"iconic/extract/store"
	"iconic/internal/bucket"
	"iconic/internal/cachefolder"
	"iconic/internal/lockfile"
	"iconic/internal/regular"
	"iconic/option"
)

// Mirror is a local folder that mirrors a prefix in a bucket.
type Mirror struct {
	Dir string

	ctx    context.Context
	bucket *bucket.Bucket
	prefix string
	unlock func() error
	there  map[string]state // files in the bucket, by name below the prefix
}

// state tells whether a file has been written since it was downloaded or uploaded.
type state struct {
	size     int64
	modified time.Time
}

// Open downloads what a bucket has of a store, possibly nothing, into a local folder. Close it after use. It fails with lockfile.ErrBusy if
// another process on this machine is working on the same store.
func Open(ctx context.Context, address string) (_ *Mirror, err error) {
	folder, err := cachefolder.Of(cachefolder.Buckets)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(folder, fmt.Sprintf("%016x", xxhash.Sum64String(strings.TrimSuffix(address, "/"))))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	m := &Mirror{Dir: dir, ctx: ctx, there: map[string]state{}}
	if m.unlock, err = lockfile.Try(dir + ".lock"); err != nil {
		return nil, fmt.Errorf("%s: %w", bucket.Public(address), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, store.PartialName), 0o755)); err != nil {
		return nil, err
	}
	b, key, err := bucket.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	m.bucket, m.prefix = b, strings.TrimSuffix(key, "/")+"/"
	if m.prefix == "/" {
		m.prefix = ""
	}
	return m, m.pull()
}

// Close removes the folder. Anything not uploaded is lost.
func (m *Mirror) Close() error {
	err := os.RemoveAll(m.Dir)
	if m.bucket != nil {
		err = errors.Join(err, m.bucket.Close())
	}
	return errors.Join(err, m.unlock())
}

// pull downloads the store's objects, several at a time.
func (m *Mirror) pull() error {
	objects := map[string]bucket.Object{}
	for o, err := range m.bucket.List(m.ctx, m.prefix) {
		if err != nil {
			return err
		}
		if name := strings.TrimPrefix(o.Key, m.prefix); store.IsFile(name) {
			objects[name] = o
			m.there[name] = state{} // differs from any file
		}
	}
	if _, whole := objects[store.ManifestName]; !whole { // the files of an interrupted Push are invalid; all of them are in .partial, too
		maps.DeleteFunc(objects, func(name string, _ bucket.Object) bool { return !strings.Contains(name, "/") })
	}
	g, ctx := errgroup.WithContext(m.ctx)
	g.SetLimit(8)
	for name, o := range objects {
		g.Go(func() error { return m.fetch(ctx, o, m.file(name)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for name := range objects {
		if err := m.remember(name); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mirror) file(name string) string { return filepath.Join(m.Dir, filepath.FromSlash(name)) }

func (m *Mirror) fetch(ctx context.Context, o bucket.Object, name string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return m.bucket.Copy(ctx, f, o)
}

// remember records that the bucket has a file in its current state.
func (m *Mirror) remember(name string) error {
	stat, err := os.Stat(m.file(name))
	if err == nil {
		m.there[name] = state{stat.Size(), stat.ModTime()}
	}
	return err
}

// send uploads a file, unless the bucket has it in its current state.
func (m *Mirror) send(ctx context.Context, name string) (err error) {
	stat, err := os.Stat(m.file(name))
	if err != nil || m.there[name] == (state{stat.Size(), stat.ModTime()}) {
		return err
	}
	f, _, err := regular.Open(m.file(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := m.bucket.Write(ctx, m.prefix+name, f); err != nil {
		return err
	}
	return m.remember(name)
}

// last is how long an interrupted process may continue to upload finished shards.
const last = 20 * time.Second

// Keep uploads unfinished shards and their journals, given by their files in the folder, in that order. It does so for a short time even
// after the context has ended.
func (m *Mirror) Keep(files ...string) error {
	ctx := m.ctx
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), last)
		defer cancel()
	}
	names := []string{store.PartialName + "/" + store.SettingsName}
	for _, file := range files {
		names = append(names, store.PartialName+"/"+filepath.Base(file))
	}
	for _, name := range names {
		if err := m.send(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Push makes the bucket equal to the folder, uploads the manifest last, and removes what the store no longer has.
func (m *Mirror) Push() error {
	shards, err := filepath.Glob(filepath.Join(m.Dir, store.Shards))
	if err != nil {
		return err
	}
	have := map[string]bool{}
	g, ctx := errgroup.WithContext(m.ctx)
	for _, shard := range shards { // one after the other: each is uploaded in several parts at once
		name := filepath.Base(shard)
		have[name] = true
		if err := m.send(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range [...]string{store.ItemsName, store.ManifestName} {
		have[name] = true
		if err := m.send(ctx, name); err != nil {
			return err
		}
	}
	gone := []string{}
	for name := range m.there {
		if !have[name] {
			gone = append(gone, name)
		}
	}
	slices.SortFunc(gone, func(a, b string) int { return cmp.Compare(b, a) }) // settings.json sorts before the journals, and must be removed after them
	g.SetLimit(8)
	for _, name := range gone {
		g.Go(func() error { return m.bucket.Remove(ctx, m.prefix+name) })
	}
	return g.Wait()
}

// ErrNoParts is in the chain of Parts' error if there are no parts below an address.
var ErrNoParts = errors.New("no finished parts")

// Has reports whether there is a finished store at an address.
func Has(ctx context.Context, address string) (_ bool, err error) {
	b, key, err := bucket.Open(ctx, address)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	_, err = b.Stat(ctx, strings.TrimPrefix(strings.TrimSuffix(key, "/")+"/"+store.ManifestName, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Parts lists the addresses of the parts below an address.
func Parts(ctx context.Context, address string) (parts []string, err error) {
	b, key, err := bucket.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if key = strings.TrimSuffix(key, "/") + "/"; key == "/" {
		key = ""
	}
	for o, err := range b.List(ctx, key+store.PartBegin) {
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(strings.TrimPrefix(o.Key, key), "/")
		if file == store.ManifestName {
			parts = append(parts, strings.TrimSuffix(address, "/")+"/"+name)
		}
	}
	if len(parts) == 0 {
		return nil, option.Errorf("Part", "%s contains %w (%s and so on)", bucket.Public(address), ErrNoParts, store.PartName(1, 4))
	}
	return parts, nil
}
