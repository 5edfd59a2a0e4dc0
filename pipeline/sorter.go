package main

import (
	"fmt"
	"path/filepath"

	"iconic/extract/dataset"
	"iconic/internal/placing"
	"iconic/pipeline/classify"
)

// sorter puts files into a folder a cluster: copies, or symbolic links. It never overwrites, and what is there already it leaves.
type sorter struct {
	folder string
	link   bool
}

// sorter is nil where files are not to be sorted.
func (o *predictOptions) sorter() *sorter {
	switch {
	case o.copyTo != "":
		return &sorter{folder: o.copyTo}
	case o.linkTo != "":
		return &sorter{folder: o.linkTo, link: true}
	}
	return nil
}

// place sorts the file of one item of a set.
func (s *sorter) place(set *dataset.Set, item string, p classify.Prediction) error {
	i, ok := set.Find(item)
	if !ok {
		return fmt.Errorf("%s is not in %s", item, set.Root)
	}
	if set.Raw != nil {
		return usagef("the images of %s are no files: --copy-to and --link-to want a folder, a list or tar archives", set.Root)
	}
	name := filepath.Join(s.folder, placing.Folder(p.Cluster, p.Name), placing.Local(item))
	file, own := set.File(i)
	if !s.link {
		content, err := set.Read(i, nil)
		if err != nil {
			return err
		}
		_, err = placing.Copy(name, content)
		return err
	}
	if !own {
		return usagef("the images of %s lie in archives: --link-to wants files of their own, use --copy-to", set.Root)
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	_, err = placing.Link(name, target)
	return err
}
