package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
)

// Number is a score that may be undefined: NaN or infinite here, null in JSON, which is read as NaN.
type Number float64

// Defined reports whether the score is defined: a finite number.
func (x Number) Defined() bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// Unsigned is a number as text without its sign if it is zero or was rounded to zero: "-0.000" is "0.000", since it is not meant to be negative.
func Unsigned(number string) string {
	if unsigned := strings.TrimLeft(number, "+-"); strings.Trim(unsigned, "0.") == "" {
		return unsigned
	}
	return number
}

// MarshalJSON writes the shortest decimal that reads back as x, or null.
func (x Number) MarshalJSON() ([]byte, error) {
	if !x.Defined() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(x), 'g', -1, 64), nil
}

// UnmarshalJSON reads a number, or null as NaN.
func (x *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*x = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(x))
}

// Metrics is the content of metrics.json: the scores of one clustering. It contains no times and no local file names, so two
// runs with the same settings write the same bytes.
type Metrics struct {
	N                 int    `json:"n"`                  // items
	Clusters          int    `json:"clusters"`           // clusters available to the head
	ClustersUsed      int    `json:"clusters_used"`      // clusters with at least one item
	EffectiveClusters Number `json:"effective_clusters"` // exp of the entropy of the cluster sizes
	ClusterSizes      []int  `json:"cluster_sizes"`      // items in each cluster
	Merged            []int  `json:"merged,omitempty"`   // clusters that are part of others by now, ascending; they have no items, and their numbers are not used again
	Loss              Number `json:"loss"`               // objective minimised in training; for k-means the mean squared distance to the centre
	MeanConfidence    Number `json:"mean_confidence"`    // mean top probability

	// ExpectedAccuracy is the accuracy that training expects, estimated without labels; 0: not estimated.
	ExpectedAccuracy Number `json:"expected_accuracy,omitempty"`
	// Choice is a sentence that says how training chose among several clusterings; "": there was only one.
	Choice string `json:"choice,omitempty"`

	// HeadChecksum and AssignmentsChecksum say which head and which assignments of a run the scores describe (package run); "": in files of
	// earlier versions.
	HeadChecksum        string `json:"head_checksum,omitempty"`
	AssignmentsChecksum string `json:"assignments_checksum,omitempty"`

	*Labelled            // nil without labels
	LabelFree *LabelFree `json:"label_free,omitempty"` // nil if the features were not available
	KMeans    *Metrics   `json:"kmeans,omitempty"`     // the baseline on the same features
}

// Existing is the number of clusters that were not merged into others.
func (m *Metrics) Existing() int { return m.Clusters - len(m.Merged) }

// Labelled contains the scores that use labels. All shares are in [0, 1].
type Labelled struct {
	LabelledItems int      `json:"labelled"` // items with a label; the others are left out of these scores
	Classes       []string `json:"classes"`  // names, in the order of per_class_accuracy
	Matching      Matching `json:"matching"` //

	// Names are the clusters' names; nil in files from before names were stored (ReadNames derives them in that case).
	Names []ClusterName `json:"names"`

	Accuracy         Number    `json:"accuracy"`             // one-to-one matching
	AccuracyInterval [2]Number `json:"accuracy_interval"`    // bootstrap, 95 %; the matching is held fixed
	ManyToOne        Number    `json:"many_to_one_accuracy"` // each cluster counts as its most frequent class
	NMI              Number    `json:"nmi"`                  // normalised by the arithmetic mean of the entropies
	ARI              Number    `json:"ari"`                  //
	AMI              Number    `json:"ami"`                  // normalised by the arithmetic mean of the entropies
	ECE              Number    `json:"ece"`                  // equal-width bins
	ECEInterval      [2]Number `json:"ece_interval"`         // bootstrap, 95 %, corrected for its bias; the matching is held fixed
	ECEByChance      Number    `json:"ece_by_chance"`        // what ece would be on average if the confidence were right, with as many items
	MCE              Number    `json:"mce"`                  // the worst of these bins
	AdaptiveECE      Number    `json:"adaptive_ece"`         // bins of equal count
	ClassWiseECE     Number    `json:"class_wise_ece"`       // mean over the classes' own probabilities
	Brier            Number    `json:"brier"`                // in [0, 2]
	NLL              Number    `json:"nll"`                  // nats
	PerClassAccuracy []Number  `json:"per_class_accuracy"`   // null for a class without items
	Reliability      []Bin     `json:"reliability"`          // the bins of ece and mce
}

// Matching gives the class matched to each cluster, by which accuracy and calibration are measured. It does not name clusters.
type Matching struct {
	FittedOn       string `json:"fitted_on"`        // the split whose labels it was fitted on
	ClassOfCluster []int  `json:"class_of_cluster"` // −1: none
}

// WriteMetrics writes m to a file atomically: keys in a fixed order, indented by two spaces. It refuses what ReadMetrics would.
func WriteMetrics(name string, m *Metrics) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("%s would be inconsistent: %w", name, err)
	}
	return atomicfile.Write(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(m)
	})
}

// ReadMetrics reads a file written by WriteMetrics. It returns an error if its parts are inconsistent.
func ReadMetrics(name string) (*Metrics, error) {
	raw, err := regular.Read(name)
	if err != nil {
		return nil, err
	}
	m := new(Metrics)
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("%s is not a metrics file: %w", name, err)
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s is inconsistent: %w", name, err)
	}
	return m, nil
}
