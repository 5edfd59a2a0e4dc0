package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"iconic/models"
	"iconic/models/vit"
)

// officialTensor is a tensor of a published encoder.
type officialTensor struct {
	name  string
	shape []int
	sigma float64 // standard deviation at which random values pass through the encoder; 0 for gains, which are about 1
}

func (t officialTensor) elements() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// officialTensors lists the tensors in an encoder's official file, except those of DINOv3 that must have exact values: the periods of the
// rotation, which are then computed, and the bias masks.
func officialTensors(a vit.Architecture) []officialTensor {
	d, h := a.Width, a.Hidden
	var all []officialTensor
	add := func(name string, sigma float64, shape ...int) { all = append(all, officialTensor{name, shape, sigma}) }
	norm := func(name string) { add(name+".weight", 0, d); add(name+".bias", 0.02, d) }
	linear := func(name string, out, in int) {
		add(name+".weight", 1/math.Sqrt(float64(in)), out, in)
		add(name+".bias", 0.02, out)
	}
	add("cls_token", 0.02, 1, 1, d)
	if a.Grid > 0 {
		add("pos_embed", 0.02, 1, 1+a.Grid*a.Grid, d)
	}
	if a.Family != vit.DINO {
		add("mask_token", 0.02, 1, d)
	}
	if a.Family == vit.DINOv3 {
		add("storage_tokens", 0.02, 1, a.Registers, d)
	} else if a.Registers > 0 {
		add("register_tokens", 0.02, 1, a.Registers, d)
	}
	add("patch_embed.proj.weight", 0.02, d, 3, a.Patch, a.Patch)
	add("patch_embed.proj.bias", 0.02, d)
	norm("norm")
	for i := range a.Depth {
		b := fmt.Sprintf("blocks.%d.", i)
		norm(b + "norm1")
		norm(b + "norm2")
		linear(b+"attn.qkv", 3*d, d)
		linear(b+"attn.proj", d, d)
		switch {
		case a.Gated && a.Family == vit.DINOv3:
			linear(b+"mlp.w1", h, d)
			linear(b+"mlp.w2", h, d)
			linear(b+"mlp.w3", d, h)
		case a.Gated:
			linear(b+"mlp.w12", 2*h, d)
			linear(b+"mlp.w3", d, h)
		default:
			linear(b+"mlp.fc1", h, d)
			linear(b+"mlp.fc2", d, h)
		}
		if a.Scaled {
			add(b+"ls1.gamma", 0, d)
			add(b+"ls2.gamma", 0, d)
		}
	}
	return all
}

// officialHeader is the header of a safetensors file with those tensors, and the number of bytes after it.
func officialHeader(tensors []officialTensor) (header []byte, size int64, err error) {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	entries := map[string]entry{}
	for _, t := range tensors {
		from := size
		size += int64(4 * t.elements())
		entries[t.name] = entry{"F32", t.shape, [2]int64{from, size}}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return nil, 0, err
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), size, nil
}

// zeros writes the weights of a published encoder as a sparse file of zeros, which takes no disk space:
//
//	zeros name file
func zeros(ts *testscript.TestScript, _ bool, args []string) {
	e, err := models.Lookup(args[0])
	ts.Check(err)
	header, size, err := officialHeader(officialTensors(e.Architecture))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), header, 0o600))
	ts.Check(os.Truncate(ts.MkAbs(args[1]), int64(len(header))+size))
}
