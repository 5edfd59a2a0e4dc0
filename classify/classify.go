package classify

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"strconv"

	"iconic/curation"
	"iconic/extract"
	"iconic/report"
	"iconic/run"
)

// Model sorts images into the clusters of a run. Its methods may be called from several goroutines at once.
type Model struct {
	Run    *run.Run
	Images *extract.Embedder // the encoder; nil after Found.Features
	Names  []string          // names of the clusters, "" for one without a name
	// Curation, unless nil, says what became of the head's clusters: predictions then name curated clusters.
	Curation *curation.State

	found   *Found
	library string // path of the ONNX Runtime library
}

// Close frees the encoder.
func (m *Model) Close() error {
	if m.Images == nil {
		return m.found.Close()
	}
	return errors.Join(m.Images.Close(), m.found.Close())
}

// Choice is a cluster and its probability.
type Choice struct {
	Cluster    int     `json:"cluster"`
	Name       string  `json:"name,omitempty"`
	Confidence float64 `json:"confidence"` // 0 to 1
}

// Prediction is the cluster that a model assigns an image to.
type Prediction struct {
	Choice
	// RunnerUp is the second most probable cluster; nil if there is only one.
	RunnerUp *Choice `json:"runner_up,omitempty"`
	// Distance is the cosine distance to the nearest feature of the training set, 0 to 2; nil if the run did not record one.
	Distance *float64 `json:"distance,omitempty"`
	// NoneOfThese is true if the distance is greater than that of 95 % of the training images to their nearest other one.
	NoneOfThese bool `json:"none_of_these"`
}

// Classify assigns n images to clusters by their features, n×Run.Head.Dim values row by row. It fails on features that are not finite.
func (m *Model) Classify(features []float32, n int) ([]Prediction, error) {
	p, k, err := m.Probabilities(features, n)
	if err != nil {
		return nil, err
	}
	var distances []float64
	if m.Run.Novelty != nil {
		distances = make([]float64, n)
		if err := m.Run.Novelty.Distances(distances, features, n); err != nil {
			return nil, err
		}
	}
	all := make([]Prediction, n)
	for i := range all {
		first, second := topTwo(p[i*k : (i+1)*k])
		if first < 0 {
			return nil, errors.New("the features are not finite: the encoder does not work on this device")
		}
		all[i] = Prediction{Choice: m.choice(first, p[i*k:])}
		if second >= 0 {
			runner := m.choice(second, p[i*k:])
			all[i].RunnerUp = &runner
		}
		if distances != nil {
			all[i].Distance, all[i].NoneOfThese = &distances[i], distances[i] > m.Run.Novelty.Threshold
		}
	}
	return all, nil
}

// Clusters is the number of clusters that a prediction may name.
func (m *Model) Clusters() int {
	if m.Curation != nil {
		return len(m.Curation.Clusters)
	}
	return m.Run.Config.Training.Clusters
}

// Probabilities returns the probabilities of all clusters for n rows of features: n×clusters values from 0 to 1 that sum to 1 in each row. Under a
// curation, each of the head's clusters adds to the cluster it leads to.
func (m *Model) Probabilities(features []float32, n int) (p []float32, clusters int, err error) {
	k := m.Run.Config.Training.Clusters
	p = make([]float32, n*k)
	if err := m.Run.Probabilities(p, features, n); err != nil || m.Curation == nil {
		return p, k, err
	}
	routes, d := m.Curation.Routes(), m.Run.Head.Dim
	clusters = m.Clusters()
	q := make([]float32, n*clusters)
	for i := range n {
		x := features[i*d : (i+1)*d]
		for c, share := range p[i*k : (i+1)*k] {
			q[i*clusters+routes[c].Follow(x)] += share
		}
	}
	return q, clusters, nil
}

// topTwo finds the two most probable clusters, the lower index on ties. Both are −1 if the probabilities are NaN; second is −1 if there is
// only one cluster.
func topTwo(p []float32) (first, second int) {
	first, second = -1, -1
	for c, v := range p {
		switch {
		case v != v:
			return -1, -1
		case first < 0 || v > p[first]:
			first, second = c, first
		case second < 0 || v > p[second]:
			second = c
		}
	}
	return first, second
}

func (m *Model) choice(cluster int, p []float32) Choice {
	c := Choice{Cluster: cluster, Confidence: min(1, float64(p[cluster]))}
	if cluster < len(m.Names) {
		c.Name = m.Names[cluster]
	}
	return c
}

// Prepared assigns n images prepared by Images.Prepare, n×Images.Pixels() values, to clusters.
func (m *Model) Prepared(ctx context.Context, prepared []float32, n int) ([]Prediction, error) {
	features := make([]float32, n*m.Images.Dim())
	if err := m.Images.Encode(ctx, features, prepared, n); err != nil {
		return nil, err
	}
	return m.Classify(features, n)
}

// ClassNames are the names that a run's labels give its clusters (report.NameClusters), "" for a cluster without one; nil if there were no
// labels. It fails if the run's metrics.json describes another head.
func ClassNames(r *run.Run) ([]string, error) {
	metrics, err := r.Scores()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // trained from Go, or stopped before it was scored
	}
	if err != nil {
		return nil, err
	}
	if metrics.Labelled == nil {
		return nil, nil
	}
	called, err := metrics.ReadNames(func() (*report.Assignments, error) {
		return run.Assignments(r.Dir, metrics.Classes)
	})
	if err != nil {
		return nil, err
	}
	names := make([]string, metrics.Clusters)
	for c, n := range called {
		names[c] = n.Name
	}
	return names, nil
}

// ReadNames reads names of clusters from a CSV file with lines "cluster,name"; a header line is skipped. Clusters that the file does not
// name have "".
func ReadNames(file string, clusters int) ([]string, error) {
	named, err := ReadNamed(file, clusters)
	if err != nil {
		return nil, err
	}
	names := make([]string, clusters)
	for c, name := range named {
		names[c] = name
	}
	return names, nil
}

// ReadNamed is ReadNames as a map that contains only the clusters named by the file; a name may be empty.
func ReadNamed(file string, clusters int) (map[int]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.TrimLeadingSpace = 2, true
	names := map[int]string{}
	for line := 1; ; line++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w; want lines with a cluster's number and its name, such as 3,dogs", file, err)
		}
		c, err := strconv.Atoi(record[0])
		if err != nil && line == 1 {
			continue
		}
		if err != nil || c < 0 || c >= clusters {
			return nil, fmt.Errorf("%s, line %d: cluster %q: want a number from 0 to %d", file, line, record[0], clusters-1)
		}
		if _, twice := names[c]; twice {
			return nil, fmt.Errorf("%s, line %d: cluster %d is named a second time", file, line, c)
		}
		names[c] = record[1]
	}
}

// Image assigns a decoded picture to a cluster. For files, use Images.Prepare and Prepared instead: their JPEG decoder gives the same
// bits as the extraction's.
func (m *Model) Image(ctx context.Context, picture image.Image) (Prediction, error) {
	features, err := m.Images.Embed(ctx, picture)
	if err != nil {
		return Prediction{}, err
	}
	all, err := m.Classify(features, 1)
	if err != nil {
		return Prediction{}, err
	}
	return all[0], nil
}
