package dataset

import (
	"maps"
	"slices"
	"strings"
)

// splitNames maps the words for splits, in lower case, to splits.
var splitNames = map[string]string{
	"train": "train", "training": "train",
	"val": "val", "valid": "val", "validation": "val", "dev": "val",
	"test": "test", "testing": "test", "eval": "test", "evaluation": "test",
	unlabeledSplit: unlabeledSplit, "unlabelled": unlabeledSplit, "unsupervised": unlabeledSplit,
}

// unlabeledSplit is the split of images that have no labels.
const unlabeledSplit = "unlabeled"

// containerNames are names, in lower case, of folders that hold the images of a split without naming a class.
var containerNames = []string{
	"images", "image", "imgs", "img", "pictures", "pics", "photos", "data", "files", "frames", "jpg", "jpegs", "jpeg", "jpegimages", "png", "pngs",
}

// labelByFolder sets splits and labels from the folders in the items' paths.
func (s *Set) labelByFolder(from LabelsFrom) {
	folders := make([][]string, len(s.Items))
	for i, item := range s.Items {
		folders[i] = above(item.Path)
	}
	s.labelBy(folders, from)
}

// above are the folders of a path.
func above(path string) []string {
	parts := strings.Split(path, "/")
	return parts[:len(parts)-1]
}

// labelBy sets splits and labels from the folders of each item.
func (s *Set) labelBy(folders [][]string, from LabelsFrom) {
	s.byFolders = len(s.Items) > 0
	l := readLayout(folders)
	names := make([]string, len(s.Items))
	known := map[string]bool{"": true}
	for i := range s.Items {
		s.Items[i].Split = l.split[i]
		if from != None && !l.stray[i] {
			names[i] = s.text(className(folders[i], l.depth[i], from))
			known[names[i]] = true
		}
	}
	for i, f := range folders { // these name no classes of their own
		for depth := l.depth[i]; from != None && l.stray[i] && names[i] == "" && depth < len(f); depth++ {
			if name := className(f, depth, from); known[name] {
				names[i] = name
			}
		}
	}
	s.label(names, strings.Compare)
	s.doubts = l.doubts
	if from == None {
		s.doubts.sole, s.doubts.class, s.doubts.named = "", "", nil
	}
}

// className is the folder that names the class of an image, where classes are folders at the given depth; "" if none does.
func className(folders []string, depth int, from LabelsFrom) string {
	if len(folders) <= depth || isUnlabeled(folders[depth]) {
		return ""
	}
	name := folders[depth]
	if from == Last {
		name = folders[len(folders)-1]
	}
	if isUnlabeled(name) {
		return ""
	}
	return name
}

// holdsAll reports whether a folder's name is one of containerNames.
func holdsAll(folder string) bool { return slices.Contains(containerNames, strings.ToLower(folder)) }

func splitOf(folder string) string { return splitNames[strings.ToLower(folder)] }

func isUnlabeled(folder string) bool { return splitOf(folder) == unlabeledSplit }

// layout is what the folders of images say about them.
type layout struct {
	folders [][]string // of each image
	split   []string   // of each image; "": none
	depth   []int      // of the folder that names each image's class, among its folders
	stray   []bool     // images beside the splits or the classes: their folders name no further class
	doubts  doubts
}

// readLayout finds the folders that name splits and classes.
func readLayout(folders [][]string) *layout {
	n := len(folders)
	l := &layout{folders: slices.Clone(folders), split: make([]string, n), depth: make([]int, n), stray: make([]bool, n)}
	apart := l.setApart(skipShared(folders))
	top := skipShared(l.folders)
	splits, others := map[string]bool{}, ""
	for _, f := range l.folders {
		switch {
		case len(f) <= top:
		case splitOf(f[top]) != "":
			splits[splitOf(f[top])] = true
		case others == "" || f[top] < others:
			others = f[top]
		}
	}
	if len(splits) > 1 || len(splits) == 1 && others == "" {
		l.takeSplits(top)
		l.doubts.beside = others
		return l
	}
	l.doubts.apart = apart
	for i, f := range l.folders {
		if f != nil {
			l.depth[i] = top
		}
	}
	l.doubt(top, others)
	return l
}

// setApart takes out the images in folders called unlabeled, if there are others, and returns such a folder.
func (l *layout) setApart(top int) (folder string) {
	inside := func(f []string) bool { return len(f) > top && isUnlabeled(f[top]) }
	if !slices.ContainsFunc(l.folders, func(f []string) bool { return len(f) > top && !inside(f) }) {
		return ""
	}
	for i, f := range l.folders {
		if inside(f) {
			folder = strings.Join(f[:top+1], "/")
			l.split[i], l.stray[i], l.depth[i], l.folders[i] = unlabeledSplit, true, top+1, nil
		}
	}
	return folder
}

