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
	"slices"
	"strconv"

	"iconic/features"
	"iconic/head"
	"iconic/head/checkpoint"
	"iconic/head/clustercount"
	"iconic/head/novelty"
	"iconic/internal/atomicfile"
	"iconic/internal/npy"
	"iconic/internal/regular"
	"iconic/internal/safetensors"
	"iconic/progress"
)

// The files of a run folder that this package manages.
const (
	headFile    = "head.safetensors"
	configFile  = "config.json"
	historyFile = "history.jsonl"
	noveltyFile = "novelty.safetensors"
	// representationFile holds the representation of every row, for a method that learns one.
	representationFile = "representation.npy"
)

// ErrUnfinished is in the chain of Load's error for a run whose training has not ended and may be resumed.
var ErrUnfinished = errors.New("its training has not ended")

// The versions of the run folder's layout. A newer one than those is refused. A run is of the earliest version that has what its head needs, so that
// earlier programs read it: runFormat for one linear head, votingFormat for several that vote, uniformFormat for a share of the uniform distribution,
// flatFormat for one of a flattened distribution.
const runFormat, votingFormat, uniformFormat, flatFormat = 2, 3, 4, 5

// formatOf is that of a run with a head.
func formatOf(h *head.Ensemble) int {
	switch {
	case h.Flat > 0 && h.Power > 0:
		return flatFormat
	case h.Flat > 0:
		return uniformFormat
	case h.Members > 1:
		return votingFormat
	}
	return runFormat
}

// checkpointFile is the state of a training that has not ended.
const checkpointFile = "checkpoint.safetensors"

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

// CheckFree fails if Create would, before there is anything to write. The error for a folder that contains a run is an ExistsError.
func CheckFree(dir string) error {
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
	was, images := old.Config.Training, old.Config.Features.Rows
	if values["clusters"] == AutoClusters {
		values = maps.Clone(values)
		values["clusters"] = strconv.Itoa(was.Clusters)
	}
	asked, _, cerr := Configure(values, seed, images, cmp.Or(old.Config.WithImages, len(old.Config.Classes)))
	if cerr != nil { // with the features of this one they may be valid
		return err
	}
	if resolved, _, rerr := asked.Resolve(images); rerr == nil && !was.Equal(asked) && !was.Equal(resolved) {
		exists.Run = OtherRun
	}
	return err
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

// writeHead writes head.safetensors. Of one linear head it holds weight (clusters×features) and bias (clusters); of M that vote weight
// (M×clusters×features), bias (M×clusters) and the temperature of their vote (1). If the probabilities have a flat share, it has that and its power, too:
// flat (2), or of the uniform distribution uniform (1). All are float32.
func writeHead(name string, h *head.Ensemble) error {
	sum, err := checksum(h)
	if err != nil {
		return err
	}
	tensors := []safetensors.Tensor{
		safetensors.FromFloat32("weight", h.Weight, h.Clusters, h.Dim),
		safetensors.FromFloat32("bias", h.Bias, h.Clusters),
	}
	if h.Members > 1 {
		tensors = []safetensors.Tensor{
			safetensors.FromFloat32("weight", h.Weight, h.Members, h.Clusters, h.Dim),
			safetensors.FromFloat32("bias", h.Bias, h.Members, h.Clusters),
			safetensors.FromFloat32("temperature", []float32{h.Temperature}, 1),
		}
	}
	switch formatOf(h) {
	case flatFormat:
		tensors = append(tensors, safetensors.FromFloat32("flat", flatShare(h), 2))
	case uniformFormat:
		tensors = append(tensors, safetensors.FromFloat32("uniform", flatShare(h), 1))
	}
	return safetensors.WriteFile(name, tensors, map[string]string{"format": strconv.Itoa(formatOf(h)), "checksum": sum})
}

// flatShare is what a file has of the flat share: the share, and its power if that is not 0.
func flatShare(h *head.Ensemble) []float32 {
	if h.Power > 0 {
		return []float32{h.Flat, h.Power}
	}
	return []float32{h.Flat}
}

// readHead reads a head and judges it whole. A file of an earlier version has no checksum.
func readHead(f *safetensors.File) (*head.Ensemble, error) {
	if text := f.Metadata["format"]; text != "" {
		if format, err := strconv.Atoi(text); err != nil || format < 1 || format > flatFormat {
			return nil, fmt.Errorf("its head has format %q, but this program reads format %d: use the version that wrote it", text, flatFormat)
		}
	}
	h, err := readTensors(f)
	if err != nil {
		return nil, err
	}
	if err := h.Check(); err != nil {
		return nil, fmt.Errorf("its head has %w: the file is damaged; train again", err)
	}
	sum, err := checksum(h)
	if err != nil {
		return nil, err
	}
	if was := f.Metadata["checksum"]; was != "" && was != sum {
		return nil, fmt.Errorf("the checksum of its head is %s instead of %s: it is damaged; train again", sum, was)
	}
	return h, nil
}

// readTensors reads what writeHead wrote, whatever the numbers are.
func readTensors(f *safetensors.File) (*head.Ensemble, error) {
	info, err := f.Lookup("weight")
	if err != nil {
		return nil, err
	}
	h := &head.Ensemble{Members: 1, Temperature: 1}
	var bias []int
	switch shape := info.Shape; len(shape) {
	case 2:
		h.Clusters, h.Dim = shape[0], shape[1]
		bias = []int{h.Clusters}
	case 3:
		h.Members, h.Clusters, h.Dim = shape[0], shape[1], shape[2]
		bias = []int{h.Members, h.Clusters}
		if h.Members < 2 {
			return nil, fmt.Errorf("tensor weight has shape %v: want two heads or more", shape)
		}
		temperature, err := readShaped(f, "temperature", []int{1})
		if err != nil {
			return nil, err
		}
		h.Temperature = temperature[0]
	default:
		return nil, fmt.Errorf("tensor weight has shape %v: want clusters×features, or heads×clusters×features", shape)
	}
	switch f.Metadata["format"] {
	case strconv.Itoa(uniformFormat):
		uniform, err := readShaped(f, "uniform", []int{1})
		if err != nil {
			return nil, err
		}
		h.Flat = uniform[0]
	case strconv.Itoa(flatFormat):
		flat, err := readShaped(f, "flat", []int{2})
		if err != nil {
			return nil, err
		}
		h.Flat, h.Power = flat[0], flat[1]
	}
	if h.Bias, err = readShaped(f, "bias", bias); err != nil {
		return nil, err
	}
	h.Weight, err = f.Float32("weight")
	return h, err
}

// readShaped reads a tensor of a shape.
func readShaped(f *safetensors.File, name string, shape []int) ([]float32, error) {
	info, err := f.Lookup(name)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(info.Shape, shape) {
		return nil, fmt.Errorf("tensor %s has shape %v: want %v", name, info.Shape, shape)
	}
	return f.Float32(name)
}

// SaveCheckpoint writes the state of a training into its run folder, atomically.
func SaveCheckpoint(dir string, s *head.State) error {
	return checkpoint.Save(filepath.Join(dir, checkpointFile), s)
}

// LoadCheckpoint reads what SaveCheckpoint wrote; fs.ErrNotExist is in the error's chain if there is none.
func LoadCheckpoint(dir string) (*head.State, error) {
	return checkpoint.Load(filepath.Join(dir, checkpointFile))
}

// Run is a run folder that was read.
type Run struct {
	Dir    string
	Config Config
	Head   *head.Ensemble // nil while the training has not ended
	// Novelty tells images that are like none of the training set; nil in runs of before it was kept, which config.json tells from those that lost it.
	Novelty *novelty.Detector
}

// Load reads a run folder whose training has ended. It fails on folders that are not runs, have a newer version, lack a file that config.json
// describes, or have files of several runs.
func Load(dir string) (*Run, error) {
	r, err := LoadUnfinished(dir)
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Open(filepath.Join(dir, headFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run folder %s has no %s: %w", dir, headFile, ErrUnfinished)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if r.Head, err = readHead(f); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", dir, err)
	}
	if r.Head.Members > 1 && r.Config.Format < votingFormat {
		return nil, fmt.Errorf("run folder %s: %d heads that vote do not fit the %s, of format %d, which knows none: one of them is of another run", dir, r.Head.Members, configFile, r.Config.Format)
	}
	if r.Head.Flat > 0 && r.Config.Format < formatOf(r.Head) {
		return nil, fmt.Errorf("run folder %s: a head with a flat share does not fit the %s, of format %d, which knows none: one of them is of another run", dir, configFile, r.Config.Format)
	}
	if r.Head.Clusters != r.Config.Training.Clusters || r.Config.Features.Dim > 0 && r.Head.Dim != r.Config.Features.Dim {
		return nil, fmt.Errorf("run folder %s: a head with %d clusters over %d features does not fit the settings (%d over %d): train again", dir, r.Head.Clusters, r.Head.Dim, r.Config.Training.Clusters, r.Config.Features.Dim)
	}
	if r.Novelty, err = novelty.Load(filepath.Join(dir, noveltyFile)); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", dir, err)
	}
	if r.Novelty != nil && r.Novelty.Dim != r.Head.Dim {
		return nil, fmt.Errorf("run folder %s: %s has %d features, but the head has %d: train again", dir, noveltyFile, r.Novelty.Dim, r.Head.Dim)
	}
	if err := r.checkParts(); err != nil {
		return nil, err
	}
	return r, nil
}

