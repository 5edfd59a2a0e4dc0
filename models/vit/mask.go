package vit

import (
	"fmt"
	"slices"
)

// mask is the factor of a block's bias of queries, keys and values: in DINOv3, keys have no bias. A mask that contains only NaN was never
// set, as in the official code until weights are initialised or loaded; its proper content is known.
func (b *builder) mask(block int) (x []float32, filled bool, err error) {
	t := b.layout.parts[key{qkvMask, block}]
	if x, err = b.file.ReadRaw(t.Name); err != nil {
		return nil, false, err
	}
	at := slices.IndexFunc(x, func(v float32) bool { return v-v != 0 }) // NaN and ±Inf
	if at < 0 {
		return x, true, nil
	}
	if slices.ContainsFunc(x, func(v float32) bool { return v == v }) {
		return nil, false, fmt.Errorf("%s: tensor %q: element %d is %g: the weights are damaged", b.file.Name, t.Name, at, x[at])
	}
	x = slices.Repeat([]float32{1}, len(x))
	clear(x[len(x)/3 : 2*len(x)/3])
	return x, false, nil
}

// checkMasks reads all masks, and notes those that were never set.
func (b *builder) checkMasks() error {
	empty := 0
	for i := range b.arch.Depth {
		if !b.layout.has(qkvMask, i) {
			continue
		}
		_, filled, err := b.mask(i)
		if err != nil {
			return err
		}
		if !filled {
			empty++
		}
	}
	if empty > 0 {
		b.layout.notes = append(b.layout.notes, fmt.Sprintf("%d of %d bias masks contain only NaN, as in a model whose weights were never initialised: they are treated as intended, as no bias of the keys", empty, b.arch.Depth))
	}
	return nil
}
