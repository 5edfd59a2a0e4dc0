package head

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"

	"iconic/head/optim"
	"iconic/internal/safetensors"
)

// checkpointFile is the state of a training that has not ended, in a run folder.
const checkpointFile = "checkpoint.safetensors"

// SaveCheckpoint writes s into a run folder, in one piece. Random numbers need no place in it: they come from (seed, epoch,
// item).
func SaveCheckpoint(dir string, s *State) error {
	var tensors []safetensors.Tensor
	add := func(prefix string, l *Linear) {
		tensors = append(tensors,
			safetensors.FromFloat32(prefix+".weight", l.Weight, l.Clusters, l.Dim),
			safetensors.FromFloat32(prefix+".bias", l.Bias, l.Clusters))
	}
	history, err := json.Marshal(s.History)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	metadata := map[string]string{"epoch": strconv.Itoa(s.Epoch), "heads": strconv.Itoa(len(s.Heads)), "history": string(history)}
	if s.Weights != nil {
		add("edges", s.Weights)
	}
	for h, tr := range s.Heads {
		prefix := "head" + strconv.Itoa(h)
		add(prefix, tr.Linear)
		if tr.Average != nil {
			add(prefix+".average", tr.Average)
		}
		if tr.Adam.First != nil {
			l := tr.Linear
			add(prefix+".first", &Linear{l.Clusters, l.Dim, tr.Adam.First[0], tr.Adam.First[1]})
			add(prefix+".second", &Linear{l.Clusters, l.Dim, tr.Adam.Second[0], tr.Adam.Second[1]})
		}
		metadata[prefix+".steps"] = strconv.Itoa(tr.Adam.Steps)
		metadata[prefix+".weight_decay"] = exact(tr.Adam.WeightDecay)
		metadata[prefix+".loss"] = exact(tr.Loss)
	}
	return safetensors.WriteFile(filepath.Join(dir, checkpointFile), tensors, metadata)
}

// exact writes a number so that reading it gives the same bits.
func exact(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// LoadCheckpoint reads what SaveCheckpoint wrote.
func LoadCheckpoint(dir string) (*State, error) {
	name := filepath.Join(dir, checkpointFile)
	f, err := safetensors.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := checkpointReader{file: f}
	s := &State{Epoch: r.integer("epoch"), Weights: r.linear("edges", true)}
	if err := json.Unmarshal([]byte(f.Metadata["history"]), &s.History); err != nil {
		r.err = fmt.Errorf("history: %w", err)
	}
	for h := range r.integer("heads") {
		prefix := "head" + strconv.Itoa(h)
		tr := &Trainee{Linear: r.linear(prefix, false), Average: r.linear(prefix+".average", true), Loss: r.number(prefix + ".loss")}
		tr.Adam = optim.Adam[float32]{Steps: r.integer(prefix + ".steps"), WeightDecay: r.number(prefix + ".weight_decay")}
		if first, second := r.linear(prefix+".first", true), r.linear(prefix+".second", true); first != nil && second != nil {
			tr.Adam.First, tr.Adam.Second = first.parameters(), second.parameters()
		}
		s.Heads = append(s.Heads, tr)
	}
	if r.err == nil && len(s.Heads) == 0 {
		r.err = fmt.Errorf("no heads")
	}
	if r.err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w; remove it and train from the start", name, r.err)
	}
	return s, nil
}

// checkpointReader reads until the first error.
type checkpointReader struct {
	file *safetensors.File
	err  error
}

func (r *checkpointReader) integer(key string) int {
	v, err := strconv.Atoi(r.file.Metadata[key])
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", key, err)
	}
	return v
}

func (r *checkpointReader) number(key string) float64 {
	v, err := strconv.ParseFloat(r.file.Metadata[key], 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", key, err)
	}
	return v
}

// linear reads a head, or nil when it may be missing and is.
func (r *checkpointReader) linear(prefix string, optional bool) *Linear {
	if _, err := r.file.Lookup(prefix + ".weight"); err != nil && optional {
		return nil
	}
	l, err := readLinear(r.file, prefix+".weight", prefix+".bias")
	if err != nil && r.err == nil {
		r.err = err
	}
	return l
}

// readLinear reads the two tensors of a head.
func readLinear(f *safetensors.File, weight, bias string) (*Linear, error) {
	info, err := f.Lookup(weight)
	if err != nil {
		return nil, err
	}
	if len(info.Shape) != 2 {
		return nil, fmt.Errorf("tensor %s has shape %v: want clusters×features", weight, info.Shape)
	}
	l := &Linear{Clusters: info.Shape[0], Dim: info.Shape[1]}
	if l.Weight, err = f.Float32(weight); err != nil {
		return nil, err
	}
	if l.Bias, err = f.Float32(bias); err != nil {
		return nil, err
	}
	if len(l.Bias) != l.Clusters {
		return nil, fmt.Errorf("tensor %s has %d numbers: want one for each of %d clusters", bias, len(l.Bias), l.Clusters)
	}
	return l, nil
}
