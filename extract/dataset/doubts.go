package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// doubts are examples of folders that could be read in another way than they are; "": there are none.
type doubts struct {
	beside string   // beside folders of splits, and none itself
	apart  string   // set apart as unlabeled, beside folders that are no splits
	sole   string   // the only one in its split, which is a class that the other splits do not have
	class  string   // called like a split and divided, but read as a class
	inside string   // called like a split, inside the folder of a class
	named  []string // all classes, if all are called like splits in longer names
}

// doubt looks for folders that are called like splits, where no folders are read as splits. Others is one that is not called so, at the depth of the classes.
func (l *layout) doubt(top int, others string) {
	divided, named, first, inside := map[string]string{}, map[string]bool{}, "", map[string]bool{}
	for _, f := range l.folders {
		if len(f) <= top {
			continue
		}
		named[f[top]] = true
		if len(f) == top+1 {
			continue
		}
		if splitOf(f[top]) != "" && others != "" {
			switch below, seen := divided[f[top]]; {
			case !seen:
				divided[f[top]] = f[top+1]
			case below != f[top+1] && l.doubts.class == "":
				l.doubts.class = f[top]
			}
		}
		if split := splitOf(f[top+1]); split != "" && split != unlabeledSplit {
			inside[split] = true
			if name := strings.Join(f[:top+2], "/"); first == "" || name < first {
				first = name
			}
		}
	}
	if len(inside) > 1 {
		l.doubts.inside = first
	}
	splits := map[string]bool{}
	for name := range named {
		splits[splitOfWords(name)] = true
	}
	if len(splits) > 1 && !splits[""] {
		l.doubts.named = slices.Sorted(maps.Keys(named))
	}
}

// splitOfWords is the split that a word of a folder's name names, with or without a year or number after it.
func splitOfWords(folder string) string {
	return cmp.Or(splitOfName(folder), splitOfName(strings.TrimRight(folder, "0123456789")))
}

// doubtful says in parts of a sentence how folders were read that could be read otherwise.
func (s *Set) doubtful() (said []string) {
	d := &s.doubts
	inSplit := func(split string) (n int) {
		for _, item := range s.Items {
			if item.Split == split {
				n++
			}
		}
		return n
	}
	if n := inSplit(""); d.beside != "" && n > 0 {
		said = append(said, fmt.Sprintf("images in no folder of a split: %d (beside the splits lies the folder %s)", n, d.beside))
	}
	if n := inSplit(unlabeledSplit); d.apart != "" && n > 0 {
		said = append(said, fmt.Sprintf("images set apart as unlabeled: %d (in the folder %s)", n, d.apart))
	}
	if d.sole != "" {
		said = append(said, fmt.Sprintf("class of one split only, whose only folder it is: %s", d.sole))
	}
	if d.class != "" {
		said = append(said, fmt.Sprintf("folder called like a split but read as a class, since others lie beside it: %s", d.class))
	}
	if d.inside != "" {
		said = append(said, fmt.Sprintf("folders called like splits inside those of classes are not read as splits (such as %s)", d.inside))
	}
	if n := len(d.named); n > 0 {
		said = append(said, fmt.Sprintf("classes called like splits: %d (%s); if they are splits, call the folders train, val and test", n, strings.Join(d.named[:min(n, mostNames)], ", ")))
	}
	return said
}
