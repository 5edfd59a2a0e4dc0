package classify

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"iconic/curation"
	"iconic/extract"
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
	// RunnerUp is the second most probable cluster; nil if there is only one to which images can be assigned.
	RunnerUp *Choice `json:"runner_up,omitempty"`
	// Distance is the cosine distance to the nearest feature of the training set, 0 to 2; nil if the run did not record one.
	Distance *float64 `json:"distance,omitempty"`
	// NoneOfThese is true if the distance is greater than that of 95 % of the training images to their nearest other one.
	NoneOfThese bool `json:"none_of_these"`
}

// RowError says why a row of features cannot be classified.
type RowError struct {
	Row     int    // its index in the call
	Problem string // the rest of the sentence that begins with the features
}

func (e *RowError) Error() string { return fmt.Sprintf("the features of row %d %s", e.Row, e.Problem) }

// Classify assigns n images to clusters by their features, n×Run.Head.Dim values row by row. It fails on another number of values, and with a
// *RowError on features that are not finite or too large for the head.
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
	var led []bool
	if m.Curation != nil {
		led = m.Curation.Led()
	}
	all := make([]Prediction, n)
	for i := range all {
		first, second := topTwo(p[i*k:(i+1)*k], led)
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
// curation, each of the head's clusters adds to the cluster it leads to. It fails on the features on which Classify fails.
func (m *Model) Probabilities(features []float32, n int) (p []float32, clusters int, err error) {
	k, d := m.Run.Config.Training.Clusters, m.Run.Head.Dim
	if err := m.fits(features, n); err != nil {
		return nil, 0, err
	}
	p = make([]float32, n*k)
	if err := m.Run.Probabilities(p, features, n); err != nil {
		return nil, 0, err
	}
	for i := range n {
		if first, _ := topTwo(p[i*k:(i+1)*k], nil); first < 0 {
			return nil, 0, &RowError{i, "are so large that its probabilities are not numbers: give features on the scale on which the run was trained"}
		}
	}
	if m.Curation == nil {
		return p, k, nil
	}
	routes := m.Curation.Routes()
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

// fits refuses features that are not n rows of finite numbers.
func (m *Model) fits(features []float32, n int) error {
	d := m.Run.Head.Dim
	if n < 0 || len(features)%d != 0 || len(features)/d != n {
		return fmt.Errorf("%d numbers for %d rows of features: want %d for each row", len(features), n, d)
	}
	if i := notFinite(features); i >= 0 {
		return &RowError{i / d, fmt.Sprintf("are not finite (number %d is %v)", i%d, features[i])}
	}
	return nil
}

// notFinite is the index of the first number that is infinite or NaN; −1: there is none.
func notFinite(x []float32) int { return slices.IndexFunc(x, func(v float32) bool { return v-v != 0 }) }

// encodes refuses a model without an encoder.
func (m *Model) encodes() error {
	if m.Images == nil || m.Images.Dim() == 0 {
		return errors.New("the model has no encoder, so it takes features but no images: open it with Open, or with Found.Start")
	}
	return nil
}

// encodedAll refuses an encoder's features that are not finite.
func (m *Model) encodedAll(features []float32) error {
	if i, d := notFinite(features), m.Images.Dim(); i >= 0 {
		way := "use the provider cpu"
		if strings.HasPrefix(m.Images.Device(), "processor") {
			way = "check the encoder's file"
		}
		return fmt.Errorf("the encoder gives features that are not finite (number %d of image %d is %v) on %s: %s", i%d, i/d, features[i], m.Images.Device(), way)
	}
	return nil
}

// topTwo finds the two most probable of the clusters to which images are led, the lower index on ties; nil: to all. Both are −1 if the probabilities
// are NaN; second is −1 if there is only one such cluster.
func topTwo(p []float32, led []bool) (first, second int) {
	first, second = -1, -1
	for c, v := range p {
		switch {
		case v != v:
			return -1, -1
		case led != nil && !led[c]:
		case first < 0 || v > p[first]:
			first, second = c, first
		case second < 0 || v > p[second]:
			second = c
		}
	}
	return first, second
}

func (m *Model) choice(cluster int, p []float32) Choice {
	return Choice{Cluster: cluster, Name: m.name(cluster), Confidence: min(1, float64(p[cluster]))}
}

// name is the name of a cluster, "" if it has none.
func (m *Model) name(cluster int) string {
	if cluster >= len(m.Names) {
		return ""
	}
	return m.Names[cluster]
}

// Prepared assigns n images prepared by Images.Prepare, n×Images.Pixels() values, to clusters. It fails on a model without an encoder, and after Close.
func (m *Model) Prepared(ctx context.Context, prepared []float32, n int) ([]Prediction, error) {
	if err := m.encodes(); err != nil {
		return nil, err
	}
	if pixels := m.Images.Pixels(); n < 0 || pixels < 1 || len(prepared)%pixels != 0 || len(prepared)/pixels != n {
		return nil, fmt.Errorf("%d numbers for %d prepared images: want %d for each", len(prepared), n, pixels)
	}
	if n == 0 {
		return []Prediction{}, nil
	}
	features := make([]float32, n*m.Images.Dim())
	if err := m.Images.Encode(ctx, features, prepared, n); err != nil {
		return nil, err
	}
	if err := m.encodedAll(features); err != nil {
		if i, pixels := notFinite(prepared), m.Images.Pixels(); i >= 0 {
			err = fmt.Errorf("prepared image %d is not finite (number %d is %v)", i/pixels, i%pixels, prepared[i])
		}
		return nil, err
	}
	return m.Classify(features, n)
}

// Image assigns a decoded picture to a cluster. For files, use Images.Prepare and Prepared instead: their JPEG decoder gives the same
// bits as the extraction's. It fails on a model without an encoder, after Close, and on a picture that is nil or too large (pixels.FromImage).
func (m *Model) Image(ctx context.Context, picture image.Image) (Prediction, error) {
	if err := m.encodes(); err != nil {
		return Prediction{}, err
	}
	features, err := m.Images.Embed(ctx, picture)
	if err == nil {
		err = m.encodedAll(features)
	}
	if err != nil {
		return Prediction{}, err
	}
	all, err := m.Classify(features, 1)
	if err != nil {
		return Prediction{}, err
	}
	return all[0], nil
}
