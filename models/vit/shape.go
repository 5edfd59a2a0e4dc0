package vit

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"iconic/models/weights"
	"iconic/option"
)

// Family is the family of an encoder, which determines the training recipe.
type Family string

const (
	DINO   Family = "dino"   // Caron et al. 2021, arXiv 2104.14294
	DINOv2 Family = "dinov2" // Oquab et al. 2023, arXiv 2304.07193; registers: Darcet et al. 2023, arXiv 2309.16588
	DINOv3 Family = "dinov3" // Siméoni et al. 2025, arXiv 2508.10104
)

// Architecture is the shape of an encoder.
type Architecture struct {
	Family    Family `json:"family"`
	Width     int    `json:"width"`     // numbers per token
	Depth     int    `json:"depth"`     // blocks
	Heads     int    `json:"heads"`     // attention heads; Width is a multiple
	Patch     int    `json:"patch"`     // side in pixels
	Grid      int    `json:"grid"`      // patches per side in training; 0 if positions are rotations, which fit any size
	Registers int    `json:"registers"` // tokens besides the class token that do not represent image content
	Hidden    int    `json:"hidden"`    // width inside the feed-forward networks
	Gated     bool   `json:"gated"`     // SwiGLU instead of GELU
	Scaled    bool   `json:"scaled"`    // layer scale
}

func (a Architecture) String() string {
	s := fmt.Sprintf("%s, %d blocks of width %d with %d heads, patches of %d×%d pixels", a.Family, a.Depth, a.Width, a.Heads, a.Patch, a.Patch)
	if a.Grid > 0 {
		s += fmt.Sprintf(", trained on %d×%d", a.Grid*a.Patch, a.Grid*a.Patch)
	}
	if a.Registers > 0 {
		s += fmt.Sprintf(", %d registers", a.Registers)
	}
	if a.Gated {
		s += ", SwiGLU"
	}
	return s
}

// Parameters is the number of trained numbers as counted for the published models: the whole encoder, and in DINOv2 and DINOv3 the mask
// token of pretraining. The bias of DINOv3's keys, which a mask keeps at zero, is not counted.
func (a Architecture) Parameters() int {
	d, h := a.Width, a.Hidden
	n := d + 3*a.Patch*a.Patch*d + d + 2*d // class token, patches, final norm
	if a.Grid > 0 {
		n += (1 + a.Grid*a.Grid) * d // positions
	}
	if a.Family != DINO {
		n += d
	}
	n += a.Registers * d
	block := 4*d + 3*d*d + 3*d + d*d + d // norms, qkv, output
	if a.Gated {
		block += d*2*h + 2*h + h*d + d
	} else {
		block += d*h + h + h*d + d
	}
	if a.Scaled {
		block += 2 * d
	}
	if a.Family == DINOv3 {
		block -= d
	}
	return n + a.Depth*block
}

// GFLOPs is the number of operations for one image of size×size pixels, in 10⁹ floating-point operations, where a multiplication and an
// addition count as two: patches and all blocks for all tokens, without norms. It is 0 for an encoder without patches.
func (a Architecture) GFLOPs(size int) float64 {
	if a.Patch < 1 {
		return 0
	}
	d, h := float64(a.Width), float64(a.Hidden)
	patches := math.Pow(float64(size/a.Patch), 2)
	tokens := patches + 1 + float64(a.Registers)
	forward := 2 * d * h
	if a.Gated {
		forward = 3 * d * h
	}
	block := tokens*(4*d*d+forward) + 2*tokens*tokens*d
	return 2 * (patches*3*float64(a.Patch*a.Patch)*d + float64(a.Depth)*block) / 1e9
}

// headWidth is the width of one attention head in every published encoder of the widths below.
const headWidth = 64

// publishedWidths are those of the published encoders of a family; for any other width the number of heads is unknown.
var publishedWidths = map[Family][]int{
	DINO:   {192, 384, 768},
	DINOv2: {384, 768, 1024, 1536},
	DINOv3: {384, 768, 1024, 1280},
}

