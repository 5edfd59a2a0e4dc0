package encoder

import (
	"context"
	"errors"

	ort "github.com/yalue/onnxruntime_go"
)

// ending runs a model with options that end the run when ctx ends: between two operations of the graph, also those within a loop. The error is
// then ctx's.
func ending(ctx context.Context, run func(*ort.RunOptions) error) error {
	o, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = o.Terminate() // without it the run ends by itself
	})
	err = run(o)
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the binding's own words
	}
	if !stop() { // ctx has ended
		<-ended
		if err != nil {
			err = ctx.Err()
		}
	}
	if destroyed := o.Destroy(); err == nil {
		err = destroyed
	}
	return err
}
