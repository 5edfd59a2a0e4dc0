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
		return fmt.Errorf("the name is too long: it has %d bytes in UTF-8, and at most %d are allowed", len(name), LongestName)
	case name != "" && !strings.ContainsFunc(name, visible):
		return fmt.Errorf("the name %+q has no visible character", name)
	case strings.ContainsFunc(name, turns):
		return fmt.Errorf("the name %+q has invisible characters that turn the direction of what follows: remove them", name)
	}
	return checkStored(name)
}

// visible reports whether a character of a name can be seen.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r)
}

// turns reports whether a character embeds or overrides a direction of writing.
func turns(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// checkStored refuses what no version of this package has stored as a name.
func checkStored(name string) error {
	switch {
	case len(name) > LongestName:
		return fmt.Errorf("the name has %d bytes, of at most %d", len(name), LongestName)
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the name %q has control characters, such as tabs or line breaks: remove them", name)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("the name %q begins or ends with a space: remove it", name)
	}
	return nil
}
