package sorting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/internal/bucket"
	"iconic/internal/placing"
	"iconic/option"
	"iconic/run"
)

// Images are the images of a run, ready to be sorted.
type Images struct {
	Run  *run.Finished
	Data string       // name of the data set
	Set  *dataset.Set // nil: none is there any more, since they were moved into the folder to sort into
}

// OpenImages opens the images of a run: at data or, if that is "", as recorded in the run. The column is the image column of a Parquet data set, if
// it has to be named; run.ErrNoImages is in the error's chain if the location is unknown. A run on a matrix is a FolderError. If there are no images since
// a sorting has moved them into the folder to, which is the one to sort into, that is no error. Close them after use, not before files are sorted.
func OpenImages(ctx context.Context, f *run.Finished, data, column, to string) (*Images, error) {
	if f.Unnamed() {
		return nil, &FolderError{fmt.Errorf("%s: %w, so that there is nothing to sort", f.Dir, run.ErrUnnamed)}
	}
	images := f.ImagesAt(data)
	if images == "" {
		return nil, fmt.Errorf("%s: %w", f.Dir, run.ErrNoImages)
	}
	set, err := dataset.Open(ctx, images, f.ImageOptions(column))
	if err != nil {
		if errors.Is(err, dataset.ErrNoImages) || data == "" && errors.Is(err, fs.ErrNotExist) {
			if moved, jerr := movedInto(f, to); moved || jerr != nil {
				return &Images{f, images, nil}, jerr
			}
		}
		return nil, option.Errorf("Images", "the images of run %s: %w", f.Dir, err)
	}
	if set.Raw != nil {
		return nil, errors.Join(&FolderError{fmt.Errorf("the images of %s are not files: there is nothing to sort", images)}, set.Close())
	}
	return &Images{f, images, set}, nil
}

// movedInto reports whether a sorting has moved images of a run into a folder, where they are still.
func movedInto(f *run.Finished, to string) (bool, error) {
	before, err := readEarlier(to)
	if err != nil {
		return false, err
	}
	moved := map[string]bool{}
	for _, e := range before.steps {
		if _, below, _ := strings.Cut(string(e.To), string(filepath.Separator)); e.Step == Move {
			moved[below] = true
		}
	}
	return slices.ContainsFunc(f.Table.Paths, func(item string) bool {
		return slices.ContainsFunc(placing.Locals(item), func(name string) bool { return moved[name] })
	}), nil
}

// Close closes the data set.
func (m *Images) Close() error {
	if m.Set == nil {
		return nil
	}
	return m.Set.Close()
}

// FolderError says that images cannot be sorted into the folder, or cannot be sorted at all.
type FolderError struct{ Err error }

func (e *FolderError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its type.
func (e *FolderError) Unwrap() error { return e.Err }

// Arrange plans the subfolder for each image. A folder inside that of the data set is a FolderError. Images that have changed since the features of the
// run were made are left out, since they may belong elsewhere: files are read to compare them where this machine does not know that they are unchanged. The
// progress, in images, may be nil.
func (m *Images) Arrange(ctx context.Context, to string, progress func(done, total int)) (*Plan, error) {
	if err := CheckOutside(to, m.Data); err != nil {
		return nil, &FolderError{err}
	}
	var known contents
	var unknown error
	if m.Set != nil {
		if known, unknown = m.contents(ctx, progress); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	p, err := arrange(m.Run, m.Set, to, known)
	if err == nil {
		p.Unknown = unknown
	}
	return p, err
}

// contents is what is known of the images of a run, by row; the fields are nil if nothing is.
type contents struct {
	changed []bool     // that they have other bytes than when the features were made
	hashes  [][16]byte // of their bytes then
}

// contents compares the images of the run with what they were when its features were made.
func (m *Images) contents(ctx context.Context, progress func(done, total int)) (c contents, err error) {
	of, err := m.Run.OpenFeatures("")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, of.Close()) }()
	changed, err := run.Changed(ctx, of, m.Set, !bucket.Is(m.Set.Root), 0, progress)
	if err == nil && changed == nil {
		err = fmt.Errorf("%s has no hashes of the images", of.Source.Store)
	}
	if err != nil {
		return c, err
	}
	return contents{changed, of.Hashes}, nil
}

// CheckOutside fails if a folder to sort into lies in the images' location, data.
func CheckOutside(to, data string) error {
	if !bucket.Is(data) && placing.Within(to, data) {
		return fmt.Errorf("%s lies in %s: the sorted files would be taken for new images; choose a folder elsewhere", to, data)
	}
	return nil
}

