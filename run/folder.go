package run

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"iconic/features"
	"iconic/head"
	"iconic/head/checkpoint"
	"iconic/head/clustercount"
	"iconic/internal/atomicfile"
	"iconic/internal/npy"
	"iconic/internal/owned"
	"iconic/internal/regular"
	"iconic/option"
	"iconic/progress"
)

// The files of a run folder that this package manages.
const (
	headFile    = owned.RunHead
	configFile  = owned.RunConfig
	historyFile = owned.RunHistory
	noveltyFile = owned.RunNovelty
	// representationFile holds the representation of every row, for a method that learns one.
	representationFile = owned.RunRepresentation
)

// ErrUnfinished is in the chain of Load's error for a run whose training has not ended and may be resumed.
var ErrUnfinished = errors.New("its training has not ended")

// The versions of the run folder's layout. A newer one than those is refused. A run is of the earliest version that has what its head needs, so that
// earlier programs read it: runFormat for one linear head, votingFormat for several that vote, uniformFormat for a share of the uniform distribution,
// flatFormat for one of a flattened distribution.
const runFormat, votingFormat, uniformFormat, flatFormat = 2, 3, 4, 5

// checkpointFile is the state of a training that has not ended.
const checkpointFile = owned.RunCheckpoint

// Files are the names of all files that a run folder can have, with those of a training that has not ended and of a curation.
func Files() []string { return owned.RunFiles() }

// Is reports whether a folder is a run folder, finished or not.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

// Config is config.json: everything from which a run was made.
type Config struct {
	Format  int    `json:"format"`
	Version string `json:"version"` // of the program
	// Kernels are the implementations of the arithmetic that computed the training, in order: "generic", "avx2", "avx512" or "neon"; nil in runs of
	// earlier versions. There are several if it was continued on another processor; bits differ between them, but not between avx2 and avx512.
	Kernels  []string    `json:"kernels,omitempty"`
	Training head.Config `json:"training"`
	// Times are the durations of the stages, over all processes that worked on the run, except what was lost when one was killed. They are
	// ignored when runs are compared.
	Times    []progress.StageTime `json:"times,omitempty"`
	Features features.Source      `json:"features"`
	// Inputs are digests of what the method learns from besides features, by name: labels, views, second, edges.
	Inputs  map[string]string `json:"inputs,omitempty"`
	Classes []string          `json:"classes,omitempty"` // names of the labels, in order
	// WithImages is the number of those classes that an image of the training has; 0: all, or it is a run of an earlier version.
	WithImages int `json:"classes_with_images,omitempty"`
	// Expected is the expected accuracy on the rows of the training, measured without labels; 0: the method measures none.
	Expected float64 `json:"expected_accuracy,omitempty"`
	// Counted says how the number of clusters was found; nil: it was given.
	Counted *clustercount.Suggestion `json:"clusters_found,omitempty"`
	// Choice says how the method chose among several clusterings; "": there was only one.
	Choice string `json:"choice,omitempty"`
	// Loss is that of the training, once it has ended; nil if it is not a number, and in runs of earlier versions.
	Loss *float64 `json:"loss,omitempty"`
	// Dimensions is the dimension of the representation that the method learned; 0: it learns none.
	Dimensions int `json:"representation_dimensions,omitempty"`
	// Encoder records how images became features, so that predict can do the same; the extraction interprets it. It is empty if the
	// features were given as a plain matrix.
	Encoder json.RawMessage `json:"encoder,omitempty"`
	// Checksums are those of the head and of the novelty detector, by file, once the training has ended; nil in runs of earlier versions.
	Checksums map[string]string `json:"checksums,omitempty"`
}

// Plain reports whether the features were given as a plain matrix, so that it is unknown how images become features.
func (c *Config) Plain() bool { return len(c.Encoder) == 0 }

// ErrExists is in the chain of Create's error for a folder that contains a run.
var ErrExists = errors.New("contains a run")

// ExistsError is that error.
type ExistsError struct {
	Dir      string
	Finished bool // it has everything that a run has; one that does not can be continued
	Run      Likeness
}

// Likeness says how a run in a folder is like the one to be made.
type Likeness int

const (
	AnyRun        Likeness = iota // it is not known
	SameRun                       // both are of the same features and settings
	OtherRun                      // they differ in features or settings
	UnreadableRun                 // the one in the folder has no readable config.json
)

func (e *ExistsError) Error() string {
	switch e.Run {
	case OtherRun:
		return fmt.Sprintf("output folder %s contains another run", e.Dir)
	case UnreadableRun:
		return fmt.Sprintf("output folder %s contains a run that cannot be read", e.Dir)
	}
	words := "an unfinished run"
	if e.Finished {
		words = "a finished run"
	}
	if e.Run == SameRun {
		words += " of these settings"
	}
	return fmt.Sprintf("output folder %s contains %s", e.Dir, words)
}

func (e *ExistsError) Unwrap() error { return ErrExists }

// Create makes a run folder and writes its config.json. A folder with a head or a checkpoint is refused: nothing finished is overwritten.
// If a training ended before its first epoch, its folder has neither and is used again, after removing what that training left.
func Create(dir string, c Config) error {
	if err := CheckFree(dir); err != nil {
		return err
	}
	if err := regular.MakeFolder(dir, 0o755); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		for _, name := range []string{representationFile, noveltyFile, historyFile} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("output folder: %w", err)
			}
		}
	}
	c.Format = runFormat
	return writeConfig(dir, c)
}

