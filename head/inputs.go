package head

import (
	"fmt"
	"slices"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/option"
)

// unlabelled counts the labels below 0, which stand for none.
func unlabelled(labels []int) (n int) {
	for _, l := range labels {
		if l < 0 {
			n++
		}
	}
	return n
}

// checkInputs checks that a method has the inputs it needs beside the features f.
func checkInputs(m method.About, clusters int, f Features, in Inputs) error {
	n := f.Len()
	if in.Second != nil {
		if err := matrix.Check(in.Second); err != nil {
			return fmt.Errorf("second set: %w", err)
		}
	}
	switch m.Needs {
	case method.NeedsLabels:
		if in.Labels == nil {
			return option.Errorf("Labels", "method %s learns from labels, but there are none", m.Name)
		}
		if len(in.Labels) != n {
			return fmt.Errorf("method %s: %d labels for %d images", m.Name, len(in.Labels), n)
		}
		if none := unlabelled(in.Labels); none > 0 {
			return fmt.Errorf("method %s learns from labels, but %d of %s %s none: label every image, or leave out those without a label", m.Name, none, plural.Of(n, "image", "images"), plural.Word(none, "has", "have"))
		}
		if classes := 1 + slices.Max(append([]int{-1}, in.Labels...)); classes > clusters {
			return fmt.Errorf("method %s learns the %d classes of the labels, which do not fit into %d clusters: ask for at least %d, or leave the number of clusters out", m.Name, classes, clusters, classes)
		}
	case method.NeedsViews:
		if len(in.Views) == 0 {
			return option.Errorf("Views", "method %s compares views of an image, but the features have only one", m.Name)
		}
	case method.NeedsSecond:
		if in.Second == nil {
			return option.Errorf("Second", "method %s pairs two sets of features, but there is only one", m.Name)
		}
	case method.NeedsEdges:
		if len(in.Edges) == 0 {
			return option.Errorf("Edges", "method %s draws a graph, but there is none", m.Name)
		}
		if _, err := icon.Graph(n, in.Edges); err != nil {
			return err
		}
	}
	for k, v := range in.Views {
		if err := matrix.Check(v); err != nil {
			return fmt.Errorf("view %d: %w", k, err)
		}
		if v.Len() != n {
			return fmt.Errorf("view %d has %d rows, the features %d: want the same images in the same order", k, v.Len(), n)
		}
		if v.Dim() != f.Dim() {
			return fmt.Errorf("view %d has rows of %d numbers, the features of %d: want features by the same encoder", k, v.Dim(), f.Dim())
		}
	}
	if in.Second != nil && in.Second.Len() != n {
		return fmt.Errorf("the second set has %d rows, the first %d: want the same images in the same order", in.Second.Len(), n)
	}
	return nil
}

// ValidateInputs checks that the method of c has the inputs it needs beside the features f, that they fit those, and
// that rows as wide do not need far too much memory. It reads none.
func (c Config) ValidateInputs(f Features, in Inputs) error {
	m, err := methods.Find(c.Method)
	if err != nil {
		return err
	}
	if err := checkInputs(m.About(), c.Clusters, f, in); err != nil {
		return err
	}
	r, err := c.recipe(m)
	if err != nil {
		return err
	}
	return checkSize(r, f, in)
}

// checkSize checks that a recipe does not need far too much memory for features as wide as f.
func checkSize(r method.Recipe, f Features, in Inputs) error {
	s, sized := r.(method.Sized)
	if !sized {
		return nil
	}
	second := 0
	if in.Second != nil {
		second = in.Second.Dim()
	}
	return s.CheckSize(f.Dim(), second)
}
