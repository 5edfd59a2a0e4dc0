package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"iconic/classify"
	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/internal/atomicfile"
	"iconic/internal/placing"
)

// sorter puts files into one folder per cluster: copies, or symbolic links.
type sorter struct {
	folder  string
	link    bool
	folders map[string]bool // folders of images, and whether what lies in them was put there by sorting
	swept   map[string]bool // folders that were sorted into
}

// sorter is nil where files are not to be sorted.
func (o *predictOptions) sorter() *sorter {
	switch {
	case o.copyTo != "":
		return &sorter{folder: o.copyTo, folders: map[string]bool{}, swept: map[string]bool{}}
	case o.linkTo != "":
		return &sorter{folder: o.linkTo, link: true, folders: map[string]bool{}}
	}
	return nil
}

// made tells whether an item of a set lies where files are sorted to, by whatever links it is reached: it is not to be sorted
// into its own folder, again and again.
func (s *sorter) made(set *dataset.Set, i int) bool {
	file, own := set.File(i)
	if !own {
		return false
	}
	folder := filepath.Dir(file)
	made, known := s.folders[folder]
	if !known {
		made = placing.Within(folder, s.folder)
		s.folders[folder] = made
	}
	return made
}

// place sorts the file of one item of a set.
func (s *sorter) place(set *dataset.Set, item string, p classify.Prediction) error {
	i, ok := set.Find(item)
	if !ok {
		return fmt.Errorf("%s is not in %s", item, set.Root)
	}
	name := filepath.Join(s.folder, placing.Folder(p.Cluster, p.Name), placing.Local(item))
	if !s.link {
		content, err := set.Read(i, nil)
		if err != nil {
			return err
		}
		if set.Nameless(i) {
			name += pixels.Extension(content)
		}
		var modified time.Time
		if file, own := set.File(i); own {
			if stat, err := os.Stat(file); err == nil {
				modified = stat.ModTime()
			}
		}
		if into := filepath.Dir(name); !s.swept[into] {
			s.swept[into] = true
			atomicfile.Sweep(into)
		}
		_, err = placing.Copy(name, content, modified)
		return err
	}
	file, own := set.File(i)
	if !own {
		return fmt.Errorf("%s lies in an archive, where no link leads", item)
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	_, err = placing.Link(name, target)
	return err
}
