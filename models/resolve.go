package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/identity"
	"iconic/internal/lockfile"
	"iconic/internal/onnxfiles"
	"iconic/internal/owned"
	"iconic/internal/seal"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
	"iconic/models/weights"
	"iconic/option"
)

// Options are the options of Resolve. The zero value selects the published settings.
type Options struct {
	PullOptions
	ImageSize int // side of the encoder's input in pixels; 0: DefaultImageSize, or the file's own. An ONNX file that leaves it free stays as it is
	// Output selects the features of an image; "": the class token, or an ONNX file's single output as it is. Of several outputs in an ONNX
	// file it names one, and the part to take if that is tokens: features, last_hidden_state:cls.
	Output    vit.Output
	Precision precision.Precision // precision of the weights; "": float32
	Heads     int                 // attention heads, if the weights do not show the number; 0: taken from the file or the published width
	Out       string              // file to write, which replaces one of that name unless it is an input, or belongs to a run, a feature store or a sweep; "": one in the cache, or a given ONNX file as it is
}

// Model is an encoder ready to be opened.
type Model struct {
	Name          string            `json:"name"`
	Path          string            `json:"path"`             // the ONNX file
	Dim           int               `json:"dim"`              // features per image; 0 if an ONNX file does not declare it
	ImageSize     int               `json:"image_size"`       // 0 if an ONNX file leaves it free
	Output        vit.Output        `json:"output,omitempty"` // "" if an ONNX file's single output is used as it is
	Precision     string            `json:"precision"`
	Preprocessing *Preprocessing    `json:"preprocessing,omitempty"` // nil if unknown, so that it has to be given
	Assumed       []string          `json:"assumed,omitempty"`       // of resize, mean and std those that are the published encoders', for weights that are not known to be one's
	Classifier    string            `json:"classifier,omitempty"`    // tensor of weights that maps features to classes: they may have been trained with labels; "" if there is none
	Architecture  *vit.Architecture `json:"architecture,omitempty"`  // nil for an ONNX file
	Licence       string            `json:"licence,omitempty"`       // "" if unknown
	From          string            `json:"from"`                    // source of the weights
	SHA256        string            `json:"sha256"`                  // of the weights; for an ONNX file, including its external data
	Bytes         int64             `json:"bytes"`                   // of the ONNX file and its external data
}

// importVersion is part of every cache key; raise it when the same weights would give another graph.
const importVersion = 3

