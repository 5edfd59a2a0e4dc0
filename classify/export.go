package classify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"

	"iconic/curation"
	"iconic/extract/encoder"
	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
	"iconic/internal/onnxfiles"
	"iconic/internal/owned"
	"iconic/models"
	"iconic/models/deploy"
	"iconic/models/onnx"
)

// Exported describes a model file that was written.
type Exported struct {
	File       string  `json:"file"`
	Bytes      int64   `json:"bytes"`              // including its external data
	Difference float64 `json:"largest_difference"` // largest difference between its probabilities and the run's, on generated images, or rows of features
	Images     int     `json:"compared_images"`    // number of those images, given to the file at once; to the run one at a time, if their number is free
	Batch      int     `json:"batch,omitempty"`    // the only number of images that the file takes at once; 0: any
}

// Export writes encoder and head as one ONNX file. Its input is "pixels", or with preprocessing 8-bit "images" of any size; its outputs are
// "probabilities" and "features". The file is run and compared with the model itself before it takes its name, and replaces one of that name. It fails on a model
// without an encoder or after Close, on a file that belongs to a run, a feature store or a sweep, and with ctx's error.
func (m *Model) Export(ctx context.Context, file string, preprocessing bool) (*Exported, error) {
	if err := m.encodes(); err != nil {
		return nil, err
	}
	if err := m.spares(file); err != nil {
		return nil, err
	}
	graph, err := onnx.ReadFile(m.found.Encoder)
	if err != nil {
		return nil, err
	}
	options, err := m.deployment(preprocessing)
	if err != nil {
		return nil, err
	}
	if err := deploy.Attach(graph, options); err != nil {
		return nil, fmt.Errorf("export of run %s: %w", m.Run.Dir, err)
	}
	if err := roomFor(file, m.found.Encoder); err != nil {
		return nil, err
	}
	e := &Exported{File: file, Batch: m.batch()}
	if e.Images = e.Batch; e.Images == 0 {
		e.Images = 2
	}
	err = e.write(ctx, graph, func(draft string) (float64, error) { return m.prove(ctx, draft, preprocessing, e.Images) })
	if err != nil {
		return nil, err
	}
	return e, nil
}

