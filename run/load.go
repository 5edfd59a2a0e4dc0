package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"iconic/features"
	"iconic/head"
	"iconic/head/novelty"
	"iconic/internal/bucket"
	"iconic/internal/regular"
	"iconic/internal/safetensors"
)

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
		return nil, fmt.Errorf("run folder %s: an ensemble of %d heads does not match %s, whose format %d has no ensembles: one of the two belongs to another run", dir, r.Head.Members, configFile, r.Config.Format)
	}
	if r.Head.Flat > 0 && r.Config.Format < formatOf(r.Head) {
		return nil, fmt.Errorf("run folder %s: a head with a flat share does not match %s, whose format %d has no flat share: one of the two belongs to another run", dir, configFile, r.Config.Format)
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
	if dir == "" {
		return nil, errors.New("the run folder has no name")
	}
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

// Accepts fails unless the data of this name are of the kind that the run's head takes: a matrix (features.IsMatrix) if the features were given as one, and
// anything else if not, since a matrix does not say what made it.
func (r *Run) Accepts(name string) error {
	switch plain := r.Config.Plain(); {
	case plain == features.IsMatrix(name):
		return nil
	case plain:
		return fmt.Errorf("run %s takes rows of features, since it was trained on those of a plain matrix, whose encoder is unknown: give a matrix such as new.npy in the place of %s",
			r.Dir, bucket.Public(name))
	}
	return fmt.Errorf("%s is a matrix of features, which does not say how they were made, and run %s takes those of its encoder: give a feature store", name, r.Dir)
}
