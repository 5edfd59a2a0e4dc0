package iconic

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"iconic/extract/dataset"
	"iconic/extract/synthetic"
	"iconic/internal/atomicfile"
	"iconic/models"
	"iconic/run"
)

// What Demo draws.
const (
	demoPerClass = 60
	demoSize     = 64 // pixels on a side
	demoSeed     = 1
)

// ErrNotADemo is wrapped by Demo's error for a folder that holds other files.
var ErrNotADemo = errors.New("holds other files")

// Demo draws 600 pictures of 10 classes (package extract/synthetic) into folder/pictures, encodes them with the built-in encoder into
// folder/features and makes the run folder/run, as Cluster does. It overwrites an earlier demo in the folder. The built-in encoder was
// trained partly with labels on other pictures of the same kind (models.TinyCaution), so the accuracy shows that the program works, not how well.
//
// Demo sets Model, Store and Out of o itself.
func Demo(ctx context.Context, folder string, o Options) (*run.Finished, error) {
	drawn := promised(demoListing(o.Extraction.Dataset.LabelsFrom), o.Extraction.Views, 0, nil)
	if err := o.checkFor(drawn); err != nil { // before anything is written
		return nil, err
	}
	if err := atomicfile.CheckFolder(folder); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if err := claimDemo(folder); err != nil {
		return nil, err
	}
	pictures := filepath.Join(folder, "pictures")
	if err := synthetic.Write(ctx, pictures, demoPerClass, demoSize, demoSeed); err != nil {
		return nil, err
	}
	o.Model, o.Store, o.Out = models.TinyName, filepath.Join(folder, "features"), filepath.Join(folder, "run")
	if err := os.RemoveAll(o.Out); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return Cluster(ctx, pictures, o)
}

// demoListing is the data set of the demo's pictures, before they are drawn: how many there are of each class. Their names do not matter.
func demoListing(from dataset.LabelsFrom) *dataset.Set {
	s := &dataset.Set{Classes: synthetic.Classes()}
	if from == dataset.None {
		s.Classes = nil
	}
	for i := range demoPerClass * len(synthetic.Classes()) {
		label := -1
		if s.Classes != nil {
			label = i / demoPerClass
		}
		s.Items = append(s.Items, dataset.Item{Path: strconv.Itoa(i), Label: label})
	}
	return s
}

// claimDemo makes the folder and marks it as one that the demo may overwrite, or checks that an earlier demo made it.
func claimDemo(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0:
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		return atomicfile.WriteBytes(filepath.Join(folder, run.DemoMark), nil)
	case err != nil:
		return fmt.Errorf("demo: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder, run.DemoMark)); err != nil {
		return fmt.Errorf("folder %s %w", folder, ErrNotADemo)
	}
	return nil
}