// write writes the graph to e.File once prove finds the largest difference between its results and the run's on the draft, and completes e.
func (e *Exported) write(ctx context.Context, graph *onnx.Model, prove func(draft string) (float64, error)) (err error) {
	if err := atomicfile.MakeFolder(e.File); err != nil {
		return err
	}
	err = onnx.WriteProved(e.File, graph, func(draft string) (err error) {
		if e.Difference, err = prove(draft); ctx.Err() != nil {
			return ctx.Err()
		} else if errors.Is(err, encoder.ErrClosed) {
			return err
		} else if err != nil {
			return fmt.Errorf("the model made for %s does not give the run's results, and is not kept: %w", e.File, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.Bytes, err = onnxfiles.Size(e.File)
	return err
}

// spares refuses a name under which nothing can be written, or a file would be replaced that is more than an earlier export.
func (m *Model) spares(file string) error {
	encoder := m.found.Encoder
	if encoder == "" {
		encoder, _ = models.Recall("", m.found.Settings.Encoder.SHA256)
	}
	if encoder != "" && owned.Same(file, encoder) {
		return fmt.Errorf("export: %s is the encoder of run %s, which would be lost: choose another name", file, m.Run.Dir)
	}
	if err := owned.Replaceable(file, encoder); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// batch is the only number of images that an export takes at once, 0 if it takes any: that of the encoder, or one if it mixes images.
func (m *Model) batch() int {
	if n := m.Images.FixedBatch(); n > 0 || !m.Images.Mixes() {
		return n
	}
	return 1
}

// roomFor fails early if the disk cannot hold a file of about the size of the encoder.
func roomFor(file, model string) error {
	need, err := onnxfiles.Size(model)
	if err != nil {
		return err
	}
	free, err := diskspace.Free(filepath.Dir(file))
	if err != nil || free >= need { // if the system does not report free space, the write will fail instead
		return nil
	}
	return fmt.Errorf("the disk of %s has %s free, and the model needs %s: make room, or write it elsewhere", file, diskspace.Words(free), diskspace.Words(need))
}

// ExportHead writes the head as an ONNX file: its input is "features", its output "probabilities". It needs no encoder (Found.Features). The file is run and
// compared with the model itself before it takes its name, and replaces one of that name. It fails on a file that belongs to a run, a feature store or a
// sweep, and with ctx's error.
func (m *Model) ExportHead(ctx context.Context, file string) (*Exported, error) {
	if err := m.spares(file); err != nil {
		return nil, err
	}
	options, err := m.head()
	if err != nil {
		return nil, err
	}
	graph, err := deploy.Alone(options)
	if err != nil {
		return nil, fmt.Errorf("export of run %s: %w", m.Run.Dir, err)
	}
	library := m.library
	if library == "" {
		o := m.found.options
		if library, err = o.Provider.FindLibrary(ctx, o.Library, o.Hooks); err != nil {
			return nil, err
		}
	}
	const rows = 16
	e := &Exported{File: file, Images: rows}
	err = e.write(ctx, graph, func(draft string) (float64, error) { return m.proveHead(ctx, library, draft, rows) })
	if err != nil {
		return nil, err
	}
	return e, nil
}

// proveHead runs the exported head on n generated rows of features and compares it with the run itself; it returns the largest difference.
func (m *Model) proveHead(ctx context.Context, library, file string, n int) (float64, error) {
	d := m.Run.Head.Dim
	r, x := rand.New(rand.NewPCG(1, 2)), make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	want, _, err := m.Probabilities(x, n)
	if err != nil {
		return 0, err
	}
	got, err := encoder.Once(ctx, library, file, x, []int64{int64(n), int64(d)}, deploy.ProbabilitiesName)
	if err != nil {
		return 0, err
	}
	return alike(want, got[0])
}

// alike returns the largest difference between probabilities, and fails if they differ by more than other devices and precisions round.
func alike(want, got []float32) (worst float64, err error) {
	for i, p := range want {
		worst = max(worst, math.Abs(float64(p-got[i])))
	}
	if !(worst <= 1e-3) {
		return worst, fmt.Errorf("its probabilities differ by up to %g", worst)
	}
	return worst, nil
}

// deployment returns the run's head and settings in the exporter's form.
func (m *Model) deployment(preprocessing bool) (deploy.Options, error) {
	o, err := m.head()
	o.Output, o.Batch = m.found.Settings.Encoder.Output, m.batch()
	if t := m.Images.Transform; preprocessing {
		o.Preprocessing = &deploy.Pixels{Resize: t.Resize, Crop: t.Crop, Whole: t.Whole, Mean: t.Mean, Std: t.Std}
	}
	return o, err
}

// head returns the run's head in the exporter's form, with what the file tells of the run.
func (m *Model) head() (deploy.Options, error) {
	h := m.Run.Head
	o := deploy.Options{
		Head: []deploy.Layer{{In: h.Dim, Out: h.Members * h.Clusters, Weight: h.Weight, Bias: h.Bias}},
		Vote: deploy.Vote{Members: h.Members, Temperature: h.Temperature, Flat: h.Flat, Power: h.Power},
	}
	if m.Curation != nil {
		o.Regroup = regrouped(m.Curation.Steps(), h.Clusters, h.Dim)
	}
	type entry struct {
		key   string
		value any
	}
	entries := []entry{{"iconic.clusters", m.titles()}}
	if !m.Run.Config.Plain() {
		entries = append(entries, entry{"iconic.preprocessing", m.found.Settings.Preprocessing}, entry{"iconic.encoder", m.found.Settings.Encoder})
	}
	entries = append(entries, entry{"iconic.method", m.Run.Config.Training.Method}, entry{"iconic.version", m.Run.Config.Version})
	for _, e := range entries {
		text, err := json.Marshal(e.value)
		if err != nil {
			return o, err
		}
		o.Metadata = append(o.Metadata, onnx.Entry{Key: e.key, Value: string(text)})
	}
	return o, nil
}

// titles are the names of all clusters in a file: the number of a cluster without a name, and "" for one that was merged into another.
func (m *Model) titles() []string {
	names := make([]string, m.Clusters())
	for c := range names {
		if m.Curation == nil || m.Curation.Own(c) {
			names[c] = cmp.Or(m.name(c), strconv.Itoa(c))
		}
	}
	return names
}

// regrouped returns the curation steps that change where new images go, as steps from the probabilities of k clusters to those of the
// curated ones.
func regrouped(steps []curation.Step, k, dim int) []deploy.Regroup {
	var all []deploy.Regroup
	for _, step := range steps {
		r := deploy.Regroup{In: k, Out: k}
		switch {
		case step.Kind == curation.Merge:
		case step.Kind == curation.Split, step.Kind == curation.Move && step.Cluster == k:
			r.Out++
		default:
			continue
		}
		r.Weight = make([]float32, r.In*r.Out)
		for c := range r.In {
			to := c
			if step.Kind == curation.Merge && slices.Contains(step.From, c) {
				to = step.Cluster
			}
			r.Weight[c*r.Out+to] = 1
		}
		if step.Kind == curation.Split {
			r.Gate = gateOf(step, r.In, r.Out, dim)
		}
		all, k = append(all, r), r.Out
	}
	return all
}

// gateOf opens where an image is nearer to the second centre: ‖x−c₁‖² < ‖x−c₀‖² ⇔ 2x·(c₁−c₀) + ‖c₀‖² − ‖c₁‖² > 0.
func gateOf(step curation.Step, in, out, dim int) *deploy.Gate {
	g := &deploy.Gate{Weight: make([]float32, dim), Moved: make([]float32, in*out)}
	bias := 0.0
	for d := range dim {
		c0, c1 := float64(step.Centres[0][d]), float64(step.Centres[1][d])
		g.Weight[d] = float32(2 * (c1 - c0))
		bias += c0*c0 - c1*c1
	}
	g.Bias = float32(bias)
	g.Moved[step.Cluster*out+step.Cluster], g.Moved[step.Cluster*out+step.New] = -1, 1
	return g
}

// prove runs the exported file on n generated images at once and compares it with the run itself; it returns the largest difference.
func (m *Model) prove(ctx context.Context, file string, preprocessing bool, n int) (float64, error) {
	const height, width = 150, 201
	r := rand.New(rand.NewPCG(1, 2))
	pictures := make([][]uint8, n)
	var all []uint8
	for i := range pictures {
		pictures[i] = make([]uint8, 3*height*width)
		for e := range pictures[i] {
			pictures[i][e] = uint8(128 + 60*math.Sin(float64(e)*float64(i+1)/500) + 40*r.Float64())
		}
		all = append(all, pictures[i]...)
	}
	prepared := make([]float32, n*m.Images.Pixels())
	for i, rgb := range pictures {
		if err := m.Images.PrepareRGB(prepared[i*m.Images.Pixels():(i+1)*m.Images.Pixels()], rgb, width, height); err != nil {
			return 0, err
		}
	}
	features, err := m.encoded(ctx, prepared, n)
	if err != nil {
		return 0, err
	}
	want, _, err := m.Probabilities(features, n)
	if err != nil {
		return 0, err
	}
	side := int64(m.Images.Transform.Crop)
	input, shape := any(prepared), []int64{int64(n), 3, side, side}
	if preprocessing {
		input, shape = all, []int64{int64(n), height, width, 3}
	}
	got, err := encoder.Once(ctx, m.library, file, input, shape, deploy.ProbabilitiesName)
	if err != nil {
		return 0, err
	}
	worst, err := alike(want, got[0])
	if err != nil && n > 1 && m.Images.Mixes() {
		return worst, fmt.Errorf("the encoder takes %d images at once, and its features of an image depend on the others: use one that does not", n)
	}
	return worst, err
}

// encoded is the features of n prepared images, each encoded alone unless the encoder takes only several at once.
func (m *Model) encoded(ctx context.Context, prepared []float32, n int) ([]float32, error) {
	dim, pixels, step := m.Images.Dim(), m.Images.Pixels(), max(1, m.Images.FixedBatch())
	features := make([]float32, n*dim)
	for lo := 0; lo < n; lo += step {
		if err := m.Images.Encode(ctx, features[lo*dim:(lo+step)*dim], prepared[lo*pixels:(lo+step)*pixels], step); err != nil {
			return nil, err
		}
	}
	return features, nil
}
