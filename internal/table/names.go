package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Kind is the kind of a column, given by its name.
type Kind int

// The kinds of columns.
const (
	Unknown Kind = iota
	Path
	Label
	Split
)

// kinds are the usual names of columns, without blanks, dashes and underscores.
var kinds = map[string]Kind{
	"path": Path, "paths": Path, "file": Path, "files": Path, "filename": Path, "filepath": Path, "image": Path, "images": Path,
	"img": Path, "imagepath": Path, "imagefile": Path, "imagefilename": Path, "imagename": Path, "imgpath": Path, "imgname": Path, "imgfile": Path, "picture": Path,
	"photo": Path, "photopath": Path, "photoname": Path, "fname": Path, "filenames": Path, "filepaths": Path, "imagepaths": Path, "imagefilepath": Path,
	"label": Label, "labels": Label, "class": Label, "classes": Label, "target": Label, "targets": Label, "category": Label,
	"classname": Label, "labelname": Label, "classid": Label, "labelid": Label, "cls": Label, "finelabel": Label, "species": Label, "categoryname": Label, "categoryid": Label, "categories": Label,
	"classlabel": Label, "targetclass": Label, "classnames": Label, "groundtruth": Label, "classidx": Label, "classindex": Label,
	"split": Split, "splits": Split, "subset": Split, "partition": Split,
}

// KindOf is the kind of a column with that name.
func KindOf(name string) Kind {
	plain := strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(strings.Trim(name, " \t#")))
	return kinds[plain]
}

// Find returns the column of a kind, or −1 if there is none. If there are several, those with the preferred name count; it fails if more than one
// counts and they divide the rows differently.
func (t *Table) Find(kind Kind, preferred string) (int, error) {
	var found, named []int
	for c, name := range t.Header {
		if KindOf(name) == kind {
			found = append(found, c)
			if strings.EqualFold(name, preferred) {
				named = append(named, c)
			}
		}
	}
	if len(named) > 0 {
		found = named
	}
	switch len(found) {
	case 0:
		return -1, nil
	case 1:
		return found[0], nil
	}
	if t.same(found) {
		return found[0], nil
	}
	if len(named) > 0 {
		return -1, fmt.Errorf("it has %d columns called %s, which contradict each other: keep one of them, or rename the others", len(named), preferred)
	}
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = t.Header[c]
	}
	return -1, fmt.Errorf("the columns %q contradict each other: keep one of them, or name the right one %q", names, preferred)
}

// same reports whether columns divide the rows alike, as class numbers and class names do.
func (t *Table) same(columns []int) bool {
	for _, c := range columns[1:] {
		there, back := map[string]string{}, map[string]string{}
		for _, row := range t.Rows {
			a, b := row[columns[0]], row[c]
			if x, ok := there[a]; ok && x != b {
				return false
			}
			if x, ok := back[b]; ok && x != a {
				return false
			}
			there[a], back[b] = b, a
		}
	}
	return true
}

// Cells returns the trimmed cells of a column.
func (t *Table) Cells(column int) []string {
	cells := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		cells[i] = strings.TrimSpace(row[column])
	}
	return cells
}

// LookAlike counts the names of classes that equal another as a screen shows them: in another Unicode form, such as é as one character and as two, or but for
// blanks around them and format characters, such as a byte order mark or a space of no width. such is two of them, quoted.
func LookAlike(classes []string) (n int, such string) {
	form := map[string][]string{}
	for _, name := range classes {
		form[seen(name)] = append(form[seen(name)], name)
	}
	for _, name := range classes {
		if all := form[seen(name)]; len(all) > 1 {
			if n++; n == 1 {
				such = fmt.Sprintf("%+q and %+q", all[0], all[1])
			}
		}
	}
	return n, such
}

// seen is what a screen shows of a name.
func seen(name string) string {
	return norm.NFC.String(strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.Is(unicode.Zs, r): // among them the space that does not break
			return ' '
		}
		return r
	}, name)))
}

// IsImage reports by its extension whether a name is that of an image file.
func IsImage(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	return dot >= 0 && slices.Contains(images, strings.ToLower(name[dot:]))
}

// images are the extensions of supported formats, and of formats that are refused by name.
var images = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
	".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k"}