// LoadUnfinished reads the settings of a run folder whose training may be unfinished.
func LoadUnfinished(dir string) (*Run, error) {
	b, err := regular.Read(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run folder: it does not exist", dir)
		}
		return nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, configFile)
	}
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir}
	if err := json.Unmarshal(b, &r.Config); err != nil {
		return nil, fmt.Errorf("run folder %s: %s: %w", dir, configFile, err)
	}
	if r.Config.Format > flatFormat || r.Config.Format < 1 {
		return nil, fmt.Errorf("run folder %s has format %d, but this program reads format %d: use the version that wrote it (%s)", dir, r.Config.Format, flatFormat, r.Config.Version)
	}
	return r, nil
}

// Ended reports whether the folder has all results of a training, and no checkpoint.
func (r *Run) Ended() bool {
	left := []string{headFile, historyFile}
	if r.Config.Dimensions > 0 {
		left = append(left, representationFile)
	}
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(r.Dir, name)); err != nil {
			return false
		}
	}
	_, err := os.Stat(filepath.Join(r.Dir, checkpointFile))
	return errors.Is(err, fs.ErrNotExist)
}

// Probabilities writes the cluster probabilities (n×clusters) of features (n×dim) from the run's encoder.
func (r *Run) Probabilities(dst, features []float32, n int) error {
	return r.Head.Probabilities(dst, features, n)
}

// History reads history.jsonl.
func (r *Run) History() ([]head.Epoch, error) {
	f, _, err := regular.Open(filepath.Join(r.Dir, historyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: copy the whole folder again, or resume the training, which then starts over", err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var history []head.Epoch
	for lines := json.NewDecoder(f); ; {
		var e head.Epoch
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return history, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		history = append(history, e)
	}
}
