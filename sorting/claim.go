package sorting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/placing"
	"iconic/internal/regular"
	"iconic/option"
)

// Clusters say by what images are put into the folder of a Sorting or of Folders. A folder takes images by one of them only: by others, such as those of a run
// that was trained or edited again, an image could come to lie in two subfolders.
type Clusters struct {
	Key   string   // equal only for those that put every image into the same subfolder
	Names []string // names of the clusters, "" for one without
}

// clustersFile is the name of the file in a folder that has the key of its Clusters.
const clustersFile = ".iconic-clusters.json"

// claimed is the content of that file.
type claimed struct {
	Format   int    `json:"format"`
	Clusters string `json:"clusters"`
}

// One of these errors is in the chain of the error of a Check that refuses a folder.
var (
	ErrOtherClusters   = errors.New("images were sorted into it by other clusters or names, so that an image could end up in two of its folders")
	ErrUnknownClusters = errors.New("it has no record of the clusters by which images were sorted into it; if those were other clusters, an image could end up in two of its folders")
)

// Check fails with ErrOtherClusters if images were sorted into the folder by other Clusters, and with ErrUnknownClusters if that is not known. A folder without
// subfolders of clusters takes any. Nothing is changed.
func (f *Folders) Check() error {
	if f.Clusters == nil {
		return nil
	}
	return f.Clusters.check(f.Dir, nil)
}

// claim makes a subfolder unless it is there, and sees that the folder is still one for these clusters: whatever it held may have been removed, and others put in.
func (f *Folders) claim(sub string) error {
	if f.Clusters == nil {
		return nil
	}
	if key, err := recorded(f.Dir); err == nil && key == f.Clusters.Key {
		if stat, err := os.Stat(sub); err == nil && stat.IsDir() {
			return nil
		}
	}
	release, err := f.Clusters.claim(f.Dir, nil)
	if err != nil {
		return err
	}
	if err = os.Mkdir(sub, 0o755); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, release())
}

// Check is that of Folders. A folder without a record is not refused if a journal, such as that of an earlier version, accounts for its subfolders:
// Run itself finds files that would be left in wrong ones. A Folder "" and a Mode that is possible for none of the files are an option.Error.
func (s *Sorting) Check() error {
	if s.Folder == "" {
		return option.Errorf("Folder", "there is no folder to sort into: name one")
	}
	if err := s.possible(); err != nil {
		return err
	}
	if s.Clusters == nil {
		return nil
	}
	before, err := readEarlier(s.Folder)
	if err != nil {
		return err
	}
	return s.Clusters.check(s.Folder, before)
}

// check is Check for a folder. before, unless nil, is what the journal of the sorting that is about to go on knows of it.
func (c *Clusters) check(dir string, before *earlier) error {
	there, err := subfolders(dir)
	if err != nil || len(there) == 0 {
		return err
	}
	key, err := recorded(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.checkNames(dir, there, before)
	case err != nil:
		return err
	case key != c.Key:
		return refused(dir, dir, ErrOtherClusters)
	}
	return nil
}

// refused adds to an error what it is about and the way out. A folder with a journal may have the only files of the images.
func refused(dir, what string, err error) error {
	way := "empty it"
	if _, lerr := os.Lstat(filepath.Join(dir, Journal)); lerr == nil {
		way = "undo the sorting that its journal records"
	}
	return fmt.Errorf("%s: %w: %s, or choose another folder", what, err, way)
}

// recorded is the key of the clusters by which images are put into a folder; an empty record is none (fs.ErrNotExist). It differs from all keys for a record of another format.
func recorded(dir string) (string, error) {
	name := filepath.Join(dir, clustersFile)
	content, err := regular.Read(name)
	if err != nil {
		return "", err
	}
	if len(content) == 0 { // a claim is about to write it, or was killed before
		return "", &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	var c claimed
	if err := json.Unmarshal(content, &c); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if c.Format != format {
		return fmt.Sprintf("of format %d", c.Format), nil
	}
	return c.Clusters, nil
}

// ofCluster is the form of placing.Folder.
var ofCluster = regexp.MustCompile(`^cluster-[0-9]{3,}( .*)?$`)

// subfolders are the names of the subfolders of clusters in a folder, which need not exist. Links to folders are among them.
func subfolders(dir string) (names []string, err error) {
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range there {
		if ofCluster.MatchString(e.Name()) && !e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// checkNames fails if a folder without a record, such as one that an earlier version has sorted into, has subfolders that do not belong to the clusters by
// their names, or if one of the clusters has no name: then equal names prove nothing.
func (c *Clusters) checkNames(dir string, there []string, before *earlier) error {
	if before.accountsFor(there) {
		return nil
	}
	var own []string
	for i, name := range c.Names {
		own = append(own, placing.Folder(i, name))
	}
	for _, name := range there {
		if !slices.Contains(own, name) {
			return refused(dir, dir+" has a folder "+name, ErrOtherClusters)
		}
	}
	if slices.Contains(c.Names, "") {
		return refused(dir, dir+" has a folder "+there[0], ErrUnknownClusters)
	}
	return nil
}

// accountsFor reports whether the journal knows of files in each of the subfolders; r may be nil.
func (r *earlier) accountsFor(subfolders []string) bool {
	if r == nil {
		return false
	}
	known := map[string]bool{}
	for to := range r.at {
		first, _, _ := strings.Cut(to, string(filepath.Separator))
		known[first] = true
	}
	return !slices.ContainsFunc(subfolders, func(name string) bool { return !known[name] })
}

// patience is how long a claim waits for one of another process, which takes no longer than writing a record and making a folder.
const patience = time.Minute

// claim records that images are put into a folder by these clusters, and fails as check does. A record of others is replaced if none of their subfolders
// is left. Until release is called nobody else can do so: that is for after the first subfolder was made, which proves from then on that the record is in use.
func (c *Clusters) claim(dir string, before *earlier) (release func() error, err error) {
	if err := c.check(dir, before); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	atomicfile.Sweep(dir)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		unlock, err := lockfile.Wait(ctx, filepath.Join(dir, clustersFile), nil)
		if err != nil {
			return nil, fmt.Errorf("the record of the clusters in %s: %w", dir, err)
		}
		done, err := c.record(dir, before)
		if done {
			return unlock, nil
		}
		if err = errors.Join(err, unlock()); err != nil {
			return nil, err
		}
	}
}

// record writes the key into the record, which is locked and may be new and empty. done is false without an error if it had the key of others: it was removed
// then, and its lock with it.
func (c *Clusters) record(dir string, before *earlier) (done bool, err error) {
	if err := c.check(dir, before); err != nil {
		return false, err
	}
	name := filepath.Join(dir, clustersFile)
	key, err := recorded(dir)
	switch {
	case err == nil && key == c.Key:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, os.Remove(name)
	}
	content, err := json.Marshal(claimed{format, c.Key})
	if err != nil {
		return false, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	_, err = f.Write(append(content, '\n'))
	err = errors.Join(err, f.Sync(), f.Close(), atomicfile.SyncFolder(dir))
	return err == nil, err
}

// unclaim removes the record from a folder without subfolders of clusters, unless another process is about to make one.
func unclaim(dir string, step func() error) (err error) {
	name := filepath.Join(dir, clustersFile)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	there, err := subfolders(dir)
	if err != nil || len(there) > 0 {
		return err
	}
	if err := step(); err != nil {
		return err
	}
	unlock, err := lockfile.Try(name)
	if errors.Is(err, lockfile.ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if there, err = subfolders(dir); err != nil || len(there) > 0 {
		return err
	}
	return os.Remove(name)
}
