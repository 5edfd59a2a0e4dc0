package dataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// dotted is a set of n images with names such as clip.000001.jpg, which are all of the sample clip, and their .cls members: one for each image
// or, if they are not paired, for others.
func dotted(n int, paired bool) (s *Set, classes map[string]string) {
	s, classes = &Set{Root: "clips", Ignored: map[string]int{}}, map[string]string{}
	for i := range n {
		s.Items = append(s.Items, Item{Path: fmt.Sprintf("clip.%06d.jpg", i), Label: -1})
		if paired {
			classes[fmt.Sprintf("clip.%06d", i)] = fmt.Sprint(i % 10)
		} else {
			classes[fmt.Sprintf("clip.other%06d", i)] = "7"
		}
	}
	return s, classes
}

// However many images and .cls members a sample has, its members are compared once, and not at all for an image with a member of its own.
func TestMembersOfASampleAreComparedOnce(t *testing.T) {
	const n = 1000
	for _, paired := range []bool{true, false} {
		s, classes := dotted(n, paired)
		c := newClassFinder(classes, map[string][]string{"clip": slices.Sorted(maps.Keys(classes))})
		names := make([]string, n)
		if err := s.classesOfSamples(t.Context(), names, c); err != nil {
			t.Fatal(err)
		}
		looks, want := 0, "3"
		if !paired {
			looks, want = n, "7"
		}
		if c.looks != looks || len(c.used) != n || names[3] != want {
			t.Errorf("paired %t: %d looks at %d members, %d used, image 3 is %q: want %d looks, all used, and %q", paired, c.looks, n, len(c.used), names[3], looks, want)
		}
	}
}

// An interrupt ends the labelling of samples.
func TestLabellingSamplesEndsWithItsContext(t *testing.T) {
	s, classes := dotted(5000, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.labelArchives(ctx, First, []string{""}, classes); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