// Resolve turns a model given by a user into an ONNX file: a name in the registry (pulled and imported at first use), TinyName, weights
// (.pth, .safetensors and others that hold the same; imported) or an ONNX file (used as it is, unless another output or precision is requested). Imports are kept in the
// cache.
func Resolve(ctx context.Context, nameOrFile string, o Options) (*Model, error) {
	if o.ImageSize < 0 {
		return nil, option.Errorf("ImageSize", "image size %d: want no negative number", o.ImageSize)
	}
	if o.Heads < 0 {
		return nil, option.Errorf("Heads", "%d attention heads: want no negative number", o.Heads)
	}
	p, err := precision.Parse(string(o.Precision))
	if err != nil {
		return nil, err
	}
	o.Precision = p
	if o.From != "" && (nameOrFile == TinyName || IsFile(nameOrFile)) {
		return nil, option.Errorf("From", "%s needs no other source, which is only for the weights of published encoders", nameOrFile)
	}
	if err := there(nameOrFile); err != nil {
		return nil, err
	}
	if o.Out != "" {
		if err := owned.Replaceable(o.Out, nameOrFile, o.From); err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
	}
	switch {
	case nameOrFile == TinyName:
		return resolveTiny(ctx, o)
	case isONNX(nameOrFile):
		return resolveONNX(ctx, nameOrFile, o)
	case IsFile(nameOrFile):
		return resolveWeights(ctx, nameOrFile, o)
	}
	e, err := Lookup(nameOrFile)
	if err != nil && isFolder(nameOrFile) {
		return nil, folderError(nameOrFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%w, %s, or a file (.onnx, .pth, .safetensors)", err, TinyName)
	}
	pulled, err := Pull(ctx, e, o.PullOptions)
	if err != nil {
		return nil, err
	}
	m, err := importCached(ctx, pulled.Path, pulled.SHA256, e.matches, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	m.Name, m.Licence, m.From = e.Name, e.Licence, pulled.From
	if e.Satellite {
		m.Preprocessing.satellite()
	}
	return m, nil
}

// there fails on the name of a file that does not exist.
func there(name string) error {
	if !endsAsFile(name) {
		return nil
	}
	_, err := os.Lstat(name)
	var at *fs.PathError
	if errors.As(err, &at) && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w: give the path of an encoder's file, or the name of a published encoder", name, at.Err)
	}
	return nil
}

// IsFile reports whether Resolve takes a name for that of a file of weights or an ONNX file: by its ending, or since it is one's and no encoder's, as that
// of a checkpoint may be (x.ckpt, x.pth.tar).
func IsFile(name string) bool {
	if endsAsFile(name) {
		return true
	}
	if _, err := Lookup(name); err == nil || name == TinyName {
		return false
	}
	stat, err := os.Stat(name)
	return err == nil && stat.Mode().IsRegular()
}

// endsAsFile reports whether a name has the ending of a file of weights or of an ONNX file.
func endsAsFile(name string) bool {
	return isONNX(name) || slices.Contains([]string{".pth", ".pt", ".bin", ".safetensors"}, strings.ToLower(filepath.Ext(name)))
}

func isONNX(name string) bool { return strings.EqualFold(filepath.Ext(name), ".onnx") }

func resolveWeights(ctx context.Context, name string, o Options) (*Model, error) {
	sum, _, err := checksum(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	m, err := importCached(ctx, name, sum, nil, o)
	if err != nil {
		return nil, err
	}
	m.Name, m.From = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), name
	if ofSatellite(name) {
		m.Preprocessing.satellite()
		m.Assumed = slices.DeleteFunc(m.Assumed, func(part string) bool { return part != "resize" })
		o.note("%s: by its name, it was trained on satellite images; using their mean %v and standard deviation %v", name, m.Preprocessing.Mean, m.Preprocessing.Std)
	}
	return m, nil
}

// importCached imports weights unless the same import is in the cache. expect checks that they are a published encoder's; nil if they may be any.
func importCached(ctx context.Context, name, sum string, expect func(vit.Architecture) error, o Options) (*Model, error) {
	f, err := weights.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	graph, m, err := lay(f, sum, o)
	if err != nil {
		return nil, err
	}
	if expect == nil {
		m.assume(f, o.Cache)
	} else if err := expect(*m.Architecture); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, o.store(ctx, m, filepath.Base(name), graph)
}

// lay builds the graph of an import, ready to be written, and describes it.
func lay(f *weights.File, sum string, o Options) (*onnx.Model, *Model, error) {
	settings := o.vit()
	graph, a, err := vit.Import(f, settings)
	if err != nil {
		return nil, nil, err
	}
	if err := precision.Apply(graph, o.Precision); err != nil {
		return nil, nil, err
	}
	transform, err := trainedPreprocessing(f, a, settings.ImageSize)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return graph, &Model{Dim: a.Dim(settings.Output), ImageSize: settings.ImageSize, Output: settings.Output, Precision: string(o.Precision),
		Preprocessing: &transform, Architecture: &a, SHA256: sum}, nil
}

// trainedPreprocessing is that of the published encoders, unless the metadata of a safetensors file state otherwise: "resize" in pixels at
// the training size, "mean" and "std" as one number for all three channels, of pixels from 0 to 1.
func trainedPreprocessing(f *weights.File, a vit.Architecture, size int) (Preprocessing, error) {
	p := preprocessing(size)
	trained := a.Grid * a.Patch
	if trained == 0 { // positions are rotations, which fit any size
		trained = DefaultImageSize
	}
	least, most := map[string]float64{"resize": 1, "std": 1e-6}, map[string]float64{"resize": 1 << 16, "mean": 1, "std": 1} // pixels have values from 0 to 1
	for key, set := range map[string]func(v float64){
		"resize": func(v float64) { p.Resize = int(v*float64(size)/float64(trained) + 0.5) },
		"mean":   func(v float64) { p.Mean = [3]float32{float32(v), float32(v), float32(v)} },
		"std":    func(v float64) { p.Std = [3]float32{float32(v), float32(v), float32(v)} },
	} {
		said, ok := f.Metadata[key]
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(said, 32)
		if err != nil || !(v >= least[key] && v <= most[key]) {
			return p, fmt.Errorf("metadata state %s %.40q: want a number from %g to %g", key, said, least[key], most[key])
		}
		set(v)
	}
	return p, nil
}

// vit returns the options of an import with their defaults.
func (o Options) vit() vit.Options {
	v := vit.Options{ImageSize: o.ImageSize, Output: o.Output, Heads: o.Heads, Note: func(text string) { o.note("%s", text) }}
	if v.ImageSize == 0 {
		v.ImageSize = DefaultImageSize
	}
	if v.Output == "" {
		v.Output = vit.CLS
	}
	return v
}

// store assigns m the file o.Out, or one in the cache, and writes it unless it exists: in its own folder, named after the source for people
// and after a hash of everything that determines the model for the program. A file in the cache that has changed is written again.
func (o Options) store(ctx context.Context, m *Model, source string, model *onnx.Model) error {
	if o.Out != "" {
		m.Path = o.Out
		if err := atomicfile.MakeFolder(m.Path); err != nil {
			return err
		}
		if err := onnx.WriteFile(m.Path, model); err != nil {
			return err
		}
		var err error
		m.Bytes, err = onnxfiles.Size(m.Path)
		return err
	}
	cache, err := cacheFolder(o.Cache)
	if err != nil {
		return err
	}
	key := identity.Model{Version: importVersion, Weights: m.SHA256, ImageSize: m.ImageSize, Output: string(m.Output), Precision: m.Precision, Heads: o.Heads}.Key()
	stem := strings.TrimSuffix(source, filepath.Ext(source))
	m.Path = filepath.Join(cache, "onnx", stem+"-"+key, "model.onnx")
	if err := seal.Check(ctx, filepath.Dir(m.Path)); err != nil {
		if err := o.make(ctx, m.Path, source, model); err != nil {
			return err
		}
	}
	cachefolder.Used(filepath.Dir(m.Path))
	m.Bytes, err = onnxfiles.Size(m.Path)
	return err
}

// make writes a model into the cache, unless another process has done so first.
func (o Options) make(ctx context.Context, name, source string, model *onnx.Model) (err error) {
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	unlock, err := lockfile.Wait(ctx, filepath.Join(folder, ".lock"), func() { o.note("another process is importing %s: waiting for it", source) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	switch err := seal.Check(ctx, folder); {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, seal.ErrBroken):
		o.note("%v: importing %s again", err, source)
	default:
		o.note("importing %s as %s", source, name)
	}
	sweep(filepath.Dir(folder))
	if err := onnx.WriteFile(name, model); err != nil {
		return err
	}
	files, err := onnxfiles.Files(name)
	if err != nil {
		return err
	}
	names := []string{filepath.Base(name)}
	for _, file := range files { // external data
		names = append(names, filepath.Base(file))
	}
	return seal.Set(ctx, folder, names...)
}

// sweep removes files left in the cache by killed processes, whichever model they were for: they may be large, and nobody may need that
// model again.
func sweep(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return // the write will report it
	}
	for _, e := range entries {
		if e.IsDir() {
			atomicfile.Sweep(filepath.Join(cache, e.Name()))
		}
	}
}

// resolveONNX uses a model as it is, or rewrites it into the cache.
func resolveONNX(ctx context.Context, name string, o Options) (*Model, error) {
	if o.Heads != 0 {
		return nil, option.Errorf("Heads", "the attention heads of an ONNX file are fixed: give their number only with weights")
	}
	model, err := onnx.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m := &Model{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), Path: name, Output: o.Output, Precision: string(o.Precision), From: name}
	if err := m.describe(model, o); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	chosen, err := chooseOutput(model, o.Output)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if m.Output = chosen.output; chosen.note != "" {
		o.note("%s: %s", name, chosen.note)
	}
	if out := model.Graph.Outputs[0]; rank(out) == 2 {
		m.Dim = int(out.Shape[1].Size)
	}
	if m.SHA256, m.Bytes, err = onnxfiles.Sum(ctx, name); err != nil {
		return nil, err
	}
	if o.Precision == precision.Float32 && !chosen.changed && o.Out == "" {
		return m, nil
	}
	if err := precision.Apply(model, o.Precision); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, o.store(ctx, m, filepath.Base(name), model)
}

