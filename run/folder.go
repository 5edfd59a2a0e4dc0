package run

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"

	"iconic/features"
	"iconic/head"
	"iconic/head/checkpoint"
	"iconic/head/clustercount"
	"iconic/head/novelty"
	"iconic/internal/atomicfile"
	"iconic/internal/npy"
	"iconic/internal/safetensors"
	"iconic/progress"
)

// The files of a run folder that belong to this package.
const (
	headFile    = "head.safetensors"
	configFile  = "config.json"
	historyFile = "history.jsonl"
	noveltyFile = "novelty.safetensors"
	// representationFile holds what a method that learns a representation made of every row.
	representationFile = "representation.npy"
)

// ErrUnfinished is in the chain of Load's error for a run whose training has not ended, and may be resumed.
var ErrUnfinished = errors.New("its training has not ended")

// runFormat is the version of the run folder's layout. A newer one is refused.
const runFormat = 2

// checkpointFile is the state of a training that has not ended.
const checkpointFile = "checkpoint.safetensors"

// Is tells whether a folder is a run folder, finished or not.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

// Config is config.json: all that a run was made from.
type Config struct {
	Format   int         `json:"format"`
	Version  string      `json:"version"` // of the program
	Training head.Config `json:"training"`
	// Times are how long the stages took, over all processes that worked on the run, but for what was lost with those that were killed. They
	// are of no account where two runs are compared.
	Times    []progress.StageTime `json:"times,omitempty"`
	Features features.Source      `json:"features"`
	// Inputs are digests of what the method learns from besides features, by name: labels, views, second, edges.
	Inputs  map[string]string `json:"inputs,omitempty"`
	Classes []string          `json:"classes,omitempty"` // names of the labels, in order
	// Expected is the accuracy to be expected on the rows of the training, measured without labels; 0: the method measures none.
	Expected float64 `json:"expected_accuracy,omitempty"`
	// Counted is how the number of clusters was found; nil: it was given.
	Counted *clustercount.Suggestion `json:"clusters_found,omitempty"`
	// Choice says how the method chose among the clusterings that it had found; "": it had one.
	Choice string `json:"choice,omitempty"`
	// Dimensions are those of the representation that the method learnt; 0: it learns none.
	Dimensions int `json:"representation_dimensions,omitempty"`
	// Encoder is how images became features, for predict to do the same; it is the extraction's to read. Empty where the
	// features came as a plain matrix.
	Encoder json.RawMessage `json:"encoder,omitempty"`
}

// ErrExists is in the chain of Create's error for a folder that holds a run.
var ErrExists = errors.New("holds another run")

// Create makes a run folder and writes its config.json. A folder that holds a head or a checkpoint is refused: nothing
// finished is overwritten. One whose training ended before its first epoch holds neither and is used again, without what that
// training may have left.
func Create(dir string, c Config) error {
	if err := CheckFree(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
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

// CheckFree fails where Create would, before there is anything to write.
func CheckFree(dir string) error {
	for _, name := range []string{headFile, checkpointFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("output folder %s %w", dir, ErrExists)
		}
	}
	return nil
}

func writeConfig(dir string, c Config) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return atomicfile.WriteBytes(filepath.Join(dir, configFile), append(b, '\n'))
}

// KeepTimes writes how long the stages of a run took, so far, into its config.json.
func KeepTimes(dir string, times []progress.StageTime) error {
	r, err := LoadUnfinished(dir)
	if err != nil {
		return err
	}
	r.Config.Times = times
	return writeConfig(dir, r.Config)
}