// Plan says how the images of a run are put into folders.
type Plan struct {
	Files    []File
	Folders  []Folder // folders of the clusters that have images, in order
	Missing  int      // images that are no longer in the data set, nor were sorted before
	Example  string   // the path of one of them
	Excluded int      // images that were left out by hand
	Inside   int      // images that are already in the folder sorted into
	Earlier  int      // images among Files that are no longer in the data set: a sorting has put them where they belong
	Broken   int      // how many of those are only symbolic links to images that are gone
	Changed  int      // images whose files have other bytes than when the features of the run were made
	Altered  string   // the path of one of them
	Unknown  error    // why it is not known which images have changed; nil: it is
}

// Folder is the subfolder of a cluster.
type Folder struct {
	Folder string `json:"folder"`
	Images int    `json:"images"`
	Bytes  int64  `json:"bytes"`
}

// arrange plans the subfolder of a folder for each image of a run, one per cluster, but for those that have changed. The set contains the images and must
// stay open, since Files read from it; nil: there are none but those that an earlier sorting has put into the folder.
func arrange(f *run.Finished, set *dataset.Set, to string, known contents) (*Plan, error) {
	before, err := readEarlier(to)
	if err != nil {
		return nil, err
	}
	p := new(Plan)
	folders := make([]Folder, f.Clusters())
	look := lookup{set: set, into: Folders{Dir: to}, before: before}
	for i, item := range f.Table.Paths {
		if f.Excluded(i) {
			p.Excluded++
			continue
		}
		if known.changed != nil && known.changed[i] {
			p.Changed++
			p.Altered = cmp.Or(p.Altered, item)
			continue
		}
		c := f.Table.Cluster[i]
		folder := placing.Folder(c, f.Table.Name(i))
		file, where, err := look.file(item, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item, err)
		}
		if !p.count(item, where) {
			continue
		}
		if known.hashes != nil {
			file.Hash = known.hashes[i]
		}
		folders[c].Folder = folder
		folders[c].Images++
		folders[c].Bytes += file.Size
		p.Files = append(p.Files, file)
	}
	p.Folders = slices.DeleteFunc(folders, func(folder Folder) bool { return folder.Images == 0 })
	return p, nil
}

// count counts an image that is there, and reports whether it is to be sorted.
func (p *Plan) count(item string, where whereabouts) bool {
	switch where {
	case nowhere:
		p.Missing++
		p.Example = cmp.Or(p.Example, item)
		return false
	case within:
		p.Inside++
		return false
	case sorted:
		p.Earlier++
	case broken:
		p.Earlier++
		p.Broken++
	}
	return true
}

// whereabouts says where an image is.
type whereabouts int

const (
	nowhere whereabouts = iota
	present             // in the data set
	within              // in the data set, and in the folder to sort into
	sorted              // where an earlier sorting has put it
	broken              // nowhere, but an earlier sorting has put a link to it where it belongs
)

// lookup finds the images of a run.
type lookup struct {
	set    *dataset.Set // may be nil
	into   Folders
	before *earlier
}

// file is an image, which belongs into a subfolder, and where it is; within and nowhere have no File.
func (l *lookup) file(item, folder string) (f File, where whereabouts, err error) {
	names := placing.Locals(item)
	if f.To = filepath.Join(folder, names[0]); len(names) > 1 {
		f.Else = filepath.Join(folder, names[1])
	}
	k, ok := 0, false
	if l.set != nil {
		k, ok = l.set.Find(item)
	}
	switch {
	case ok && l.into.Holds(l.set, k):
		return File{}, within, nil
	case ok:
		err := f.from(l.set, k)
		return f, present, err
	}
	f, lost, found := l.before.gone(f)
	switch {
	case !found:
		return File{}, nowhere, nil
	case lost:
		return f, broken, nil
	}
	return f, sorted, nil
}

// from completes a file that is item k of a set.
func (f *File) from(set *dataset.Set, k int) (err error) {
	f.Size, f.Modified, f.Read = set.Items[k].Size, set.Modified(k), func() ([]byte, error) { return set.Read(k, nil) }
	if set.Nameless(k) {
		content, err := f.Read()
		if err != nil {
			return err
		}
		f.To, f.Size = f.To+pixels.Extension(content), int64(len(content))
		if f.Else != "" {
			f.Else += pixels.Extension(content)
		}
	}
	if own, is := set.File(k); is {
		f.Unwritten = func() bool { return set.Unwritten(k) }
		f.Name, err = filepath.Abs(own)
	} else if holder, is := set.Holder(k); is {
		f.Holder, err = filepath.Abs(holder)
	}
	return err
}
