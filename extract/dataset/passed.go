package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"iconic/internal/plural"
	"iconic/internal/table"
)

// Passed is a kind of entry that was skipped while the set was listed.
type Passed struct {
	What    string // the kind in words, in the plural: "folders without read permission"
	Count   int
	Example string // the first one
}

// pass counts a skipped entry.
func (s *Set) pass(what, example string) {
	i := slices.IndexFunc(s.Passed, func(p Passed) bool { return p.What == what })
	if i < 0 {
		i = len(s.Passed)
		s.Passed = append(s.Passed, Passed{What: what, Example: example})
	}
	s.Passed[i].Count++
}

// Note says in one sentence what was skipped and why, and which assumptions were made; empty if there is nothing to say.
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
	var said []string
	if s.classesBy != "" {
		said = append(said, fmt.Sprintf("classes by the column %q", s.classesBy))
	}
	if s.header != "" {
		said = append(said, fmt.Sprintf("first line taken for the name of the column: %q", s.header))
	}
	if n := len(s.escaped); n > 0 {
		said = append(said, fmt.Sprintf("classes by folders whose names are not UTF-8: %d (such as %s)", n, slices.Min(slices.Collect(maps.Keys(s.escaped)))))
	}
	if n, such := table.LookAlike(s.Classes); n > 0 {
		said = append(said, fmt.Sprintf("classes whose names differ only in their Unicode form, in invisible characters or in blanks at an end: %d (such as %s)", n, such))
	}
	said = append(said, s.oddNames()...)
	if n := s.unlabelled(); n > 0 && s.labelled {
		said = append(said, fmt.Sprintf("images without a label (none, NaN or negative): %d", n))
	} else if n > 0 {
		said = append(said, fmt.Sprintf("images without a label (in no folder of a class): %d", n))
	}
	said = append(said, s.doubtful()...)
	if s.completed > 0 {
		said = append(said, fmt.Sprintf("extensions added to names that lacked them: %d", s.completed))
	}
	if s.reformed > 0 {
		said = append(said, fmt.Sprintf("files found under another Unicode form of their names: %d", s.reformed))
	}
	if note := s.missingNote(); note != "" {
		said = append(said, note)
	}
	if n := len(s.lacked); n > 0 {
		said = append(said, fmt.Sprintf("files of %s that are missing: %d (%s)", s.lackedOf, n, strings.Join(s.lacked, ", ")))
	}
	if len(parts) > 0 {
		said = append(said, "passed over: "+strings.Join(parts, "; "))
	}
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: images listed: %d; %s", s.Root, len(s.Items), strings.Join(said, "; "))
}

// oddNames says which classes have names that stand for a missing value elsewhere, or are one number in several spellings.
func (s *Set) oddNames() (said []string) {
	if !s.written && !s.byFolders {
		return nil
	}
	labels := make([]int, len(s.Items))
	for i, item := range s.Items {
		labels[i] = item.Label
	}
	if n, such := table.Missing(s.Classes, labels); n > 0 {
		way := "leave the labels empty"
		if !s.written {
			way = "call the folder unlabeled"
		}
		said = append(said, fmt.Sprintf("images in classes called like a missing value: %d (%s); %s if they have no label", n, such, way))
	}
	if n, such := table.SameNumber(s.Classes); n > 0 {
		said = append(said, fmt.Sprintf("classes that are one number written differently: %d (such as %s)", n, such))
	}
	return said
}

// unlabelled counts the images to which the column of labels, .cls members, binary files, or folders of classes give none, apart from those of a
// binary file that has none, and of a folder for images without labels.
func (s *Set) unlabelled() (n int) {
	byFolders := s.byFolders && len(s.Classes) > 0
	if !s.labelled && !byFolders {
		return 0
	}
	for _, item := range s.Items {
		if item.Label < 0 && (s.Raw == nil && !byFolders || item.Split != unlabeledSplit) {
			n++
		}
	}
	return n
}

// Whole fails if folders could not be read, or links could not be followed that may lead to folders: what they hold is unknown, so images that
// the set lacks may exist.
func (s *Set) Whole() error {
	for _, p := range s.Passed {
		if p.What == unreadable || p.What == brokenLink {
			return fmt.Errorf("%s: %s (such as %s), so what is behind them is unknown: repair or remove them", s.Root, counted(p.Count, p.What), p.Example)
		}
	}
	return nil
}

// counted puts a number before a plural; 1 takes the singular.
func counted(n int, words string) string {
	one, ok := singular[words]
	if !ok {
		one = words
	}
	return plural.Of(n, one, words)
}

// The reasons for skipping entries.
const (
	byName         = "files"
	systemFolder   = "system folders"
	unreadable     = "folders without read permission"
	brokenLink     = "links that cannot be followed"
	notRegular     = "pipes, sockets or devices"
	archives       = "archives beside the images"
	deadLinks      = "links to no file in the archive"
	comments       = "comments"
	unknownColumns = "unrecognised columns"
	unknownSplits  = "unrecognised names of splits"
	sparse         = "sparse members of an archive"
	besideRecords  = "images beside the records"
	besideImages   = "Parquet files beside the images"
	besideTables   = "archives beside the Parquet files"
	noColumn       = "Parquet files without a column of images"
	otherColumns   = "columns beside images and labels"
	unfitColumns   = "columns named like labels that cannot hold labels"
	folderColumns  = "columns in the names of folders that are not read"
	hiddenFolder   = "hidden folders"
	hiddenImage    = "hidden files with names of images"
	systemFile     = "files in system folders"
	outside        = "members whose names point outside their archive"
	strayClasses   = ".cls members that fit no image"
	afterEnd       = "archives with bytes after their end that are no members"
)

var singular = map[string]string{
	byName: "file", systemFolder: "system folder", unreadable: "folder without read permission",
	brokenLink: "link that cannot be followed",
	comments:   "comment", unknownColumns: "unrecognised column", unknownSplits: "unrecognised name of a split",
	notRegular: "pipe, socket or device", archives: "archive beside the images", deadLinks: "link to no file in the archive",
	sparse:        "sparse member of an archive",
	besideRecords: "image beside the records",
	besideTables:  "archive beside the Parquet files",
	besideImages:  "Parquet file beside the images", noColumn: "Parquet file without a column of images", otherColumns: "column beside images and labels",
	unfitColumns:  "column named like labels that cannot hold labels",
	folderColumns: "column in the names of folders that is not read",
	hiddenFolder:  "hidden folder", hiddenImage: "hidden file with the name of an image",
	systemFile: "file in a system folder", outside: "member whose name points outside its archive",
	strayClasses: ".cls member that fits no image", afterEnd: "archive with bytes after its end that are no members",
}

// mostNames bounds the number of extensions that a note lists.
const mostNames = 8

// ignored lists the number of skipped files by extension, the most frequent first.
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
		called := cmp.Or(e, "without extension")
		if strings.ContainsFunc(e, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			called = strconv.Quote(e)
		}
		parts = append(parts, fmt.Sprintf("%d %s", s.Ignored[e], called))
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%d others", others))
	}
	return strings.Join(parts, ", ")
}
