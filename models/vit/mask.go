package vit

import (
	"fmt"
	"slices"
)

// mask is what a block's bias of queries, keys and values is multiplied by: in DINOv3 keys have no bias. A mask of nothing but NaN
// was never filled, as the official code leaves it until weights are initialised or loaded; what belongs there is known.
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

// checkMasks reads all masks, and notes it if there are some that were never filled.
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
		b.layout.notes = append(b.layout.notes, fmt.Sprintf("%d of %d bias masks hold nothing but NaN, as in a model whose weights were never initialised: they are taken as what they are for, no bias of the keys", empty, b.arch.Depth))
	}
	return nil
}
