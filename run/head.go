package run

import (
	"fmt"
	"slices"
	"strconv"

	"iconic/head"
	"iconic/internal/safetensors"
)

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
