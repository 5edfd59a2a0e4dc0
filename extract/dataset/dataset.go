package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"iconic/internal/bucket"
	"iconic/internal/regular"
	"iconic/internal/table"
	"iconic/option"
)

// LabelsFrom says which folder in an image's path names its class.
type LabelsFrom string

// The choices. A folder that all images share and one that names a split are not classes and are skipped.
const (
	First LabelsFrom = "first" // the topmost folder, as in torchvision's ImageFolder
	Last  LabelsFrom = "last"  // the folder that contains the image
	None  LabelsFrom = "none"  // images have no labels
)

// Set makes LabelsFrom usable as a flag's value.
func (l *LabelsFrom) Set(s string) error {
	switch LabelsFrom(s) {
	case First, Last, None:
		*l = LabelsFrom(s)
		return nil
	}
	return fmt.Errorf("%q is not one of first, last, none", s)
}

func (l *LabelsFrom) String() string { return string(*l) }

// Type is the value's name in a flag's help.
func (l *LabelsFrom) Type() string { return "folder" }

// Options say how to interpret a data set.
type Options struct {
	LabelsFrom LabelsFrom // "": First
	Splits     []string   // keep only these splits, such as "train"; empty: all

	LabelsChosen bool `json:"-"` // LabelsFrom is a choice, and no default: data whose classes are not named by folders are refused with it, unless it is None

	// The columns of Parquet files; "": found by metadata and name.
	ImageColumn string `json:",omitempty"`
	LabelColumn string `json:",omitempty"`

	Memory int64 `json:"-"` // bytes for labels of Parquet files while they are listed; 0: half of what the machine or its control group has
}

// Item is one image of a set.
type Item struct {
	Path  string // path below the set's root, with slashes; unique
	Label int    // index into Classes; −1: none
	Split string // "train", "val", "test", "unlabeled"; "": no split
	Size  int64  // bytes as listed; 0 for a row of a Parquet file

	source    string // the file, unless it is root joined with Path
	container int    // index into Set.containers; −1: a file of its own
	offset    int64  // offset of its bytes in the container
	modified  stamp  // of its file or object, or what the archive says of its member; zero: not known
}

// Set is an open data set.
type Set struct {
	Root    string         // as given
	Classes []string       // class names in the order of labels; empty: the set has no labels
	Items   []Item         // in ascending byte order of Path
	Ignored map[string]int // number of skipped files by lower-case extension
	Passed  []Passed       // what else was skipped, and why
	Raw     *Raw           // layout of pixels in an item's bytes; nil: they are an image file

	options    Options
	containers []*container
	shelf      shelf    // of the local files among them
	remote     *remote  // where the set lies, if not on disk
	tables     []string // Parquet files that a walk of the folder found, below the root, with slashes
	kept       *pages   // of those, where their rows are the items
	completed  int      // images of a list whose extensions were missing
	reformed   int      // images of a list whose names are in another Unicode form
	classesBy  string   // a column used for the classes although its name is unknown
	missing    int      // archives or Parquet files that are missing from numbered ones
	missed     []string // the first of them
	lacked     []string // files that are missing from the data set of that name
	lackedOf   string
	header     string // the first line of a list, taken for the name of its only column
	labelled   bool   // a column, .cls members, or binary files give labels
	byFolders  bool   // folders in the paths of images give labels

	escaped map[string]bool // classes by folders whose names are not UTF-8
}

// Raw is the layout of images stored as plain pixels.
type Raw struct {
	Width, Height int
	ByColumn      bool // pixels are stored by columns; otherwise by rows
}

// RGB turns the three planes of an image into interleaved pixels, row by row.
func (r Raw) RGB(planes []byte) []byte {
	n := r.Width * r.Height
	rgb := make([]byte, 3*n)
	for y := range r.Height {
		for x := range r.Width {
			at := y*r.Width + x
			if r.ByColumn {
				at = x*r.Height + y
			}
			for c := range 3 {
				rgb[3*(y*r.Width+x)+c] = planes[c*n+at]
			}
		}
	}
	return rgb
}

// container is a file that holds many items.
type container struct {
	file     content
	modified stamp
	rows     *rows // rows of a Parquet file; nil: items are byte ranges of the file
}

