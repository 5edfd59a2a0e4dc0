package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Passed is something that was passed over while the set was listed.
type Passed struct {
	What    string // in words, for several of them: "folders that may not be read"
	Count   int
	Example string // the first of them
}

// pass counts something as passed over.
func (s *Set) pass(what, example string) {
	i := slices.IndexFunc(s.Passed, func(p Passed) bool { return p.What == what })
	if i < 0 {
		i = len(s.Passed)
		s.Passed = append(s.Passed, Passed{What: what, Example: example})
	}
	s.Passed[i].Count++
}

// Note says in one sentence what was passed over and why, and what was understood that nobody said; empty if there is nothing of it.
func (s *Set) Note() string {
	var parts []string
	if names := s.ignored(); names != "" {
		n := 0
		for _, count := range s.Ignored {
			n += count
		}
		parts = append(parts, fmt.Sprintf("%s by their names: %s", counted(n, byName), names))
	}
	for _, p := range s.Passed {
		parts = append(parts, fmt.Sprintf("%s (such as %s)", counted(p.Count, p.What), p.Example))
	}
	note := fmt.Sprintf("%s: images read: %d", s.Root, len(s.Items))
	switch {
	case len(parts) == 0 && s.classesBy == "" && s.completed == 0:
		return ""
	case s.classesBy != "":
		note += fmt.Sprintf("; classes by the column %q", s.classesBy)
	}
	if s.completed > 0 {
		note += fmt.Sprintf("; extensions added to names that lacked them: %d", s.completed)
	}
	if len(parts) > 0 {
		note += "; passed over: " + strings.Join(parts, "; ")
	}
	return note
}

// counted puts a number before words for several of something; one has its own form.
func counted(n int, words string) string {
	if n == 1 {
		if one, ok := singular[words]; ok {
			words = one
		}
	}
	return fmt.Sprintf("%d %s", n, words)
}

// The reasons for which things are passed over.
const (
	byName         = "files"
	systemFolder   = "folders that a system keeps for itself"
	Unreadable     = "folders that may not be read"
	notRegular     = "pipes, sockets or devices"
	archives       = "archives beside the images"
	deadLinks      = "links to no image of the archive"
	comments       = "comments"
	unknownColumns = "columns of which it is not known what they are"
	sparse         = "sparse members of an archive"
	besideImages   = "Parquet files beside the images"
	noColumn       = "Parquet files without a column of images"
	otherColumns   = "columns beside images and labels"
	unfitColumns   = "columns that are called like labels and cannot be ones"
	hiddenFolder   = "hidden folders"
	hiddenImage    = "hidden files with names of images"
	systemFile     = "files in folders that a system keeps for itself"
	outside        = "members whose names lead out of their archive"
)

var singular = map[string]string{
	byName: "file", systemFolder: "folder that a system keeps for itself", Unreadable: "folder that may not be read",
	comments: "comment", unknownColumns: "column of which it is not known what it is",
	notRegular: "pipe, socket or device", archives: "archive beside the images", deadLinks: "link to no image of the archive",
	sparse:       "sparse member of an archive",
	besideImages: "Parquet file beside the images", noColumn: "Parquet file without a column of images", otherColumns: "column beside images and labels",
	unfitColumns: "column that is called like labels and cannot be ones",
	hiddenFolder: "hidden folder", hiddenImage: "hidden file with the name of an image",
	systemFile: "file in a folder that a system keeps for itself", outside: "member whose name leads out of its archive",
}

// mostNames bounds the kinds of names that a note tells of.
const mostNames = 8

// ignored lists how many files were passed over by their extensions, the most frequent first.
func (s *Set) ignored() string {
	extensions := slices.SortedFunc(maps.Keys(s.Ignored), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Ignored[b], s.Ignored[a]), strings.Compare(a, b))
	})
	var parts []string
	others := 0
	for i, e := range extensions {
		if i >= mostNames {
			others += s.Ignored[e]
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", s.Ignored[e], cmp.Or(e, "without extension")))
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%d others", others))
	}
	return strings.Join(parts, ", ")
}
