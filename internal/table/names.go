package table

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a column holds, by its name.
type Kind int

// The kinds of columns.
const (
	Unknown Kind = iota
	Path
	Label
	Split
)

// kinds are the names by which tools and people call columns, without blanks, dashes and underscores.
var kinds = map[string]Kind{
	"path": Path, "paths": Path, "file": Path, "files": Path, "filename": Path, "filepath": Path, "image": Path, "images": Path,
	"img": Path, "imagepath": Path, "imagefile": Path, "imagefilename": Path, "imagename": Path, "imgpath": Path, "imgname": Path, "imgfile": Path, "picture": Path,
	"photo": Path, "photopath": Path, "photoname": Path, "fname": Path, "filenames": Path, "filepaths": Path, "imagepaths": Path, "imagefilepath": Path,
	"label": Label, "labels": Label, "class": Label, "classes": Label, "target": Label, "targets": Label, "category": Label,
	"classname": Label, "labelname": Label, "classid": Label, "labelid": Label, "cls": Label, "finelabel": Label, "species": Label, "categoryname": Label, "categoryid": Label, "categories": Label,
	"classlabel": Label, "targetclass": Label, "classnames": Label, "groundtruth": Label, "classidx": Label, "classindex": Label,
	"split": Split, "splits": Split, "subset": Split, "partition": Split,
}

// KindOf is the kind of a column of that name.
func KindOf(name string) Kind {
	plain := strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(strings.Trim(name, " \t#")))
	return kinds[plain]
}

// Find gives the column of a kind, or −1 if there is none. Where several columns are of that kind it fails, unless one
// bears the plain name that stands first: preferred.
func (t *Table) Find(kind Kind, preferred string) (int, error) {
	var found []int
	for c, name := range t.Header {
		if KindOf(name) == kind {
			if strings.EqualFold(name, preferred) {
				return c, nil
			}
			found = append(found, c)
		}
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
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = t.Header[c]
	}
	return -1, fmt.Errorf("the columns %q say different things: leave one of them, or call the one that counts %q", names, preferred)
}

// same tells whether columns part the rows alike, as numbers of classes and their names do.
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

// Cells gives the trimmed cells of a column.
func (t *Table) Cells(column int) []string {
	cells := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		cells[i] = strings.TrimSpace(row[column])
	}
	return cells
}

// IsImage tells by the extension whether a name is that of an image file.
func IsImage(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	return dot >= 0 && slices.Contains(images, strings.ToLower(name[dot:]))
}

// images are the extensions of what is read, and of what is named where it is refused.
var images = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
	".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k"}
