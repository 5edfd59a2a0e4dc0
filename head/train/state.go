package train

import (
	"errors"
	"fmt"
	"slices"

	"iconic/head/optim"
	"iconic/internal/kernel"
)

// Epoch is a line of a training's history.
type Epoch struct {
	Epoch        int     `json:"epoch"` // counted from 1
	Step         int     `json:"step"`  // steps done so far
	Loss         float64 `json:"loss"`  // mean over the epoch's steps, for the learner with the lowest loss, in nats
	LearningRate float64 `json:"learning_rate"`
	// For tasks that assign clusters: that learner's assignments of the last batch's anchors.
	ClustersUsed int     `json:"clusters_used,omitempty"`
	LargestShare float64 `json:"largest_share,omitempty"` // largest share of those anchors in one cluster
}

// State is a training between two steps: the results of completed phases, and the current phase.
type State struct {
	Phases  []Phase
	History []Epoch
	Notes   []string // of phases, in sentences
	Kernels []string // the implementations of the arithmetic that computed it, in order (kernel.Path); nil if an earlier version saved it
}

// Kernels are the implementations of the arithmetic that compute a training which continues from a state, or starts if it is nil, in order: those that computed the
// state, and the one in use.
func Kernels(from *State) []string {
	var list []string
	if from != nil {
		list = slices.Clone(from.Kernels)
	}
	if now := kernel.Path(); len(list) == 0 || list[len(list)-1] != now {
		list = append(list, now)
	}
	return list
}

// ErrOtherState is in the chain of the error of a training that cannot continue from a state: settings or another version of this program made it.
var ErrOtherState = errors.New("the saved state belongs to another training, or to another version of this program")

// Phase is the state of one task.
type Phase struct {
	Name        string
	Step, Steps int // steps done, and total
	Tensors     []Tensor
}

// Tensor is a named part of a state: exactly one of the three slices is set.
type Tensor struct {
	Name    string
	Float32 []float32
	Float64 []float64
	Int64   []int64
}

// Len is the number of elements.
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

// restore copies saved numbers into those of a phase. It fails if names or lengths differ.
func restore(phase string, into, from []Tensor) error {
	if len(into) != len(from) {
		return fmt.Errorf("%w: its phase %s has %d tensors, but the settings require %d", ErrOtherState, phase, len(from), len(into))
	}
	for i, t := range into {
		f := from[i]
		if f.Name != t.Name || len(f.Float32) != len(t.Float32) || len(f.Float64) != len(t.Float64) || len(f.Int64) != len(t.Int64) {
			return fmt.Errorf("%w: its phase %s has %d numbers of %s, but the settings require %d of %s", ErrOtherState, phase, f.Len(), f.Name, t.Len(), t.Name)
		}
	}
	for i, t := range into {
		copy(t.Float32, from[i].Float32)
		copy(t.Float64, from[i].Float64)
		copy(t.Int64, from[i].Int64)
	}
	return nil
}
