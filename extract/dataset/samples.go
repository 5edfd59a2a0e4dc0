package dataset

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"iconic/internal/table"
)

// labelArchives labels items by the .cls members of the WebDataset convention or, if none fits an image, by the folders in the archives.
func (s *Set) labelArchives(from LabelsFrom, inFolder bool, classes map[string]string) error {
	bySample := map[string][]string{} // names of .cls members without the extension
	for name := range classes {
		bySample[sample(name)] = append(bySample[sample(name)], name)
	}
	for _, members := range bySample {
		slices.Sort(members)
	}
	if !slices.ContainsFunc(s.Items, func(item Item) bool { return bySample[sample(item.Path)] != nil }) {
		s.labelMembers(from, inFolder)
		s.passClasses(from, classes, nil)
		return nil
	}
	names := make([]string, len(s.Items))
	if from != None {
		used, err := s.classesOfSamples(names, classes, bySample)
		if err != nil {
			return err
		}
		s.passClasses(from, classes, used)
	}
	s.labelled = from != None
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

// labelMembers labels items by the folders inside the archives; the archives' own names do not count as folders.
func (s *Set) labelMembers(from LabelsFrom, inFolder bool) {
	if !inFolder {
		s.labelByFolder(from)
		return
	}
	full := make([]string, len(s.Items))
	for i := range s.Items {
		full[i] = s.Items[i].Path
		_, s.Items[i].Path, _ = strings.Cut(full[i], "/")
	}
	s.labelByFolder(from)
	for i := range s.Items {
		s.Items[i].Path = full[i]
	}
}

// classesOfSamples gives each image the class in the .cls member of the same name or, if there is none, of its sample, and returns the
// members that it used. Members that contradict each other about an image are an error.
func (s *Set) classesOfSamples(names []string, classes map[string]string, bySample map[string][]string) (used map[string]bool, err error) {
	used = map[string]bool{}
	for i, item := range s.Items {
		own := withoutExtension(item.Path)
		key := sample(item.Path)
		class, named := classes[own]
		if named {
			used[own] = true
		}
		for _, member := range bySample[key] {
			if named && member != key {
				continue
			}
			used[member] = true
			switch other := classes[member]; {
			case class == "" && !named:
				class = other
			case other != class:
				return nil, fmt.Errorf("%s: the .cls members of %s disagree: %q and %q", s.Root, item.Path, class, other)
			}
		}
		names[i] = class
	}
	return used, nil
}

// sample is the WebDataset key: the path up to the first dot of its last element.
func sample(name string) string {
	folder, file := path.Split(name)
	key, _, _ := strings.Cut(file, ".")
	return folder + key
}
