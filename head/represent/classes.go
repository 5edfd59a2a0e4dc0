package represent

import (
	"context"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/regression"
	"iconic/head/setting"
	"iconic/head/train"
)

// Classes is softmax regression on labels.
type Classes struct {
	method.Scaling
	method.Descent
	method.WeightDecay
	Batch int
}

func newClasses(int) method.Recipe {
	return &Classes{
		Scaling: method.Scaling{Standardize: true}, Batch: regression.Batch,
		Descent: method.Descent{Epochs: 60, LearningRate: regression.Rate, Schedule: "cosine"},
	}
}

// Settings implements method.Recipe.
func (c *Classes) Settings() setting.List {
	return setting.Join(c.Scaling.Settings(), setting.List{setting.Int("batch", &c.Batch, 1, 0, "rows per step")},
		c.Descent.Settings("how often each image is seen"), c.WeightDecay.Settings())
}

// Resolve implements method.Recipe.
func (c *Classes) Resolve(n int) ([]string, error) {
	return method.Shrink(&c.Batch, n), nil
}

// Learn implements method.Recipe.
func (c *Classes) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	l, loss, err := regression.Train(ctx, d, "regression", d.Labels, regression.Options{
		Batch: c.Batch, Decay: c.Decay, Plan: train.Plan{Epochs: c.Epochs, Rate: c.LearningRate, Schedule: c.At()},
	})
	return &method.Outcome{Head: l, Loss: loss, Distributions: func(context.Context) (*method.Distributions, error) { return amongClasses(d, l) }}, err
}

// amongClasses returns the point's own class as p, and as q the softmax of the dot product of features, with a one appended for the bias,
// with prototypes.
func amongClasses(d *method.Data, l *linear.Head) (*method.Distributions, error) {
	p, err := icon.Prototypes(d.Labels, l.Clusters)
	if err != nil {
		return nil, err
	}
	n, dim := d.Features.Len(), d.Features.Dim()
	x, z, w := make([]float32, n*dim), make([]float32, 0, n*(dim+1)), make([]float32, 0, l.Clusters*(dim+1))
	if err := d.Features.Block(x, 0, n); err != nil {
		return nil, err
	}
	for i := range n {
		z = append(append(z, x[i*dim:(i+1)*dim]...), 1)
	}
	for c := range l.Clusters {
		w = append(append(w, l.Weight[c*dim:(c+1)*dim]...), l.Bias[c])
	}
	return &method.Distributions{Supervisory: p, Learned: icon.Dot{}, Z: z, Dim: dim + 1, Others: w, Candidates: method.ClassCandidates}, nil
}
