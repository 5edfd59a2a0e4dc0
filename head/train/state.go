package train

import (
	"fmt"

	"iconic/head/optim"
)

// Epoch is a line of a training's history.
type Epoch struct {
	Epoch        int     `json:"epoch"` // from 1
	Step         int     `json:"step"`  // steps taken so far
	Loss         float64 `json:"loss"`  // mean over the epoch's steps, of the learner of least loss, in nats
	LearningRate float64 `json:"learning_rate"`
	// Of tasks that assign clusters, for that learner's assignments of the last batch's anchors:
	ClustersUsed int     `json:"clusters_used,omitempty"`
	LargestShare float64 `json:"largest_share,omitempty"` // of those anchors in one cluster
}

// State is a training between two steps: what those phases that have ended left, and the one under way.
type State struct {
	Phases  []Phase
	History []Epoch
}

// Phase is the state of one task.
type Phase struct {
	Name        string
	Step, Steps int // taken, and in all
	Tensors     []Tensor
}

// Tensor is named numbers of a state: of the three slices just one is set.
type Tensor struct {
	Name    string
	Float32 []float32
	Float64 []float64
	Int64   []int64
}

// Len is the count of numbers.
func (t Tensor) Len() int { return len(t.Float32) + len(t.Float64) + len(t.Int64) }

func tensor[T optim.Float](name string, x []T) Tensor {
	switch x := any(x).(type) {
	case []float32:
		return Tensor{Name: name, Float32: x}
	case []float64:
		return Tensor{Name: name, Float64: x}
	}
	return Tensor{Name: name}
}

// restore copies kept numbers into those of a phase. It fails when they are not of the same names and lengths.
func restore(phase string, into, from []Tensor) error {
	if len(into) != len(from) {
		return fmt.Errorf("checkpoint: phase %s has %d tensors, the settings make %d: it is of another training", phase, len(from), len(into))
	}
	for i, t := range into {
		f := from[i]
		if f.Name != t.Name || len(f.Float32) != len(t.Float32) || len(f.Float64) != len(t.Float64) || len(f.Int64) != len(t.Int64) {
			return fmt.Errorf("checkpoint: phase %s has %d numbers of %s, the settings make %d of %s: it is of another training", phase, f.Len(), f.Name, t.Len(), t.Name)
		}
	}
	for i, t := range into {
		copy(t.Float32, from[i].Float32)
		copy(t.Float64, from[i].Float64)
		copy(t.Int64, from[i].Int64)
	}
	return nil
}
