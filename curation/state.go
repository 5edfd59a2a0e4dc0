package curation

import (
	"errors"
	"fmt"
	"slices"
)

// Base is the clustering that a curation starts from.
type Base struct {
	Cluster []int    // cluster of each image, 0 … Clusters−1
	Names   []string // names of the clusters, "" for one without
	Dim     int      // dimension of the features; 0 if they are unknown and nothing can be split
}

// Cluster is the current state of a cluster.
type Cluster struct {
	Name     string
	Reviewed bool
	Merged   int // cluster into which it was merged; −1: none
}

// State is a clustering under a curation.
type State struct {
	Clusters []Cluster
	Of       []int  // cluster of each image
	Excluded []bool // whether each image is left out

	base   Base
	routes []*Route
	done   []Step // steps in effect
	undone []Step // steps that were undone, the latest last
	taken  int    // number of steps, undo and redo included
}

// ErrNothing is in the chain of the error of an undo or redo that has no step to act on.
var ErrNothing = errors.New("nothing to undo or redo")

// New is the state before any step.
func New(b Base) (*State, error) {
	for i, c := range b.Cluster {
		if c < 0 || c >= len(b.Names) {
			return nil, fmt.Errorf("curation: image %d is in cluster %d of %d", i, c, len(b.Names))
		}
	}
	s := &State{base: b}
	s.reset()
	return s, nil
}

func (s *State) reset() {
	k := len(s.base.Names)
	s.Clusters, s.routes = make([]Cluster, k), make([]*Route, k)
	for c, name := range s.base.Names {
		s.Clusters[c] = Cluster{Name: name, Merged: -1}
		s.routes[c] = &Route{Cluster: c}
	}
	s.Of = slices.Clone(s.base.Cluster)
	s.Excluded = make([]bool, len(s.Of))
}

// Reassigns reports whether an image is left out, or in another cluster than in the clustering that the curation began with.
func (s *State) Reassigns() bool {
	return slices.Contains(s.Excluded, true) || !slices.Equal(s.Of, s.base.Cluster)
}

// Taken is the number of steps ever taken, undo and redo included.
func (s *State) Taken() int { return s.taken }

// Steps are the steps in effect, in order. The slice is shared.
func (s *State) Steps() []Step { return s.done }

// CanRedo reports whether there is an undone step to apply again.
func (s *State) CanRedo() bool { return len(s.undone) > 0 }

// Own reports whether c is a cluster that exists and was not merged into another.
func (s *State) Own(c int) bool { return c >= 0 && c < len(s.Clusters) && s.Clusters[c].Merged < 0 }

// Into is the cluster of which cluster c has become a part, by one merge or several: c itself if it was not merged into another.
func (s *State) Into(c int) int {
	for s.Clusters[c].Merged >= 0 {
		c = s.Clusters[c].Merged
	}
	return c
}

// Check returns the reason why a step cannot be taken, nil if it can.
func (s *State) Check(step Step) error {
	var err error
	switch step.Kind {
	case Undo:
		if len(s.done) == 0 {
			err = ErrNothing
		}
	case Redo:
		if len(s.undone) == 0 {
			err = ErrNothing
		}
	default:
		err = s.check(step)
	}
	if err != nil && step.Kind != Rename { // whose errors say what they are about
		err = fmt.Errorf("%s: %w", step.Kind, err)
	}
	return err
}

// Apply takes a step. A step that cannot be taken changes nothing.
func (s *State) Apply(step Step) error {
	if err := s.Check(step); err != nil {
		return err
	}
	s.taken++
	switch step.Kind {
	case Undo:
		s.undone = append(s.undone, s.done[len(s.done)-1])
		s.replay(s.done[:len(s.done)-1])
	case Redo:
		last := s.undone[len(s.undone)-1]
		s.undone = s.undone[:len(s.undone)-1]
		s.take(last)
	default:
		s.undone = nil
		s.take(step)
	}
	return nil
}

// replay computes the state after the given steps, which were checked when they were taken.
func (s *State) replay(steps []Step) {
	s.reset()
	s.done = make([]Step, 0, len(steps))
	for _, step := range steps {
		s.take(step)
	}
}