// takeSplits sets the splits of the images in folders of splits, and the depth of their classes.
func (l *layout) takeSplits(top int) {
	d := descent{below: map[string][][]string{}, depth: map[string]int{}}
	for i, f := range l.folders {
		switch {
		case len(f) <= top:
			continue
		case splitOf(f[top]) == "":
			l.stray[i], l.depth[i] = true, top+1
			continue
		}
		l.split[i] = splitOf(f[top])
		d.below[f[top]] = append(d.below[f[top]], f)
		d.depth[f[top]] = top + 1
	}
	for d.step() {
	}
	l.doubts.sole = d.unknown()
	for i, f := range l.folders {
		if len(f) > top && !l.stray[i] {
			l.depth[i] = d.depth[f[top]]
		}
	}
}

// descent finds the depth of the classes in each folder of a split.
type descent struct {
	below map[string][][]string // the folders of each image, by the folder of its split
	depth map[string]int        // where its classes are thought to be
}

// step descends below folders that name no classes. It returns false if there are none.
func (d *descent) step() bool {
	known := d.known()
	var next, deep []string
	several := false                        // a split has several folders
	every, names := true, map[string]bool{} // of the folders in deep: all have names that no class has
	for _, of := range slices.Sorted(maps.Keys(d.below)) {
		name, below, more := d.only(of)
		switch {
		case more:
			several = true
		case name == "" || known[name]:
		case len(below) == 0:
			if holdsAll(name) || splitOf(name) != "" && splitOf(name) == splitOf(of) {
				next = append(next, of)
			}
		case slices.ContainsFunc(below, func(name string) bool { return known[name] }):
			next = append(next, of)
		case holdsAll(name) || !slices.ContainsFunc(below, holdsAll):
			deep = append(deep, of)
			names[name] = true
			every = every && (holdsAll(name) || splitOfWords(name) != "")
		}
	}
	if !several && (len(names) == 1 || every) && len(deep)+len(next) == d.divided() {
		next = append(next, deep...)
	}
	for _, of := range next {
		d.depth[of]++
	}
	return len(next) > 0
}

// known are the names of classes in splits that have several.
func (d *descent) known() map[string]bool {
	known := map[string]bool{}
	for of := range d.below {
		if _, _, more := d.only(of); more {
			for _, f := range d.below[of] {
				if len(f) > d.depth[of] {
					known[f[d.depth[of]]] = true
				}
			}
		}
	}
	return known
}

// divided counts the splits that have folders where classes are thought to be.
func (d *descent) divided() (n int) {
	for of := range d.below {
		if only, _, more := d.only(of); only != "" || more {
			n++
		}
	}
	return n
}

// only is the one folder that all images in folders of a split share, and what is in it, if most of these images lie deeper. With more, the split has
// several folders.
func (d *descent) only(of string) (only string, below []string, more bool) {
	inside, deeper, depth := 0, 0, d.depth[of]
	for _, f := range d.below[of] {
		if len(f) <= depth {
			continue
		}
		if inside > 0 && f[depth] != only {
			return "", nil, true
		}
		only = f[depth]
		inside++
		if len(f) > depth+1 {
			deeper++
			below = append(below, f[depth+1])
		}
	}
	if 2*deeper <= inside {
		below = nil
	}
	return only, below, false
}

// unknown is the only folder of a split, where others have several classes but none of this name.
func (d *descent) unknown() string {
	known := d.known()
	for _, of := range slices.Sorted(maps.Keys(d.below)) {
		if only, _, _ := d.only(of); only != "" && len(known) > 0 && !known[only] {
			return of + "/" + only
		}
	}
	return ""
}

// skipShared counts the leading folders that are not classes because all images in folders share them: most images must lie deeper. The few
// that do not get no label.
func skipShared(folders [][]string) int {
	for shared := 0; ; shared++ {
		name, inside, deeper := "", 0, 0
		for _, f := range folders {
			if len(f) <= shared {
				continue
			}
			if inside > 0 && f[shared] != name {
				return shared
			}
			name = f[shared]
			inside++
			if len(f) > shared+1 {
				deeper++
			}
		}
		if _, split := splitNames[strings.ToLower(name)]; split || 2*deeper <= inside {
			return shared
		}
	}
}