// ErrAnySize is in the chain of the error for a size given to an ONNX file that is written without one.
var ErrAnySize = errors.New("the model takes pictures of any size: leave out the size here, and give it when images are encoded")

// describe reads what a model declares about its input, which must agree with the options.
func (m *Model) describe(model *onnx.Model, o Options) error {
	constant := map[string]bool{}
	for _, t := range model.Graph.Initializers {
		constant[t.Name] = true
	}
	var inputs []onnx.Value
	for _, v := range model.Graph.Inputs {
		if !constant[v.Name] {
			inputs = append(inputs, v)
		}
	}
	if len(inputs) != 1 {
		return fmt.Errorf("the model has %d inputs, want one: a batch of pictures", len(inputs))
	}
	in := inputs[0]
	if in.Type != onnx.Float32 || in.Shape != nil && (len(in.Shape) != 4 || in.Shape[1].Size != 3 && in.Shape[1].Size != 0) {
		return fmt.Errorf("input %q is %s, want float32 pictures, batch×3×height×width", in.Name, in.Describe())
	}
	var height, width int // 0: free
	if in.Shape != nil {
		height, width = int(in.Shape[2].Size), int(in.Shape[3].Size)
	}
	if height == 0 || width == 0 || height == width {
		m.ImageSize = max(height, width) // pictures are squares, so one side determines the other
	}
	switch {
	case o.ImageSize == 0 || o.ImageSize == m.ImageSize:
	case height != 0 || width != 0:
		return option.Errorf("ImageSize", "the model takes pictures of %d×%d pixels, not %d×%[3]d", cmp.Or(width, height), cmp.Or(height, width), o.ImageSize)
	case o.Out != "":
		return &option.Error{Option: "ImageSize", Err: ErrAnySize}
	}
	return nil
}

func isFolder(name string) bool {
	stat, err := os.Stat(name)
	return err == nil && stat.IsDir()
}

// folderError says which file of a folder, such as one of the transformers library, to give in its place.
func folderError(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("%s is a folder, but an encoder is a file: %w", folder, err)
	}
	for _, e := range entries { // by name
		if name := filepath.Join(folder, e.Name()); !e.IsDir() && endsAsFile(name) {
			return fmt.Errorf("%s is a folder, but an encoder is a file: give one in it, such as %s", folder, name)
		}
	}
	return fmt.Errorf("%s is a folder, but an encoder is a file, and it contains none (.onnx, .pth, .safetensors)", folder)
}
