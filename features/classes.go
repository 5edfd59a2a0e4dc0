package features

// WithImages is the number of classes that a row has, in a set whose labels are class numbers. A data set may name others: those that a filter left
// out, or whose images are in another split, missing or damaged. The number of clusters is that of the classes with images unless another is given.
func (s *Set) WithImages() int {
	n := 0
	for _, has := range s.withImages() {
		if has {
			n++
		}
	}
	return n
}

// FirstWithout is the name of the first class without a row; "" if each has one.
func (s *Set) FirstWithout() string {
	for c, has := range s.withImages() {
		if !has {
			return s.Classes[c]
		}
	}
	return ""
}

// withImages reports for each class whether a row has it.
func (s *Set) withImages() []bool {
	has := make([]bool, len(s.Classes))
	for _, l := range s.Labels {
		if l >= 0 && l < len(has) {
			has[l] = true
		}
	}
	return has
}

// LabelsFor are the labels for a method that learns that many clusters from them: those of the set or, if some are not below that number, those
// without the classes that have no row, counted from 0 in the order of the classes. They may still be too many.
func (s *Set) LabelsFor(clusters int) []int {
	fits := true
	for _, l := range s.Labels {
		fits = fits && l < clusters
	}
	if fits {
		return s.Labels
	}
	number, n := make([]int, len(s.Classes)), 0
	for c, has := range s.withImages() {
		number[c] = n
		if has {
			n++
		}
	}
	labels := make([]int, len(s.Labels))
	for i, l := range s.Labels {
		labels[i] = l
		if l >= 0 && l < len(number) {
			labels[i] = number[l]
		}
	}
	return labels
}
