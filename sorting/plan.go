package sorting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

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
	Data string // name of the data set
	Set  *dataset.Set
}

// OpenImages opens the images of a run: at data or, if that is "", as recorded in the run. The column is the image column of a Parquet data set, if
// it has to be named; run.ErrNoImages is in the error's chain if the location is unknown. Close them after use, not before files are sorted.
func OpenImages(ctx context.Context, f *run.Finished, data, column string) (*Images, error) {
	images := f.ImagesAt(data)
	if images == "" {
		return nil, fmt.Errorf("%s: %w", f.Dir, run.ErrNoImages)
	}
	set, err := dataset.Open(ctx, images, f.ImageOptions(column))
	if err != nil {
		return nil, option.Errorf("Images", "the images of run %s: %w", f.Dir, err)
	}
	if set.Raw != nil {
		return nil, errors.Join(&FolderError{fmt.Errorf("the images of %s are not files: there is nothing to sort", images)}, set.Close())
	}
	return &Images{f, images, set}, nil
}

// Close closes the data set.
func (m *Images) Close() error { return m.Set.Close() }

// FolderError says that images cannot be sorted into the folder, or cannot be sorted at all.
type FolderError struct{ Err error }

func (e *FolderError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its type.
func (e *FolderError) Unwrap() error { return e.Err }

// Arrange plans the subfolder for each image. A folder inside that of the data set is a FolderError.
func (m *Images) Arrange(to string) (*Plan, error) {
	if !bucket.Is(m.Data) && placing.Within(to, m.Data) {
		return nil, &FolderError{fmt.Errorf("%s lies in %s: the sorted files would be taken for new images; choose a folder elsewhere", to, m.Data)}
	}
	return Arrange(m.Run, m.Set, to)
}

// Plan says how the images of a run are put into folders.
type Plan struct {
	Files    []File
	Folders  []Folder // folders of the clusters that have images, in order
	Missing  int      // images that are no longer in the data set
	Example  string   // the path of one of them
	Excluded int      // images that were left out by hand
	Inside   int      // images that are already in the folder sorted into
}

// Folder is the subfolder of a cluster.
type Folder struct {
	Folder string `json:"folder"`
	Images int    `json:"images"`
	Bytes  int64  `json:"bytes"`
}

// Arrange plans the subfolder of a folder for each image of a run, one per cluster. The set contains the images and must stay open, since
// Files read from it.
func Arrange(f *run.Finished, set *dataset.Set, to string) (*Plan, error) {
	p := new(Plan)
	folders := make([]Folder, f.Clusters())
	within := Folders{Dir: to}
	for i, item := range f.Table.Paths {
		if f.Excluded(i) {
			p.Excluded++
			continue
		}
		k, ok := set.Find(item)
		if !ok {
			p.Missing++
			p.Example = cmp.Or(p.Example, item)
			continue
		}
		c := f.Table.Cluster[i]
		name := ""
		if c < len(f.Table.Names) {
			name = f.Table.Names[c]
		}
		folder := placing.Folder(c, name)
		file := File{
			To: filepath.Join(folder, placing.Local(item)), Size: set.Items[k].Size,
			Read: func() ([]byte, error) { return set.Read(k, nil) },
		}
		if set.Nameless(k) {
			content, err := file.Read()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", item, err)
			}
			file.To, file.Size = file.To+pixels.Extension(content), int64(len(content))
		}
		if own, is := set.File(k); is {
			if within.Holds(set, k) {
				p.Inside++
				continue
			}
			var err error
			if file.Name, err = filepath.Abs(own); err != nil {
				return nil, err
			}
		} else if holder, is := set.Holder(k); is {
			var err error
			if file.Holder, err = filepath.Abs(holder); err != nil {
				return nil, err
			}
		}
		folders[c].Folder = folder
		folders[c].Images++
		folders[c].Bytes += file.Size
		p.Files = append(p.Files, file)
	}
	for _, folder := range folders {
		if folder.Images > 0 {
			p.Folders = append(p.Folders, folder)
		}
	}
	return p, nil
}
