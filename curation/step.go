package curation

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of a step.
type Kind string

// The kinds of steps, and the fields of Step each one reads.
const (
	Rename  Kind = "rename"  // Cluster gets Name, "" for none
	Merge   Kind = "merge"   // From are merged into Cluster
	Split   Kind = "split"   // Images of Cluster become the cluster New, by Centres
	Move    Kind = "move"    // Images go to Cluster, which may be the next new one
	Exclude Kind = "exclude" // Images are left out
	Include Kind = "include" // Images are no longer left out
	Review  Kind = "review"  // Cluster is marked as reviewed or not, by Reviewed
	Undo    Kind = "undo"    // the last step in effect is undone
	Redo    Kind = "redo"    // the last undone step is applied again
)

// Step is one change. Clusters are numbers: those of the head first, then new ones in the order in which they were made.
type Step struct {
	Kind     Kind      `json:"step"`
	Time     time.Time `json:"time,omitzero"`
	Cluster  int       `json:"cluster"`
	Name     string    `json:"name,omitempty"`
	From     []int     `json:"from,omitempty"`
	New      int       `json:"new,omitempty"`
	Images   []int     `json:"images,omitempty"`  // rows of the run, ascending
	Centres  *Centres  `json:"centres,omitempty"` // centres of a split
	Reviewed bool      `json:"reviewed,omitempty"`
}

// Centres are the two means of a split in feature space: images nearer to the second, in Euclidean distance, are in New.
type Centres [2][]float32

// LongestName is the largest number of bytes in a name.
const LongestName = 200

// CheckName refuses what cannot be a cluster's name. The empty name means none.
func CheckName(name string) error {
	switch {
	case len(name) > LongestName:
		return fmt.Errorf("a name of %d bytes: want at most %d", len(name), LongestName)
	case !utf8.ValidString(name):
		return fmt.Errorf("name %q is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name %q has control characters", name)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("name %q begins or ends with a space", name)
	}
	return nil
}
