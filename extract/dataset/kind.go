package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"iconic/internal/regular"
	"iconic/internal/table"
)

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
		switch strings.ToLower(filepath.Ext(s.Root)) {
		case ".tar":
			return s.listTars, nil
		case ".parquet":
			return s.listTable, nil
		case ".txt", ".lst", ".csv", ".tsv":
			return s.listPaths, nil
		}
		if isPacked(s.Root) {
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

// listImagesOrContainers lists a folder: its images or, if it has none, the contents of the archives or Parquet files in and below it.
func (s *Set) listImagesOrContainers(ctx context.Context, from LabelsFrom) error {
	if err := s.listFolder(ctx, from); err != nil {
		return err
	}
	slices.Sort(s.tars)
	slices.Sort(s.tables)
	if len(s.Items) == 0 {
		s.dropIrregular()
	}
	return s.choose(ctx, from, onDisk(s.Root, s.tars), onDisk(s.Root, s.tables))
}

// dropIrregular passes over pipes, sockets and devices that are called like archives.
func (s *Set) dropIrregular() {
	s.tars = slices.DeleteFunc(s.tars, func(name string) bool {
		stat, err := os.Stat(filepath.Join(s.Root, filepath.FromSlash(name)))
		irregular := err == nil && !stat.Mode().IsRegular()
		if irregular {
			s.passContainers(notRegular, ".tar", []holder{{name: name}})
		}
		return irregular
	})
}

// choose continues after the images of a folder are listed: if there are none, with its archives or its Parquet files.
func (s *Set) choose(ctx context.Context, from LabelsFrom, tars, tables []holder) error {
	switch {
	case len(s.Items) > 0:
		s.passContainers(archives, ".tar", tars)
		s.passContainers(besideImages, ".parquet", tables)
	case len(tars) > 0 && len(tables) > 0:
		if i := slices.IndexFunc(tars, onTop); i >= 0 {
			return fmt.Errorf("%s holds both archives (such as %s) and Parquet files (such as %s): give one or the other", s.Root, tars[i].name, tables[0].name)
		}
		s.passContainers(besideTables, ".tar", tars)
		return s.choose(ctx, from, nil, tables)
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

// isCIFAR100 reports whether a folder has the files of CIFAR-100. Since their names are common, the size of one must fit, too, unless the names of
// its classes are there, or nothing else is.
func (s *Set) isCIFAR100(names []string) bool {
	d := cifar100()
	if !d.holdsAny(names) {
		return false
	}
	foreign := func(name string) bool { return !d.own(name) }
	return slices.Contains(names, d.names) || !slices.ContainsFunc(names, foreign) || slices.ContainsFunc(d.files, func(f records) bool {
		stat, err := os.Stat(filepath.Join(s.Root, f.file))
		return err == nil && stat.Size() > 0 && stat.Size()%d.size(f) == 0
	})
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
