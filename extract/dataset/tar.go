package dataset

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// listTars lists one archive, whose items bear the names of its members, or all archives of a folder, whose items
// bear the archive's name before it. Members are found by reading the archive once from end to end, stepping over
// contents; later they are read where they lie.
func (s *Set) listTars(ctx context.Context, from LabelsFrom) error {
	archives := []string{s.Root}
	prefix := func(string) string { return "" }
	if stat, err := os.Stat(s.Root); err != nil {
		return err
	} else if stat.IsDir() {
		names, err := visible(s.Root)
		if err != nil {
			return err
		}
		archives = archives[:0]
		for _, name := range names {
			if isTar(name) {
				archives = append(archives, filepath.Join(s.Root, name))
			} else {
				s.Ignored[strings.ToLower(path.Ext(name))]++
			}
		}
		prefix = func(archive string) string { return filepath.Base(archive) + "/" }
	}
	classes := map[string]string{} // by sample: what its .cls member says
	for _, archive := range archives {
		if err := s.listTar(ctx, archive, prefix(archive), classes); err != nil {
			return fmt.Errorf("archive %s: %w", archive, err)
		}
	}
	if len(classes) == 0 {
		s.labelMembers(from, len(archives) > 1)
		return nil
	}
	names := make([]string, len(s.Items))
	for i, item := range s.Items {
		if from != None {
			names[i] = classes[sample(item.Path)]
		}
	}
	s.label(names, byNumber(names))
	return nil
}

// labelMembers labels by folders inside the archives; the archives' own names are no folders.
func (s *Set) labelMembers(from LabelsFrom, several bool) {
	if !several {
		s.labelByFolder(from)
		return
	}
	full := make([]string, len(s.Items))
	for i := range s.Items {
		full[i] = s.Items[i].Path
		_, s.Items[i].Path, _ = strings.Cut(full[i], "/")
	}
	s.labelByFolder(from)
	for i := range s.Items {
		s.Items[i].Path = full[i]
	}
}

func (s *Set) listTar(ctx context.Context, archive, prefix string, classes map[string]string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	stat, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	s.containers = append(s.containers, &container{file, stampOf(stat)})
	place := map[string]int{} // a member that comes again replaces the one before, as when unpacking
	for t := tar.NewReader(file); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || hiddenMember(name) {
			continue
		}
		switch ext := strings.ToLower(path.Ext(name)); {
		case isImage(name):
			offset, err := file.Seek(0, io.SeekCurrent) // the reader takes no byte beyond the header
			if err != nil {
				return err
			}
			item := Item{Path: prefix + name, Label: -1, Size: h.Size, container: len(s.containers) - 1, offset: offset}
			if i, again := place[name]; again {
				s.Items[i] = item
				continue
			}
			place[name] = len(s.Items)
			s.Items = append(s.Items, item)
		case ext == ".cls":
			b, err := io.ReadAll(io.LimitReader(t, 1<<16))
			if err != nil {
				return err
			}
			classes[sample(prefix+name)] = strings.TrimSpace(string(b))
		default:
			s.Ignored[ext]++
		}
	}
}

func hiddenMember(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if hidden(part) {
			return true
		}
	}
	return false
}

// sample is the WebDataset key: the path up to the first dot of its last element.
func sample(name string) string {
	folder, file := path.Split(name)
	key, _, _ := strings.Cut(file, ".")
	return folder + key
}