// CheckFree fails if Create would, before there is anything to write. The error for a folder that contains a run is an ExistsError, and that for one without a
// name a SettingsError.
func CheckFree(dir string) error {
	if dir == "" {
		return &SettingsError{Err: option.Errorf("Out", "the run folder has no name")}
	}
	for _, name := range []string{headFile, checkpointFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			old, err := LoadUnfinished(dir)
			if err != nil {
				return &ExistsError{Dir: dir, Run: UnreadableRun}
			}
			return &ExistsError{Dir: dir, Finished: old.Ended() && Whole(dir)}
		}
	}
	if err := atomicfile.CheckFolder(dir); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	return nil
}

// CheckPlace is CheckFree for a training whose features are not known yet, with values by setting name as Configure takes them: the ExistsError says
// OtherRun if the settings alone tell, otherwise AnyRun. Clusters that are yet to be counted (AutoClusters) count as those of the run in the folder.
func CheckPlace(dir string, values map[string]string, seed uint64) error {
	err := CheckFree(dir)
	var exists *ExistsError
	if !errors.As(err, &exists) || exists.Run == UnreadableRun {
		return err
	}
	old, lerr := LoadUnfinished(dir)
	if lerr != nil {
		return err
	}
	if old.otherValues(values, seed) != "" {
		exists.Run = OtherRun
	}
	return err
}

// CheckResume is CheckPlace for a training that may continue the one in the folder: it fails if the folder can neither be made nor read, and with an
// OtherError if the values alone tell that the training in it is another.
func CheckResume(dir string, values map[string]string, seed uint64) error {
	err := CheckFree(dir)
	if !errors.Is(err, ErrExists) {
		return err
	}
	old, err := LoadUnfinished(dir)
	if err != nil {
		return &AttemptError{Dir: dir, Err: err}
	}
	if what := old.otherValues(values, seed); what != "" {
		return &OtherError{dir, what}
	}
	return nil
}

// otherValues says in which setting a training of these values would differ from that of the run folder if its features were the same; "" if in none, or
// if they are not valid for those features.
func (r *Run) otherValues(values map[string]string, seed uint64) string {
	was, images := r.Config.Training, r.Config.Features.Rows
	if values["clusters"] == AutoClusters {
		values = maps.Clone(values)
		values["clusters"] = strconv.Itoa(was.Clusters)
	}
	asked, _, err := Configure(values, seed, images, cmp.Or(r.Config.WithImages, len(r.Config.Classes)))
	if err != nil {
		return ""
	}
	resolved, _, err := asked.Resolve(images)
	if err != nil {
		return ""
	}
	return r.otherSettings(asked, resolved)
}

func writeConfig(dir string, c Config) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return atomicfile.WriteBytes(filepath.Join(dir, configFile), append(b, '\n'))
}

// KeepTimes writes the durations of a run's stages so far into its config.json.
func KeepTimes(dir string, times []progress.StageTime) error {
	r, err := LoadUnfinished(dir)
	if err != nil {
		return err
	}
	r.Config.Times = times
	return full(writeConfig(dir, r.Config))
}

// Finish writes the results of a training, including the settings with their rules resolved, and removes its checkpoint. The head is
// written last: if it exists, so does everything else. Finish refuses a head that Load would.
func Finish(dir string, c Config, r *head.Result) error {
	if r == nil || r.Head == nil {
		return fmt.Errorf("run folder %s: there is no head to keep", dir)
	}
	if err := r.Head.Check(); err != nil {
		return fmt.Errorf("run folder %s: the head has %w", dir, err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	c.Format = formatOf(r.Head)
	c.Training, c.Expected, c.Choice, c.Dimensions = r.Config, r.Expected, r.Choice, 0
	if c.Loss = nil; !math.IsNaN(r.Loss) && !math.IsInf(r.Loss, 0) {
		c.Loss = &r.Loss
	}
	var err error
	if c.Checksums, err = checksums(r.Head, r.Novelty); err != nil {
		return err
	}
	if r.Representation != nil {
		c.Dimensions = r.Dimensions
		if err := npy.Write(at(representationFile), []int{len(r.Representation) / r.Dimensions, r.Dimensions}, r.Representation); err != nil {
			return err
		}
	}
	if r.Novelty != nil {
		if err := r.Novelty.Save(at(noveltyFile)); err != nil {
			return err
		}
	}
	err = atomicfile.Write(at(historyFile), func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, e := range r.History {
			if err := lines.Encode(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := writeConfig(dir, c); err != nil {
		return err
	}
	if err := writeHead(at(headFile), r.Head); err != nil {
		return err
	}
	if err := os.Remove(at(checkpointFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SaveCheckpoint writes the state of a training into its run folder, atomically.
func SaveCheckpoint(dir string, s *head.State) error {
	return checkpoint.Save(filepath.Join(dir, checkpointFile), s)
}

// LoadCheckpoint reads what SaveCheckpoint wrote; fs.ErrNotExist is in the error's chain if there is none.
func LoadCheckpoint(dir string) (*head.State, error) {
	return checkpoint.Load(filepath.Join(dir, checkpointFile))
}
