package sorting

import (
	"cmp"
	"fmt"
	"path/filepath"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/internal/placing"
	"iconic/run"
)

// Plan is how the images of a run go into folders.
type Plan struct {
	Files    []File
	Folders  []Folder // of the clusters that have images, in their order
	Missing  int      // images that are no longer in the data set
	Example  string   // the path of one of them
	Excluded int      // images that were left out by hand
	Inside   int      // images that lie in the folder sorted into
}

// Folder is the subfolder of a cluster.
type Folder struct {
	Folder string `json:"folder"`
	Images int    `json:"images"`
	Bytes  int64  `json:"bytes"`
}

// Arrange plans into which subfolders of a folder the images of a run go, one per cluster. The set holds the images; it stays in use, for
// Files read them.
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
