package curator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"iconic/curation"
	"iconic/endpoint"
	"iconic/internal/spreadsheet"
	"iconic/report/inspection"
	"iconic/run"
)

// Options say where the features and the images of a run are. The zero value uses the locations recorded in the run.
type Options struct {
	Features    string // feature store or features.npy; "": as recorded in the run
	Images      string // data set; "": as recorded in the run
	ImageColumn string // image column of a Parquet data set, if it has to be named
	Workers     int    // goroutines that make thumbnails and compute splits; 0: one per processor

	Progress func(done, total int) // reports the comparison of images that were written since the training; may be nil
}

// Opened is a run with everything its page needs. A missing input is not an error: the page does without it, and the fields say why.
type Opened struct {
	Run

	NoSplits   error // why clusters cannot be split; nil: they can
	NoPictures error // why the page has no pictures; nil: it has
	Missing    Count // images that are not in the data set, which the page shows by their paths
	Changed    Count // images whose files have other bytes than when the features of the run were made, as far as that is known
	NoLists    error // why duplicates and outliers are not listed although the run folder has tables of them; nil: they are

	curation *curation.Curation
	close    []func() error
}

// Count is a number of images.
type Count struct {
	Images  int
	Example string // the path of one of them
}

// Open opens the features and the images of a run for its curation c, which it does not close. It fails if Options name features or images
// that cannot be opened, or a data set that has none of the run's images. Close it after use.
func Open(ctx context.Context, f *run.Finished, c *curation.Curation, o Options) (_ *Opened, err error) {
	s := &Opened{Run: Run{Title: f.Title(), Paths: f.Table.Paths, Confidence: f.Table.Confidence, Workers: o.Workers}, curation: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	set, err := f.OpenFeatures(o.Features)
	switch {
	case err == nil:
		s.Features, s.close = set, append(s.close, set.Close)
	case o.Features != "":
		return nil, fmt.Errorf("features of %s: %w", f.Dir, err)
	default:
		s.NoSplits = fmt.Errorf("the features of %s cannot be opened: %w", f.Dir, err)
	}
	var hashes [][16]byte
	if set != nil {
		hashes = set.Hashes
	}
	p, err := s.openPictures(ctx, f, hashes, o)
	if err != nil {
		return nil, err
	}
	if p != nil && set != nil {
		changed, err := p.Changed(ctx, set, o.Workers, o.Progress)
		if err != nil {
			return nil, err
		}
		s.countChanged(changed)
	}
	s.Lists, s.NoLists = lists(f.Dir, f.Table.Paths, f.Metrics.Clusters)
	id, err := f.Identity()
	if err != nil {
		return nil, err
	}
	s.Key = fmt.Sprintf("%+v\x00%s\x00%s", id, f.ImagesAt(o.Images), f.ImageOptions(o.ImageColumn).ImageColumn)
	return s, nil
}

// openPictures opens the images of a run; nil: the page does without them.
func (s *Opened) openPictures(ctx context.Context, f *run.Finished, hashes [][16]byte, o Options) (*run.Pictures, error) {
	p, err := f.OpenPictures(ctx, o.Images, o.ImageColumn, 0, f.Table.Paths, hashes)
	switch {
	case err == nil:
		s.close = append(s.close, p.Close)
		s.Missing.Images, s.Missing.Example = p.Missing()
		s.Picture = p.Show
		return p, nil
	case o.Images != "" || o.ImageColumn != "" || ctx.Err() != nil:
		return nil, fmt.Errorf("images of %s: %w", f.Dir, err)
	}
	s.NoPictures = err
	return nil, nil
}

// countChanged counts the images that have changed.
func (s *Opened) countChanged(changed []bool) {
	for i, is := range changed {
		if !is {
			continue
		}
		if s.Changed.Images++; s.Changed.Images == 1 {
			s.Changed.Example = s.Paths[i]
		}
	}
}

// Serve serves the page until ctx ends, then finishes the requests in progress. If other machines can reach the listener, everybody there
// can change the curation. The listener is closed when Serve returns.
func (s *Opened) Serve(ctx context.Context, listener net.Listener) error {
	s.Hosts = endpoint.Hosts(listener.Addr())
	page, err := New(s.curation, s.Run)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return endpoint.ServeHandler(ctx, listener, page)
}

// Close closes features and images.
func (s *Opened) Close() error {
	var err error
	for _, closer := range s.close {
		err = errors.Join(err, closer())
	}
	return err
}

// lists are the duplicates and outliers in the run folder's tables. A missing table gives no list; lines for images and clusters that the run does not
// have are skipped.
func lists(dir string, paths []string, clusters int) ([]List, error) {
	twice, outliers, err := run.ReadInspected(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row := make(map[string]int, len(paths))
	for i, path := range paths {
		row[path] = i
	}
	find := func(path string) (int, bool) {
		i, known := row[path]
		if !known {
			i, known = row[spreadsheet.Plain(path)]
		}
		return i, known
	}
	duplicates, unlike, elsewhere := List{Name: "Duplicates", Spare: []bool{}}, List{Name: "Unlike all others"}, List{Name: "Neighbours elsewhere", Near: []int{}}
	for _, d := range twice {
		if i, known := find(d.Path); known {
			duplicates.add(i, fmt.Sprintf("group %d, %s", d.Group, d.Kind))
			duplicates.Spare = append(duplicates.Spare, d.Kind != inspection.KindFirst)
		}
	}
	for _, o := range outliers {
		i, known := find(o.Path)
		switch {
		case known && o.Kind == inspection.KindUnlike:
			unlike.add(i, "")
		case known && o.Kind == inspection.KindElsewhere && o.Neighbours >= 0 && o.Neighbours < clusters:
			elsewhere.add(i, "")
			elsewhere.Near = append(elsewhere.Near, o.Neighbours)
		}
	}
	var all []List
	for _, l := range []List{duplicates, unlike, elsewhere} {
		if len(l.Images) > 0 {
			all = append(all, l)
		}
	}
	return all, nil
}

func (l *List) add(image int, note string) {
	l.Images, l.Notes = append(l.Images, image), append(l.Notes, note)
}