// Finish writes what a training leaves, settings with their rules resolved included, and removes its checkpoint. The head comes last: where
// it is, all the rest is.
func Finish(dir string, c Config, r *head.Result) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	c.Format = runFormat
	c.Training, c.Expected, c.Choice, c.Dimensions = r.Config, r.Expected, r.Choice, 0
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
	err := atomicfile.Write(at(historyFile), func(w io.Writer) error {
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

func writeHead(name string, l *head.Linear) error {
	sum, err := checksum(l)
	if err != nil {
		return err
	}
	return safetensors.WriteFile(name, []safetensors.Tensor{
		safetensors.FromFloat32("weight", l.Weight, l.Clusters, l.Dim),
		safetensors.FromFloat32("bias", l.Bias, l.Clusters),
	}, map[string]string{"format": fmt.Sprint(runFormat), "checksum": sum})
}

// checksum is over the bytes of the weights and the bias.
func checksum(l *head.Linear) (string, error) {
	sum := xxhash.New()
	for _, x := range l.Parameters() {
		if err := binary.Write(sum, binary.LittleEndian, x); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%016x", sum.Sum64()), nil
}

// readHead reads a head and judges it whole. A file of an earlier version has no checksum.
func readHead(f *safetensors.File) (*head.Linear, error) {
	info, err := f.Lookup("weight")
	if err != nil {
		return nil, err
	}
	if len(info.Shape) != 2 {
		return nil, fmt.Errorf("tensor weight has shape %v: want clusters×features", info.Shape)
	}
	l := &head.Linear{Clusters: info.Shape[0], Dim: info.Shape[1]}
	if l.Weight, err = f.Float32("weight"); err != nil {
		return nil, err
	}
	if l.Bias, err = f.Float32("bias"); err != nil {
		return nil, err
	}
	if len(l.Bias) != l.Clusters {
		return nil, fmt.Errorf("tensor bias has %d numbers: want one for each of %d clusters", len(l.Bias), l.Clusters)
	}
	if slices.ContainsFunc(slices.Concat(l.Weight, l.Bias), func(x float32) bool { return x-x != 0 }) {
		return nil, errors.New("tensors weight and bias hold numbers that are not finite: the file is damaged; train again")
	}
	if !l.Finite() {
		return nil, errors.New("its head has weights that are not finite: train again")
	}
	sum, err := checksum(l)
	if err != nil {
		return nil, err
	}
	if was := f.Metadata["checksum"]; was != "" && was != sum {
		return nil, fmt.Errorf("the checksum of its head is %s, and was %s when it was written: it is damaged; train again", sum, was)
	}
	return l, nil
}

// SaveCheckpoint writes the state of a training into its run folder, in one piece.
func SaveCheckpoint(dir string, s *head.State) error {
	return checkpoint.Save(filepath.Join(dir, checkpointFile), s)
}

// LoadCheckpoint reads what SaveCheckpoint wrote; fs.ErrNotExist is in the error's chain where there is none.
func LoadCheckpoint(dir string) (*head.State, error) {
	return checkpoint.Load(filepath.Join(dir, checkpointFile))
}

// Run is a run folder that was read.
type Run struct {
	Dir    string
	Config Config
	Head   *head.Linear // nil while the training has not ended
	// Novelty tells images that are like none of the training set; nil in runs of before it was kept.
	Novelty *novelty.Detector
}

// Load reads a run folder whose training has ended. It fails on folders that are none, of a newer version, or cut short.
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
	if r.Head.Clusters != r.Config.Training.Clusters || r.Config.Features.Dim > 0 && r.Head.Dim != r.Config.Features.Dim {
		return nil, fmt.Errorf("run folder %s: a head of %d clusters over %d features does not fit the settings (%d over %d): train again", dir, r.Head.Clusters, r.Head.Dim, r.Config.Training.Clusters, r.Config.Features.Dim)
	}
	if r.Novelty, err = novelty.Load(filepath.Join(dir, noveltyFile)); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", dir, err)
	}
	if r.Novelty != nil && r.Novelty.Dim != r.Head.Dim {
		return nil, fmt.Errorf("run folder %s: %s is of %d features, the head of %d: train again", dir, noveltyFile, r.Novelty.Dim, r.Head.Dim)
	}
	return r, nil
}

// LoadUnfinished reads the settings of a run folder whose training may still go on.
func LoadUnfinished(dir string) (*Run, error) {
	b, err := os.ReadFile(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is no run folder: there is nothing of that name", dir)
		}
		return nil, fmt.Errorf("%s is no run folder: it has no %s", dir, configFile)
	}
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir}
	if err := json.Unmarshal(b, &r.Config); err != nil {
		return nil, fmt.Errorf("run folder %s: %s: %w", dir, configFile, err)
	}
	if r.Config.Format > runFormat || r.Config.Format < 1 {
		return nil, fmt.Errorf("run folder %s has format %d, this program reads format %d: use the version that wrote it (%s)", dir, r.Config.Format, runFormat, r.Config.Version)
	}
	return r, nil
}

// Ended tells whether the folder holds all that a training leaves, and no checkpoint.
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

// Probabilities writes the cluster probabilities (n×clusters) of features (n×dim) as the run's encoder gives them.
func (r *Run) Probabilities(dst, features []float32, n int) error {
	return r.Head.Probabilities(dst, features, n)
}

// History reads history.jsonl.
func (r *Run) History() ([]head.Epoch, error) {
	f, err := os.Open(filepath.Join(r.Dir, historyFile))
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
