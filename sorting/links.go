package sorting

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/plural"
)

// links are the symbolic links in the subfolders of clusters of a folder, by what they lead to.
type links struct {
	dir    string
	to     map[string][]string // names, by the target as it is in the links
	gone   int                 // links to nothing
	broken string              // one of those, below the folder
}

// linksIn finds the links in a folder, which need not exist.
func linksIn(dir string) (*links, error) {
	l := &links{dir: dir, to: map[string][]string{}}
	folders, err := subfolders(dir)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // it was removed meanwhile
				return nil
			case err != nil || d.Type()&fs.ModeSymlink == 0:
				return err
			}
			target, err := os.Readlink(name)
			if err != nil {
				return nil
			}
			l.to[target] = append(l.to[target], name)
			if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
				if l.gone++; l.broken == "" {
					l.broken, _ = filepath.Rel(dir, name)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// only removes the links to a target from the subfolders of other clusters than that of name, the link to it that was placed last. Nothing but a link is removed.
func (l *links) only(target, name string) error {
	var kept []string
	for _, other := range l.to[target] {
		if other == name {
			continue
		}
		if l.cluster(other) == l.cluster(name) {
			kept = append(kept, other)
			continue
		}
		if to, err := os.Readlink(other); err != nil || to != target { // it has become another one
			continue
		}
		if err := os.Remove(other); err != nil {
			return err
		}
	}
	l.to[target] = append(kept, name)
	return nil
}

// cluster is the subfolder with a name.
func (l *links) cluster(name string) string {
	below, err := filepath.Rel(l.dir, name)
	if err != nil {
		return name
	}
	first, _, _ := strings.Cut(below, string(filepath.Separator))
	return first
}

// settled takes note of the link to a target that was placed, the only one that belongs into the folder: an image that was replaced by another had one in the
// subfolder of its old cluster, too. Links to images that are gone are told once, and stay.
func (f *Folders) settled(target, name string) error {
	if f.Clusters == nil {
		return nil
	}
	if f.links == nil {
		l, err := linksIn(f.Dir)
		if err != nil {
			return err
		}
		f.links = l
		if l.gone > 0 && f.Warnf != nil {
			f.Warnf("%s gone (such as %s)", plural.Of(l.gone, "link in "+f.Dir+" points to an image that is", "links in "+f.Dir+" point to images that are"), l.broken)
		}
	}
	return f.links.only(target, name)
}