// content is an open file or object.
type content interface {
	io.ReaderAt
	io.Closer
}

// holder is a file that contains items: its name below the set's root, with slashes, and its location.
type holder struct {
	name   string
	file   string         // on disk
	object *bucket.Object // in a bucket; nil: on disk
}

// open opens an archive and returns its size and stamp.
func (s *Set) open(a holder) (content, int64, stamp, error) {
	if a.object != nil {
		c, stamp := s.remote.open(*a.object)
		return c, a.object.Size, stamp, nil
	}
	f, err := s.shelf.put(a.file)
	if err != nil {
		return nil, 0, stamp{}, err
	}
	return f, f.listed.Size(), stampOf(f.listed), nil
}

// address is the name of an archive in errors.
func (s *Set) address(a holder) string {
	if a.object != nil {
		return s.remote.Name(a.object.Key)
	}
	return a.file
}

// onDisk lists archives with the given names in a folder.
func onDisk(folder string, names []string) []holder {
	all := make([]holder, len(names))
	for i, name := range names {
		all[i] = holder{name: name, file: filepath.Join(folder, filepath.FromSlash(name))}
	}
	return all
}

// ErrNoImages is in the chain of Open's error for a path that exists but contains no image.
var ErrNoImages = errors.New("holds no images")

// Open lists the data set at path. It fails if there is none, or if it contains no image. Close it after use.
func Open(ctx context.Context, path string, o Options) (_ *Set, err error) {
	o.LabelsFrom = cmp.Or(o.LabelsFrom, First)
	if o.LabelColumn != "" && o.LabelsFrom == None {
		return nil, fmt.Errorf("labels are taken from column %s and from \"none\": leave out one of the two", o.LabelColumn)
	}
	s := &Set{Root: path, Ignored: map[string]int{}, options: o, escaped: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if bucket.Is(path) {
		err = s.openRemote(ctx, path, o.LabelsFrom)
	} else {
		err = s.openLocal(ctx, o.LabelsFrom)
	}
	if err != nil {
		return nil, err
	}
	path = s.Root
	if s.kept == nil && (o.ImageColumn != "" || o.LabelColumn != "") {
		return nil, fmt.Errorf("%s has no columns: only Parquet files have columns of images and labels", path)
	}
	if o.LabelsChosen && o.LabelsFrom != None && len(s.Items) > 0 && !s.byFolders {
		return nil, option.Errorf("LabelsChosen", "%s: folders name the classes of a folder of images, and of tar archives without .cls members, only; a list has them in a column", path)
	}
	if err := s.classesAreText(); err != nil {
		return nil, err
	}
	if err := s.keep(o.Splits); err != nil {
		return nil, err
	}
	if len(s.Items) == 0 {
		return nil, fmt.Errorf("%s %w%s", path, ErrNoImages, s.others())
	}
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for i := range s.Items[1:] {
		if s.Items[i].Path == s.Items[i+1].Path {
			return nil, fmt.Errorf("%s lists %s twice", path, s.Items[i].Path)
		}
	}
	return s, nil
}

// classesAreText fails if the name of a class is not a text, since results could not show it.
func (s *Set) classesAreText() error {
	for c, name := range s.Classes {
		if utf8.ValidString(name) && !strings.Contains(name, "\x00") {
			continue
		}
		of := ""
		if i := slices.IndexFunc(s.Items, func(item Item) bool { return item.Label == c }); i >= 0 {
			of = " of " + s.Items[i].Path
		}
		return option.Errorf("LabelsFrom", "%s: the class %q%s is not a text in UTF-8: save it as one, or leave out the labels", s.Root, name, of)
	}
	return nil
}

// WithImages is the number of classes that an item has. The set may name others, such as those of a split that is left out.
func (s *Set) WithImages() int {
	has := make([]bool, len(s.Classes))
	n := 0
	for _, item := range s.Items {
		if l := item.Label; l >= 0 && !has[l] {
			has[l] = true
			n++
		}
	}
	return n
}

// openLocal lists a data set on disk.
func (s *Set) openLocal(ctx context.Context, from LabelsFrom) error {
	stat, err := os.Stat(s.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no data at %s: give a folder of images, a list of paths, tar archives, or Parquet files", s.Root)
	} else if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	list, err := s.kind(stat)
	if err != nil {
		return err
	}
	return list(ctx, from)
}

// others says, for an error, what the folder contains instead of images.
func (s *Set) others() string {
	var parts []string
	if names := s.ignored(); names != "" {
		parts = append(parts, "other files: "+names)
	}
	for _, p := range s.Passed {
		parts = append(parts, fmt.Sprintf("%s, such as %s", counted(p.Count, p.What), p.Example))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// kind recognises the kind of a data set by names alone.
func (s *Set) kind(stat fs.FileInfo) (list func(context.Context, LabelsFrom) error, err error) {
	if !stat.IsDir() {
		switch ext := strings.ToLower(filepath.Ext(s.Root)); ext {
		case ".tar":
			return s.listTars, nil
		case ".parquet":
			return s.listTable, nil
		case ".txt", ".lst", ".csv", ".tsv":
			return s.listPaths, nil
		case ".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip":
			return nil, fmt.Errorf("%s is compressed: unpack it to a folder, or to a plain .tar", s.Root)
		}
		if !table.IsImage(s.Root) && filepath.Ext(s.Root) != "" {
			return nil, fmt.Errorf("%s is a file whose extension is not that of an image, a list (.txt, .csv, .tsv), a .tar archive or a .parquet file; give the folder of the images", s.Root)
		}
		if !stat.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: s.Root, Err: regular.ErrNotRegular}
		}
		return s.listImage, nil
	}
	names, err := visible(s.Root)
	if err != nil {
		return nil, err
	}
	switch ten, hundred, stl := cifar10(), cifar100(), stl10(); {
	case ten.holdsAny(names):
		return ten.listing(s), nil
	case s.isCIFAR100(names):
		return hundred.listing(s), nil
	case stl.holdsAny(names):
		return stl.listing(s), nil
	}
	return s.listImagesOrContainers, nil
}

// listImagesOrContainers lists a folder: its images or, if it has none, the contents of its archives, or of the Parquet files in and below
// it.
func (s *Set) listImagesOrContainers(ctx context.Context, from LabelsFrom) error {
	if err := s.listFolder(ctx, from); err != nil {
		return err
	}
	names, err := visible(s.Root)
	if err != nil {
		return err
	}
	tars := slices.DeleteFunc(names, func(name string) bool { return !isTar(name) })
	slices.Sort(s.tables)
	if len(s.Items) == 0 && len(tars) > 0 && len(s.tables) == 0 {
		s.Ignored, s.Passed = map[string]int{}, nil
		return s.listTars(ctx, from)
	}
	return s.choose(ctx, from, onDisk(s.Root, tars), onDisk(s.Root, s.tables))
}

// choose continues after the images of a folder are listed: if there are none, with its archives or its Parquet files.
func (s *Set) choose(ctx context.Context, from LabelsFrom, tars, tables []holder) error {
	switch {
	case len(s.Items) > 0:
		s.passContainers(archives, ".tar", tars)
		s.passContainers(besideImages, ".parquet", tables)
	case len(tars) > 0 && len(tables) > 0:
		return fmt.Errorf("%s holds both archives (such as %s) and Parquet files (such as %s): give one or the other", s.Root, tars[0].name, tables[0].name)
	case len(tars) > 0:
		delete(s.Ignored, ".tar")
		return s.readTars(ctx, from, tars, true)
	case len(tables) > 0:
		delete(s.Ignored, ".parquet")
		s.missFiles(tables)
		return s.listTables(ctx, from, tables)
	}
	return nil
}

// passContainers reports skipped files that contain images by what they are, instead of by their extension.
func (s *Set) passContainers(why, extension string, all []holder) {
	for _, a := range all {
		s.pass(why, a.name)
		if s.Ignored[extension]--; s.Ignored[extension] <= 0 {
			delete(s.Ignored, extension)
		}
	}
}

// visible lists the names in a folder, without hidden ones.
func visible(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !hidden(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// isCIFAR100 reports whether a folder has the files of CIFAR-100. Since their names are common, their size must fit, too, unless the folder
// has nothing else.
func (s *Set) isCIFAR100(names []string) bool {
	for _, name := range [...]string{"train.bin", "test.bin"} {
		if slices.Contains(names, name) {
			stat, err := os.Stat(filepath.Join(s.Root, name))
			return err == nil && (len(names) == 1 || stat.Size()%(2+3*32*32) == 0 && stat.Size() > 0)
		}
	}
	return false
}

func isTar(name string) bool { return strings.EqualFold(filepath.Ext(name), ".tar") }

// hidden reports whether the system hides a name from users.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// foundByRepair matches the folders in which Windows' repair of a disk puts what it finds.
var foundByRepair = regexp.MustCompile(`^found\.\d{3}$`)

// keptBySystem reports whether a NAS or an operating system creates such a folder for its own use.
func keptBySystem(folder string) bool {
	switch strings.ToLower(folder) {
	case "@eadir", "@tmp", "@recycle", "@recycler", "@recently-snapshot", "@sharebin", "@synoresource", "@synoeastream", "@database",
		"@appstore", "@appdata", "@appconf", "@apphome", "@appshare", "@apptemp", "@transcode", "@synologydrive", "@cloudsync", "@sharesnap", "@quarantine", "files_trashbin", "files_versions",
		"@__thumb", ".@__thumb", "#recycle", "#snapshot", "~snapshot", ".snapshot", ".snapshots", ".zfs", "$recycle.bin", "recycler", "recycled",
		"system volume information", "lost+found", "network trash folder", "temporary items", "lost.dir", "dfsrprivate",
		".trash", ".trashes", ".thumbnails", ".appledouble", ".spotlight-v100", ".fseventsd", ".temporaryitems", ".documentrevisions-v100", "__macosx":
		return true
	}
	folder = strings.ToLower(folder)
	return strings.HasPrefix(folder, "$recycle") || strings.HasPrefix(folder, ".trash-") || foundByRepair.MatchString(folder)
}

// keep drops the items of all other splits.
func (s *Set) keep(splits []string) error {
	if len(splits) == 0 {
		return nil
	}
	var have []string
	for _, item := range s.Items {
		if !slices.Contains(have, item.Split) {
			have = append(have, item.Split)
		}
	}
	for _, split := range splits {
		if !slices.Contains(have, split) {
			slices.Sort(have)
			return fmt.Errorf("%s has no split %q; it has %q%s", s.Root, split, have, s.unknownSplits())
		}
	}
	s.Items = slices.DeleteFunc(s.Items, func(item Item) bool { return !slices.Contains(splits, item.Split) })
	return nil
}

// unknownSplits says, for an error, how many images have a split that is not recognised.
func (s *Set) unknownSplits() string {
	i := slices.IndexFunc(s.Passed, func(p Passed) bool { return p.What == unknownSplits })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf(", and %s, such as %q: call it train, val, test or unlabeled", counted(s.Passed[i].Count, unknownSplits), s.Passed[i].Example)
}

// Close closes the files that Open opened.
func (s *Set) Close() error {
	var err error
	for _, c := range s.containers {
		err = errors.Join(err, c.file.Close())
	}
	s.containers = nil
	if s.remote != nil {
		s.remote.end()
		err = errors.Join(err, s.remote.Close())
		s.remote = nil
	}
	return err
}

// maxItem bounds the size of an image file in bytes.
const maxItem = 1 << 30

// ErrTooLarge is returned by Read for a file of more than 1 GiB.
var ErrTooLarge = errors.New("the file is larger than 1 GiB")

// Read returns the bytes of item i, in buffer if it is large enough. Several goroutines may call it at once.
func (s *Set) Read(i int, buffer []byte) ([]byte, error) {
	return s.ReadIf(i, buffer, 0, func([]byte, int64) error { return nil })
}

// ReadIf is Read for an item that look accepts: look is called with the item's first bytes, headSize of them or all if there are fewer, and
// its size in bytes. If look fails, ReadIf returns its error and reads no further.
func (s *Set) ReadIf(i int, buffer []byte, headSize int, look func(head []byte, size int64) error) ([]byte, error) {
	item := &s.Items[i]
	if item.container >= 0 {
		if r := s.containers[item.container].rows; r != nil {
			return r.read(int(item.offset), buffer, headSize, look)
		}
		return readAt(s.containers[item.container].file, item.offset, item.Size, buffer, headSize, look)
	}
	if s.remote != nil {
		c, _ := s.remote.open(s.remote.objects[item.offset])
		return readAt(c, 0, item.Size, buffer, headSize, look)
	}
	r, stat, err := regular.Open(s.file(item)) // the file may have changed since it was listed
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAt(r, 0, stat.Size(), buffer, headSize, look)
}

// All iterates over the images in order, each with a function that reads its file.
func (s *Set) All() iter.Seq2[Item, func() ([]byte, error)] {
	return func(yield func(Item, func() ([]byte, error)) bool) {
		for i, item := range s.Items {
			if !yield(item, func() ([]byte, error) { return s.Read(i, nil) }) {
				return
			}
		}
	}
}

// Find returns the index of the item with that path.
func (s *Set) Find(path string) (int, bool) {
	return slices.BinarySearchFunc(s.Items, path, func(item Item, path string) int { return strings.Compare(item.Path, path) })
}

// File is the name of item i's own file; ok is false if the item shares a file with others.
func (s *Set) File(i int) (name string, ok bool) {
	item := &s.Items[i]
	return s.file(item), item.container < 0 && s.remote == nil
}

// Holder is the name of the file on disk that item i shares with others; ok is false if it has a file of its own, or is in a bucket.
func (s *Set) Holder(i int) (name string, ok bool) {
	c := s.Items[i].container
	if c < 0 || s.remote != nil {
		return "", false
	}
	f, ok := s.containers[c].file.(*shelved)
	if !ok {
		return "", false
	}
	return f.name, true
}

// Modified is when item i was last written, as its archive or bucket says. It is zero if they do not (rows of Parquet files and binary data sets have no
// times, and members of some archives have none), and for a file of its own (File), which knows it.
func (s *Set) Modified(i int) time.Time {
	written := s.Items[i].modified.written
	if _, own := s.File(i); own || written == 0 {
		return time.Time{}
	}
	return time.Unix(0, written)
}

// Name is a name under which item i can be found from the working directory, with slashes: its file, or the file that contains it and its
// path there.
func (s *Set) Name(i int) string {
	item := &s.Items[i]
	switch {
	case s.remote != nil: // an address begins with two slashes, which path.Join would merge
		return strings.TrimSuffix(s.Root, "/") + "/" + item.Path
	case item.container < 0:
		return filepath.ToSlash(s.file(item))
	case s.Nameless(i) && isTable(s.Root): // the path begins with the name of the file
		return path.Join(path.Dir(filepath.ToSlash(s.Root)), item.Path)
	}
	return path.Join(filepath.ToSlash(s.Root), item.Path)
}

// Nameless reports whether item i has no file name, neither its own nor one in an archive: it is a row of a Parquet file, whose size is
// also unknown until it is read.
func (s *Set) Nameless(i int) bool {
	c := s.Items[i].container
	return c >= 0 && s.containers[c].rows != nil
}

// file is the name of an item's own file.
func (s *Set) file(item *Item) string {
	if item.source != "" {
		return item.source
	}
	return filepath.Join(s.Root, filepath.FromSlash(item.Path))
}

func readAt(r io.ReaderAt, offset, size int64, buffer []byte, headSize int, look func([]byte, int64) error) ([]byte, error) {
	if size > maxItem {
		return nil, ErrTooLarge
	}
	head := make([]byte, min(int64(headSize), size))
	if err := fill(r, offset, head); err != nil {
		return nil, err
	}
	if err := look(head, size); err != nil {
		return nil, err
	}
	if int64(cap(buffer)) < size {
		buffer = make([]byte, size)
	}
	buffer = buffer[:size]
	if err := fill(r, offset, buffer); err != nil {
		return nil, err
	}
	return buffer, nil
}

// fill reads len(b) bytes.
func fill(r io.ReaderAt, offset int64, b []byte) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Stamp changes whenever the file system reports that item i, or the file that contains it, was written or replaced. Equal stamps mean
// equal bytes; different ones may mean equal bytes, too.
func (s *Set) Stamp(i int) string {
	item := &s.Items[i]
	m := item.modified
	if item.container >= 0 {
		m = s.containers[item.container].modified
	}
	b := make([]byte, 0, 64)
	for _, v := range [...]int64{item.Size, m.written, m.changed, item.offset} {
		b = append(strconv.AppendInt(b, v, 36), '.')
	}
	return string(b[:len(b)-1])
}