// check refuses a step that does not fit the state.
func (s *State) check(step Step) error {
	newest := len(s.Clusters)
	if !s.Own(step.Cluster) && !(step.Kind == Move && step.Cluster == newest) && step.Kind != Exclude && step.Kind != Include {
		return s.missing(step.Cluster)
	}
	switch step.Kind {
	case Rename:
		return checkStored(step.Name)
	case Review:
		return nil
	case Merge:
		return s.checkMerge(step)
	case Split:
		return s.checkSplit(step)
	case Move, Exclude, Include:
		return s.checkImages(step.Images)
	}
	return fmt.Errorf("step %q is unknown: a newer version may have written it", step.Kind)
}

// missing says that there is no cluster c, and what became of it.
func (s *State) missing(c int) error {
	if c >= 0 && c < len(s.Clusters) {
		return fmt.Errorf("there is no cluster %d: it was merged into cluster %d", c, s.Into(c))
	}
	return fmt.Errorf("there is no cluster %d", c)
}

func (s *State) checkMerge(step Step) error {
	if len(step.From) == 0 {
		return errors.New("no cluster is named to merge")
	}
	for k, c := range step.From {
		if !s.Own(c) || c == step.Cluster || slices.Contains(step.From[:k], c) {
			return fmt.Errorf("cluster %d cannot become part of cluster %d", c, step.Cluster)
		}
	}
	return nil
}

func (s *State) checkSplit(step Step) error {
	if step.New != len(s.Clusters) {
		return fmt.Errorf("the new cluster has number %d: want %d", step.New, len(s.Clusters))
	}
	if step.Centres == nil || s.base.Dim == 0 || len(step.Centres[0]) != s.base.Dim || len(step.Centres[1]) != s.base.Dim {
		return fmt.Errorf("a split needs two centres of %d features", s.base.Dim)
	}
	for _, centre := range step.Centres {
		if slices.ContainsFunc(centre, func(x float32) bool { return x-x != 0 }) {
			return errors.New("a centre is not finite")
		}
	}
	if err := s.checkImages(step.Images); err != nil {
		return err
	}
	for _, i := range step.Images {
		if s.Of[i] != step.Cluster {
			return fmt.Errorf("image %d is in cluster %d, not in %d", i, s.Of[i], step.Cluster)
		}
	}
	return nil
}

func (s *State) checkImages(images []int) error {
	if len(images) == 0 {
		return errors.New("no image is named")
	}
	for k, i := range images {
		if i < 0 || i >= len(s.Of) || k > 0 && i <= images[k-1] {
			return fmt.Errorf("image %d is out of order, or not one of %d", i, len(s.Of))
		}
	}
	return nil
}

// take applies a step that was checked.
func (s *State) take(step Step) {
	switch step.Kind {
	case Rename:
		s.Clusters[step.Cluster].Name = step.Name
	case Review:
		s.Clusters[step.Cluster].Reviewed = step.Reviewed
	case Merge:
		s.merge(step)
	case Split:
		s.Clusters = append(s.Clusters, Cluster{Merged: -1})
		for _, i := range step.Images {
			s.Of[i] = step.New
		}
		for _, r := range s.routes {
			r.split(step.Cluster, step.New, step.Centres)
		}
	case Move:
		if step.Cluster == len(s.Clusters) {
			s.Clusters = append(s.Clusters, Cluster{Merged: -1})
		}
		for _, i := range step.Images {
			s.Of[i] = step.Cluster
		}
	case Exclude, Include:
		for _, i := range step.Images {
			s.Excluded[i] = step.Kind == Exclude
		}
	}
	s.done = append(s.done, step)
}

func (s *State) merge(step Step) {
	part := make([]bool, len(s.Clusters))
	for _, c := range step.From {
		part[c] = true
		s.Clusters[c].Merged = step.Cluster
	}
	for i, c := range s.Of {
		if part[c] {
			s.Of[i] = step.Cluster
		}
	}
	for _, r := range s.routes {
		r.merge(part, step.Cluster)
	}
}

// Names are the names of all clusters, "" for a cluster without one and for one merged into another.
func (s *State) Names() []string {
	names := make([]string, len(s.Clusters))
	for c, cluster := range s.Clusters {
		if cluster.Merged < 0 {
			names[c] = cluster.Name
		}
	}
	return names
}
