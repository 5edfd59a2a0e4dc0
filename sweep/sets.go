package sweep

import (
	"cmp"
	"fmt"
	"slices"

	"iconic/comparison"
	"iconic/features"
)

// distinct leaves out sets whose runs would be those of an earlier one: with the same features and labels. A note names each.
func (s *Sweep) distinct() {
	var sets []*features.Set
	for _, set := range s.options.Sets {
		at := slices.IndexFunc(sets, func(earlier *features.Set) bool { return sameRuns(earlier, set) })
		switch {
		case at < 0:
			sets = append(sets, set)
		case sets[at].Source.Store == set.Source.Store:
			s.options.Hooks.Notef("%s is given again%s: it counts once", called(set), labels(set, " with the same labels"))
		default:
			s.options.Hooks.Notef("%s has the same features%s as %s: it counts once", called(set), labels(set, " and labels"), called(sets[at]))
		}
	}
	s.options.Sets = sets
}

// labels are words about the labels of a set; "" if it has none.
func labels(set *features.Set, words string) string {
	if set.Labels == nil {
		return ""
	}
	return words
}

// sameRuns reports whether every run on a set is one on another.
func sameRuns(a, b *features.Set) bool {
	return a.Source.Key == b.Source.Key && slices.Equal(a.Labels, b.Labels) && slices.Equal(a.Classes, b.Classes)
}

// called is the name of a set in a sentence.
func called(set *features.Set) string { return cmp.Or(set.Source.Store, "a set of a program's memory") }

// stores are short names of the sets, each another: with the file of labels where one store has several.
func (s *Sweep) stores() []string {
	var stores, labels []string
	for _, set := range s.options.Sets {
		stores, labels = append(stores, set.Source.Store), append(labels, set.LabelsFile)
	}
	names, files := comparison.ShortNames(stores), comparison.ShortNames(labels)
	named := map[string]int{}
	for k := range names {
		if slices.Index(stores, stores[k]) == k && !slices.Contains(stores[k+1:], stores[k]) {
			continue
		}
		if labels[k] == "" {
			names[k] += " without labels"
		} else {
			names[k] += " with " + files[k]
		}
		if named[names[k]]++; named[names[k]] > 1 {
			names[k] = fmt.Sprintf("%s (%d)", names[k], named[names[k]])
		}
	}
	return names
}
