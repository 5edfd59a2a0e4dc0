package dataset

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"iconic/internal/table"
)

// labelArchives labels items by the .cls members of the WebDataset convention or, if none fits an image, by the folders in the archives. The path of an
// item begins with the prefix of its archive.
func (s *Set) labelArchives(ctx context.Context, from LabelsFrom, prefixes []string, classes map[string]string) error {
	bySample := map[string][]string{} // names of .cls members without the extension
	for name := range classes {
		bySample[sample(name)] = append(bySample[sample(name)], name)
	}
	for _, members := range bySample {
		slices.Sort(members)
	}
	if !slices.ContainsFunc(s.Items, func(item Item) bool { return bySample[sample(item.Path)] != nil }) {
		s.labelBy(s.foldersOfMembers(prefixes), from)
		s.passClasses(from, classes, nil)
		return nil
	}
	names := make([]string, len(s.Items))
	if from != None {
		c := newClassFinder(classes, bySample)
		err := s.classesOfSamples(ctx, names, c)
		if err != nil {
			return err
		}
		s.passClasses(from, classes, c.used)
	}
	for i, f := range s.foldersOfArchives(prefixes) {
		s.Items[i].Split = splitOfFolders(f)
	}
	s.labelled, s.written = from != None, true
	table.WholeNumbers(names)
	s.label(names, byNumber(names))
	return nil
}

// passClasses counts the .cls members that are not used.
func (s *Set) passClasses(from LabelsFrom, classes map[string]string, used map[string]bool) {
	if from == None {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		if !used[name] {
			s.pass(strayClasses, name+".cls")
		}
	}
}

// foldersOfMembers are the folders of each item: those that its archive lies in, and those in the archive, whose own name does not count as a folder.
func (s *Set) foldersOfMembers(prefixes []string) [][]string {
	folders := s.foldersOfArchives(prefixes)
	for i, item := range s.Items {
		folders[i] = slices.Concat(folders[i], above(item.Path[len(prefixes[item.container]):]))
	}
	return folders
}

// foldersOfArchives are the folders that the archive of each item lies in, without those that all archives share and that are no splits. If an archive
// lies in no further folder, there are none, as they do not tell its images from others.
func (s *Set) foldersOfArchives(prefixes []string) [][]string {
	folders := make([][]string, len(s.Items))
	of := make([][]string, len(prefixes))
	for i, prefix := range prefixes {
		of[i] = above(strings.TrimSuffix(prefix, "/"))
	}
	for {
		if slices.ContainsFunc(of, func(f []string) bool { return len(f) == 0 }) {
			return folders
		}
		first := of[0][0]
		if splitOf(first) != "" || slices.ContainsFunc(of, func(f []string) bool { return f[0] != first }) {
			break
		}
		for i := range of {
			of[i] = of[i][1:]
		}
	}
	for i, item := range s.Items {
		folders[i] = of[item.container]
	}
	return folders
}

// splitOfFolders is the split that the innermost of the folders names that names one.
func splitOfFolders(folders []string) string {
	for _, folder := range slices.Backward(folders) {
		if split := splitOf(folder); split != "" {
			return split
		}
	}
	return ""
}

// classFinder finds the class of an image among the .cls members.
type classFinder struct {
	classes  map[string]string   // content of each .cls member by its name without the extension
	bySample map[string][]string // their sorted names by sample
	ofSample map[string]string   // the class of each sample without a member of an image's own name, once it is known
	used     map[string]bool     // members that belong to an image
	looks    int                 // members that were compared with others of their sample
}

func newClassFinder(classes map[string]string, bySample map[string][]string) *classFinder {
	return &classFinder{classes: classes, bySample: bySample, ofSample: map[string]string{}, used: map[string]bool{}}
}

// find is the class in the member of the image's name or, if there is none, in those of its sample; "" if there are none. A member whose name
// is the sample's belongs to all its images. Members that contradict each other about an image are an error. A sample may have any number of
// images and members: what it says is found once.
func (c *classFinder) find(item string) (string, error) {
	own, key := withoutExtension(item), sample(item)
	if class, named := c.classes[own]; named {
		c.used[own] = true
		if of, ok := c.classes[key]; ok {
			c.used[key] = true
			if of != class {
				return "", fmt.Errorf("the .cls members of %s disagree: %q and %q", item, class, of)
			}
		}
		return class, nil
	}
	if class, known := c.ofSample[key]; known {
		return class, nil
	}
	class := ""
	for _, member := range c.bySample[key] {
		c.looks++
		c.used[member] = true
		switch other := c.classes[member]; {
		case class == "":
			class = other
		case other != class:
			return "", fmt.Errorf("the .cls members of %s disagree: %q and %q", item, class, other)
		}
	}
	c.ofSample[key] = class
	return class, nil
}

// classesOfSamples gives each image the class that is found for it.
func (s *Set) classesOfSamples(ctx context.Context, names []string, c *classFinder) (err error) {
	for i, item := range s.Items {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if names[i], err = c.find(item.Path); err != nil {
			return fmt.Errorf("%s: %w", s.Root, err)
		}
	}
	return nil
}

// sample is the WebDataset key: the path up to the first dot of its last element.
func sample(name string) string {
	folder, file := path.Split(name)
	key, _, _ := strings.Cut(file, ".")
	return folder + key
}
