package extract

import (
	"context"

	"iconic/extract/encoder"
)

// turns is an encoder that several goroutines use. Since it encodes one batch at a time, each batch waits for its turn, or for the end of its
// context.
type turns struct {
	*encoder.Encoder
	taken chan struct{} // has one place, which is filled while it is somebody's turn
}

func inTurns(e *encoder.Encoder) *turns { return &turns{e, make(chan struct{}, 1)} }

// Encode is the encoder's.
func (t *turns) Encode(ctx context.Context, dst, pixels []float32, n int) error {
	if err := send(ctx, t.taken, struct{}{}); err != nil {
		return err
	}
	defer func() { <-t.taken }()
	return t.Encoder.Encode(ctx, dst, pixels, n)
}

// Batch is the encoder's.
func (t *turns) Batch(ctx context.Context, n int) (int, error) {
	if err := send(ctx, t.taken, struct{}{}); err != nil {
		return 0, err
	}
	defer func() { <-t.taken }()
	return t.Encoder.Batch(ctx, n)
}

// Close is the encoder's, after the batch in progress.
func (t *turns) Close() error {
	t.taken <- struct{}{}
	defer func() { <-t.taken }()
	return t.Encoder.Close()
}
