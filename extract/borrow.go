package extract

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"iconic/extract/encoder"
	"iconic/extract/store"
)

// borrow lets the store take features from others that have them, unless everything is there.
//
// Features of an image are taken over only where encoding it anew would give the same bits. Their encoder, preprocessing, decoder,
// provider and version of ONNX Runtime are this store's. What is left is the batch: an image is encoded beside others, and those must not
// matter. With the graphs that this program makes they do not. A graph with one scale for all activations of a batch, as the usual
// rewrite to int8 has it, or a library that computes in another order for another number of images, is found out by trying.
func (r *run) borrow(ctx context.Context) error {
	fresh, changed := r.wanting()
	if r.config.Anew || !fresh && !changed {
		return nil
	}
	if r.encoder != nil { // a new store
		var other *store.EngineError
		if err := r.writer.MadeOn(r.engine()); errors.As(err, &other) {
			return nil // it stops the run once there is something to encode
		} else if err != nil {
			return err
		}
	}
	pool, err := r.writer.Pool(ctx)
	if err != nil {
		return err
	}
	if pool.Len() == 0 {
		return pool.Close()
	}
	independent, known := pool.Independent()
	if !known && !fresh { // what changed may well be no more than the time of a file
		return pool.Close()
	}
	if !known {
		if err := r.open(); err != nil {
			return errors.Join(err, pool.Close())
		}
		if r.engine() != r.writer.Engine() { // another one is at work than made this store, and the stores of the pool
			return pool.Close()
		}
		if independent, err = independentOfBatch(ctx, r.encoder); err != nil {
			return errors.Join(err, pool.Close())
		}
		pool.Remember(independent)
	}
	if !independent {
		r.hooks.note("this encoder gives an image other features in another batch of images: features of other stores are not reused")
		return pool.Close()
	}
	r.writer.Borrow(pool)
	return nil
}

// wanting tells whether there are images that the store does not know, and images that may have changed since, the bad ones among them: of
// neither it is known, without reading them, that their features are there.
func (r *run) wanting() (fresh, changed bool) {
	bad := map[string]bool{}
	for _, it := range r.writer.Items() {
		if it.Row < 0 {
			bad[it.Path] = true
		}
	}
	for _, e := range r.entries {
		if e.listed < 0 {
			continue
		}
		path := r.set.Items[e.listed].Path
		known, ok := r.writer.Known(path)
		fresh = fresh || !ok && !bad[path]
		changed = changed || bad[path] || ok && known.Stamp != r.set.Stamp(e.listed)
	}
	return fresh, changed
}

// engine is what runs the encoder, which must be open.
func (r *run) engine() store.Engine {
	return store.Engine{Provider: string(r.encoder.Provider), Runtime: encoder.LibraryVersion()}
}

// independentOfBatch encodes some noise in one batch and image by image, and tells whether the features are the same to the bit.
func independentOfBatch(ctx context.Context, e *encoder.Encoder) (bool, error) {
	images := 4
	if e.Provider != encoder.CPU { // whose libraries choose among ways to compute by the size of a batch
		images = 32
	}
	height, width := e.InputSize()
	size, dim := 3*height*width, e.Dim()
	noise := rand.New(rand.NewPCG(uint64(size), uint64(dim)))
	pixels := make([]float32, images*size)
	for i := range pixels {
		pixels[i] = float32(noise.NormFloat64()) * float32(1+i/size) // one louder than the other, so that a common scale shows
	}
	together, alone := make([]float32, images*dim), make([]float32, images*dim)
	if err := e.Encode(ctx, together, pixels, images); err != nil {
		return false, err
	}
	for i := range images {
		if err := e.Encode(ctx, alone[i*dim:(i+1)*dim], pixels[i*size:(i+1)*size], 1); err != nil {
			return false, err
		}
	}
	return slices.Equal(together, alone), nil
}
