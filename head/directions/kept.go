package directions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"iconic/head/train"
)

// Conversion of the results of a search's stages to the tensors of a checkpoint and back.

func keepStarts(starts []start) []train.Tensor {
	var list []train.Tensor
	for _, s := range starts {
		list = append(list, wholes(s.name, s.cluster))
	}
	return list
}

// keptStarts returns starts, of which the first are so many critics.
func (s *search) keptStarts(list []train.Tensor, critics int) ([]start, error) {
	var starts []start
	for _, t := range list {
		cluster, err := s.clusters(t, s.z.Len())
		if err != nil {
			return nil, err
		}
		starts = append(starts, start{t.Name, cluster})
	}
	if len(starts) <= critics || critics > 0 && starts[critics-1].name != unprocessed || starts[critics].name == unprocessed {
		return nil, errMadeUp
	}
	return starts, nil
}

// errMadeUp reports state that no stage of this search could have saved.
var errMadeUp = fmt.Errorf("%w: no stage of this search for clusters could have saved it", train.ErrOtherState)

// keepCandidates returns each candidate's description, its clusters, and the clusters of its probes; mixtures that differ only in their
// start share those, and those of joined groups are of a sample of the rows.
func keepCandidates(all []Candidate) []train.Tensor {
	var list []train.Tensor
	for i, c := range all {
		name := strconv.Itoa(i)
		numbers := append([]float64{c.Kappa, 0, float64(c.Groups), c.likelihood, c.Agreement, c.Explained}, c.agreement...)
		if c.Equal {
			numbers[1] = 1
		}
		list = append(list, train.Tensor{Name: name + " " + c.Start, Float64: numbers}, wholes(name+".clusters", c.cluster))
		for p, probe := range c.probes {
			t := wholes(name+".probe"+strconv.Itoa(p), probe)
			if sharer(all, i) < i {
				t.Int64 = nil
			}
			list = append(list, t)
		}
	}
	return list
}

// sharer is the first candidate with the same probes as candidate i.
func sharer(all []Candidate, i int) int {
	for e, c := range all[:i] {
		if c.sameProbes(all[i]) {
			return e
		}
	}
	return i
}

func (s *search) keptCandidates(list []train.Tensor) ([]Candidate, error) {
	probes := s.effort().probes
	each := 2 + probes
	count := len(list) / each
	if count == 0 || len(list)%each != 0 {
		return nil, errMadeUp
	}
	var all []Candidate
	for i := range count {
		own := list[i*each : (i+1)*each]
		x := own[0].Float64
		_, start, named := strings.Cut(own[0].Name, " ")
		if len(x) != 6+probes || !named {
			return nil, errMadeUp
		}
		c := Candidate{
			Kappa: x[0], Equal: x[1] == 1, Groups: int(x[2]), likelihood: x[3], Agreement: x[4], Explained: x[5], agreement: x[6:], Start: start,
		}
		if c.Groups != 0 && !slices.Contains(s.groups(), c.Groups) {
			return nil, errMadeUp
		}
		var err error
		if c.cluster, err = s.clusters(own[1], s.z.Len()); err != nil {
			return nil, err
		}
		all = append(all, c)
		if first := sharer(all, i); first < i {
			all[i].probes = all[first].probes
			continue
		}
		rows := len(s.probed(c, c.cluster))
		for _, t := range own[2:] {
			probe, err := s.clusters(t, rows)
			if err != nil {
				return nil, err
			}
			all[i].probes = append(all[i].probes, probe)
		}
	}
	for i := range all {
		if err := s.measureChance(&all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func wholes(name string, x []int32) train.Tensor {
	t := train.Tensor{Name: name, Int64: make([]int64, len(x))}
	for i, v := range x {
		t.Int64[i] = int64(v)
	}
	return t
}

// clusters returns the clusters of so many rows, checked to be in range.
func (s *search) clusters(t train.Tensor, rows int) ([]int32, error) {
	if len(t.Int64) != rows {
		return nil, errMadeUp
	}
	x := make([]int32, len(t.Int64))
	for i, v := range t.Int64 {
		if v < 0 || v >= int64(s.options.Clusters) {
			return nil, errMadeUp
		}
		x[i] = int32(v)
	}
	return x, nil
}
