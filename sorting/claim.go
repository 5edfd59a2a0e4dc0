package sorting

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/placing"
	"iconic/internal/regular"
)

// Clusters say by what images are put into Folders. A folder takes images by one of them only: by others, such as those of a run that was trained or edited
// again, an image could come to lie in two subfolders.
type Clusters struct {
	Key   string   // equal only for those that put every image into the same subfolder
	Names []string // names of the clusters, "" for one without
}

// clustersFile is the name of the file in Folders.Dir that has the key of its Clusters.
const clustersFile = ".iconic-clusters.json"

// claimed is the content of that file.
type claimed struct {
	Format   int    `json:"format"`
	Clusters string `json:"clusters"`
}

// ErrOtherClusters is in the chain of Check's error.
var ErrOtherClusters = errors.New("images were sorted into it by other clusters or names, so that an image could come to lie in two of its folders")

// Check fails with ErrOtherClusters if images were sorted into the folder by other Clusters. Nothing is changed.
func (f *Folders) Check() error {
	if f.Clusters == nil {
		return nil
	}
	content, err := regular.Read(filepath.Join(f.Dir, clustersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return f.checkSubfolders()
	}
	if err != nil {
		return err
	}
	var c claimed
	if err := json.Unmarshal(content, &c); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(f.Dir, clustersFile), err)
	}
	if c.Format != format || c.Clusters != f.Clusters.Key {
		return fmt.Errorf("%s: %w", f.Dir, ErrOtherClusters)
	}
	return nil
}

// ofCluster is the form of placing.Folder.
var ofCluster = regexp.MustCompile(`^cluster-[0-9]{3,}( .*)?$`)

// checkSubfolders fails if there are subfolders of clusters that do not belong to Clusters: those of an earlier version, or of a sorting, have no file that
// tells.
func (f *Folders) checkSubfolders() error {
	there, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var own []string
	for c, name := range f.Clusters.Names {
		own = append(own, placing.Folder(c, name))
	}
	for _, e := range there {
		if e.IsDir() && ofCluster.MatchString(e.Name()) && !slices.Contains(own, e.Name()) {
			return fmt.Errorf("%s has a folder %s: %w", f.Dir, e.Name(), ErrOtherClusters)
		}
	}
	return nil
}

// claim records once by which Clusters images are put into the folder, and fails if they are others.
func (f *Folders) claim() error {
	if f.claimed || f.Clusters == nil {
		return nil
	}
	if err := f.Check(); err != nil {
		return err
	}
	content, err := json.Marshal(claimed{format, f.Clusters.Key})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return err
	}
	err = atomicfile.WriteNew(filepath.Join(f.Dir, clustersFile), append(content, '\n'), time.Time{})
	if errors.Is(err, fs.ErrExist) {
		err = f.Check()
	}
	f.claimed = err == nil
	return err
}
