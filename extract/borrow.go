package extract

import (
	"context"
	"errors"

	"iconic/extract/encoder"
	"iconic/extract/store"
)

// borrow lets the store copy features from other stores, unless it already has them all.
//
// Features are copied only if encoding the image again would give the same bits. Encoder, preprocessing, decoder, provider and ONNX Runtime
// version must equal this store's. What remains is the batch: an image is encoded together with others, and those must not matter. With the
// graphs that this program makes they do not. A graph with one scale for all activations of a batch, as in the usual int8 rewrite, or a
// library whose order of computation depends on the number of images, is detected by a trial. An encoder that Mixes the images of
// a batch never borrows, although its images are encoded one at a time: earlier versions encoded them together.
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
	if !known && !fresh { // possibly only the time of a file changed
		return pool.Close()
	}
	if !known {
		if err := r.open(ctx); err != nil {
			return errors.Join(err, pool.Close())
		}
		if r.engine() != r.writer.Engine() { // the engine differs from the one that made this store and the stores of the pool
			return pool.Close()
		}
		if independent, err = r.encoder.Independent(ctx); err != nil {
			return errors.Join(err, pool.Close())
		}
		pool.Remember(independent)
	}
	if !independent {
		r.hooks.note("this encoder's features of an image depend on the other images in the batch: features of other stores are not reused")
		return pool.Close()
	}
	r.writer.Borrow(pool)
	return nil
}

// wanting reports whether there are images that the store does not know (fresh), and images that may have changed since, bad ones included
// (changed): whether their features exist cannot be known without reading them.
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
		changed = changed || bad[path] || ok && !r.set.Unchanged(e.listed, known.Stamp)
	}
	return fresh, changed
}

// engine is what runs the encoder, which must be open.
func (r *run) engine() store.Engine {
	return store.Engine{Provider: string(r.encoder.Provider), Runtime: encoder.LibraryVersion()}
}