// Inspect derives the architecture from the names and shapes in a file. They do not show the number of heads: with heads = 0 it is taken
// from "heads" in the metadata of a safetensors file, then from the rotary periods, and otherwise follows from a head width of 64 if the
// width is that of a published encoder of the family.
func Inspect(f *weights.File, heads int) (Architecture, error) {
	_, a, err := inspect(f, heads)
	return a, err
}

func inspect(f *weights.File, heads int) (*layout, Architecture, error) {
	if f == nil {
		return nil, Architecture{}, errors.New("there are no weights")
	}
	fail := func(err error) (*layout, Architecture, error) {
		return nil, Architecture{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	l, err := find(f.Tensors)
	if err != nil {
		return fail(err)
	}
	if said, ok := f.Metadata["heads"]; ok {
		n, err := strconv.Atoi(said)
		switch {
		case heads == 0 && (err != nil || n < 1):
			return fail(fmt.Errorf("metadata state %.40q heads: want a number", said))
		case heads == 0:
			heads = n
		case err != nil || n != heads:
			l.notes = append(l.notes, fmt.Sprintf("the metadata state %.40q attention heads, and the %d that were given are used", said, heads))
		}
	}
	a, err := l.architecture(heads)
	if err != nil {
		return fail(err)
	}
	if err := l.check(a); err != nil {
		return fail(err)
	}
	return l, a, nil
}

func (l *layout) architecture(heads int) (Architecture, error) {
	patch := l.parts[key{patchWeight, -1}]
	if len(patch.Shape) != 4 || patch.Shape[1] != 3 || patch.Shape[2] != patch.Shape[3] || slices.Min(patch.Shape) < 1 {
		return Architecture{}, fmt.Errorf("tensor %q has shape %v, want width×3×patch×patch", patch.Name, patch.Shape)
	}
	a := Architecture{Family: DINO, Width: patch.Shape[0], Depth: l.depth, Patch: patch.Shape[2], Gated: l.gated(), Scaled: l.has(scale1, 0)}
	if a.Depth == 0 {
		return a, fmt.Errorf("it has no transformer block")
	}
	if a.Scaled || l.has(maskToken, -1) || l.has(registers, -1) {
		a.Family = DINOv2
	}
	if r, ok := l.parts[key{registers, -1}]; ok {
		if len(r.Shape) != 3 {
			return a, fmt.Errorf("tensor %q has shape %v, want 1×registers×%d", r.Name, r.Shape, a.Width)
		}
		a.Registers = r.Shape[1]
	}
	if l.rotary {
		a.Family = DINOv3
	} else if err := l.grid(&a); err != nil {
		return a, err
	}
	inner := l.parts[key{fc1Weight, 0}]
	switch {
	case l.has(siluWeight, 0):
		inner = l.parts[key{siluWeight, 0}]
	case a.Gated:
		inner = l.parts[key{gatedWeight, 0}]
	}
	if len(inner.Shape) != 2 {
		return a, fmt.Errorf("tensor %q has shape %v, want a matrix", inner.Name, inner.Shape)
	}
	a.Hidden = inner.Shape[0]
	if a.Gated && !l.has(siluWeight, 0) {
		a.Hidden = inner.Shape[1]
	}
	p, ok := l.parts[key{periods, -1}]
	if !ok {
		p, ok = l.parts[key{frequencies, -1}]
	}
	if ok && len(p.Shape) == 1 && p.Shape[0] > 0 { // a quarter of a head: two axes, two halves
		width := 4 * p.Shape[0]
		if a.Width%width != 0 || heads != 0 && heads != a.Width/width {
			return a, fmt.Errorf("tensor %q has %d periods, for heads of width %d, which %d heads in an encoder of width %d do not have", p.Name, p.Shape[0], width, heads, a.Width)
		}
		heads = a.Width / width
	}
	if err := a.setHeads(heads); err != nil {
		return a, err
	}
	if l.rotary && a.Width/a.Heads%4 != 0 {
		return a, fmt.Errorf("%d heads of width %d: rotations need a multiple of 4", a.Heads, a.Width/a.Heads)
	}
	return a, nil
}

// grid derives the training grid from the position embedding: of the patches alone, with the class token before them, or with class token
// and registers.
func (l *layout) grid(a *Architecture) error {
	pos := l.parts[key{position, -1}]
	if len(pos.Shape) != 3 || pos.Shape[1] < 1 {
		return fmt.Errorf("tensor %q has shape %v, want 1×(1+patches)×%d", pos.Name, pos.Shape, a.Width)
	}
	var fits []int
	for _, before := range slices.Compact([]int{0, 1, 1 + a.Registers}) {
		if n := pos.Shape[1] - before; n > 0 {
			if side := int(math.Round(math.Sqrt(float64(n)))); side*side == n {
				fits = append(fits, before)
				a.Grid = side
			}
		}
	}
	switch len(fits) {
	case 0:
		return fmt.Errorf("tensor %q has %d positions, which do not form a square of patches, with or without a class token: encoders for images that are not square are not supported", pos.Name, pos.Shape[1])
	case 1:
		l.positions = fits[0]
		return nil
	}
	return fmt.Errorf("tensor %q has %d positions, of which %v may belong to class token and registers: the number is ambiguous", pos.Name, pos.Shape[1], fits)
}

func (a *Architecture) setHeads(heads int) error {
	switch {
	case heads < 0 || heads > 0 && a.Width%heads != 0:
		return fmt.Errorf("%d heads do not divide the width %d", heads, a.Width)
	case heads > 0:
		a.Heads = heads
	case slices.Contains(publishedWidths[a.Family], a.Width):
		a.Heads = a.Width / headWidth
	default:
		return option.Errorf("Heads", "the weights of an encoder of width %d do not show its number of attention heads: give it, %s", a.Width, candidates(a.Width))
	}
	return nil
}

// candidates names the numbers of heads that give each head a usual width.
func candidates(width int) string {
	var all []string
	for heads := 1; heads <= width/8 && heads <= 64; heads++ {
		if width%heads == 0 && width/heads%8 == 0 && width/heads <= 128 {
			all = append(all, strconv.Itoa(heads))
		}
	}
	if len(all) == 0 {
		return "a divisor of the width"
	}
	return "such as " + strings.Join(all, ", ")
}

// shapes returns the expected shape of each part.
func (a Architecture) shapes() map[role][]int {
	d, h := a.Width, a.Hidden
	square, vector := []int{d, d}, []int{d}
	return map[role][]int{
		classToken: {1, 1, d}, maskToken: {1, d}, registers: {1, a.Registers, d}, position: {1, 1 + a.Grid*a.Grid, d}, periods: {d / max(4*a.Heads, 1)}, frequencies: {d / max(4*a.Heads, 1)},
		classNormW: vector, classNormB: vector, qkvMask: {3 * d}, siluWeight: {h, d}, siluBias: {h}, valWeight: {h, d}, valBias: {h},
		patchWeight: {d, 3, a.Patch, a.Patch}, patchBias: vector, normWeight: vector, normBias: vector,
		norm1Weight: vector, norm1Bias: vector, norm2Weight: vector, norm2Bias: vector,
		qkvWeight: {3 * d, d}, qkvBias: {3 * d},
		queryWeight: square, keyWeight: square, valueWeight: square, queryBias: vector, keyBias: vector, valueBias: vector,
		projWeight: square, projBias: vector, scale1: vector, scale2: vector,
		fc1Weight: {h, d}, fc1Bias: {h}, fc2Weight: {d, h}, fc2Bias: vector,
		gateWeight: {2 * h, d}, gateBias: {2 * h}, gatedWeight: {d, h}, gatedBias: vector,
	}
}

func (l *layout) check(a Architecture) error {
	want := a.shapes()
	want[position] = []int{1, l.positions + a.Grid*a.Grid, a.Width}
	for _, k := range slices.SortedFunc(maps.Keys(l.parts), compareKeys) {
		t, shape := l.parts[k], want[k.role]
		if k.role == maskToken && len(t.Shape) == 3 {
			shape = []int{1, 1, a.Width}
		}
		if !slices.Equal(t.Shape, shape) {
			return fmt.Errorf("tensor %q has shape %v, want %v in an encoder of width %d", t.Name, t.Shape, shape, a.Width)
		}
	}
	return nil
}
