package classify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/curation"
	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/extract/store"
	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/fetch"
	"iconic/models"
	"iconic/models/precision"
	"iconic/option"
	"iconic/progress"
	"iconic/run"
)

// Options say how a run is put to use. The zero value finds everything by itself.
type Options struct {
	Model    string         // the run's encoder, a file or a name; "": where this machine saw it last, or by the name the run recorded
	Shape    models.Options // for an encoder that has to be made again, as they were given then; see models.Resolve
	Names    string         // file that names clusters, with lines such as 3,dogs (ReadNamed); one that it does not name, and all if it is "", are called as in the run
	Raw      bool           // use the clusters as trained, ignoring any curation
	Library  string         // ONNX Runtime library or its folder; "": found or downloaded
	Provider encoder.Provider
	Threads  int  // threads of the encoder; 0: one per processor
	Batch    int  // images of a run of the encoder; see encoder.Options
	Resting  bool // let the encoder's threads sleep between two runs; see encoder.Options
	Hooks    progress.Hooks
}

// EncoderError says that a run's encoder was not found.
type EncoderError struct{ Name, SHA256 string }

func (e *EncoderError) Error() string {
	return fmt.Sprintf("the run's encoder %s (SHA-256 %.12s…) is in none of the places where this machine saw it", e.Name, e.SHA256)
}

// Found is a run folder that was read and whose encoder is not started.
type Found struct {
	Run      *run.Run
	Settings store.Settings  // how its images were preprocessed; zero if the features were given as a plain matrix
	Encoder  string          // file of the encoder; "" until it is found
	Names    []string        // names of the clusters, "" for one without a name
	Curation *curation.State // nil: the run was not curated, or its curation is ignored

	options  Options
	recalled bool         // the encoder lies where this machine saw it
	release  func()       // allows the encoder's folder in the cache to be pruned again; nil: it is not held
	remove   func() error // removes the temporary folder made for the encoder when there is no cache; nil: there is none
}

// Open reads a run folder, finds the encoder the run was trained on and starts it. Close the model after use.
func Open(ctx context.Context, dir string, o Options) (*Model, error) {
	f, err := Find(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	m, err := f.Start(ctx)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// Find reads a run folder and finds its encoder: the first half of Open. Close the result after use, unless Start returned a model, whose
// Close does it. It fails with extract.ErrPlain if the features were given as a plain matrix.
func Find(ctx context.Context, dir string, o Options) (*Found, error) {
	f, err := Read(dir, o)
	if err != nil {
		return nil, err
	}
	if err := f.hold(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// hold finds the encoder and protects it from pruning until Close.
func (f *Found) hold(ctx context.Context) (err error) {
	if f.Run.Config.Plain() {
		return fmt.Errorf("run %s: %w: train on a feature store to classify images", f.Run.Dir, extract.ErrPlain)
	}
	if err := f.findEncoder(ctx); err != nil {
		return err
	}
	f.release, err = cachefolder.Hold(ctx, filepath.Dir(f.Encoder))
	return err
}

// Read reads a run folder without looking for its encoder, which Start does. Found.Features needs no encoder, so that a run on a plain matrix has a model
// of features, too. It fails on options out of range.
func Read(dir string, o Options) (*Found, error) {
	if err := encoder.CheckThreads(o.Threads); err != nil {
		return nil, err
	}
	r, err := run.Load(dir)
	if err != nil {
		return nil, err
	}
	if o.Provider == "" {
		o.Provider = encoder.Auto
	}
	f := &Found{Run: r, options: o}
	if err := f.prepared(); err != nil {
		return nil, err
	}
	return f, f.name()
}

// prepared sets how the run's images were preprocessed.
func (f *Found) prepared() (err error) {
	if f.Run.Config.Plain() {
		return nil
	}
	if f.Settings, err = extract.Settings(f.Run.Config.Encoder); err != nil {
		return fmt.Errorf("run %s: %w", f.Run.Dir, err)
	}
	return nil
}

// name sets the names of the clusters under the run's curation.
func (f *Found) name() (err error) {
	clusters := f.Run.Config.Training.Clusters
	curated := !f.options.Raw && run.HasCuration(f.Run.Dir)
	if curated {
		whole, err := run.OpenCurated(f.Run.Dir, f.options.Hooks)
		if err != nil {
			return err
		}
		f.Curation = whole.Curated
		f.Names, clusters = f.Curation.Names(), len(f.Curation.Clusters)
	}
	if !curated {
		if f.Names, err = classNames(f.Run); err != nil {
			return err
		}
		if _, err := run.Metrics(f.Run.Dir); errors.Is(err, fs.ErrNotExist) && len(f.Run.Config.Classes) > 0 && f.options.Names == "" {
			f.options.Hooks.Warnf("run folder %s has no scores, so its clusters have no names: resume its training, which scores it", f.Run.Dir)
		}
	}
	if f.options.Names == "" {
		return nil
	}
	named, err := ReadNamed(f.options.Names, clusters)
	if err == nil && f.Curation != nil {
		err = own(f.options.Names, named, f.Curation)
	}
	f.Names = overlay(f.Names, named, clusters)
	return err
}

// Key identifies to which clusters, and under which names, the run assigns images: equal keys assign every image alike.
func (f *Found) Key() (string, error) {
	routes := f.Curation
	if routes == nil {
		var err error
		if routes, err = curation.New(curation.Base{Names: make([]string, f.Run.Config.Training.Clusters)}); err != nil {
			return "", err
		}
	}
	led, names := routes.Led(), map[int]string{}
	for c, name := range f.Names {
		if name != "" && led[c] {
			names[c] = name
		}
	}
	sum, err := f.Run.HeadSum()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	err = json.NewEncoder(h).Encode([]any{sum, routes.Routes(), names})
	return hex.EncodeToString(h.Sum(nil)[:16]), err
}

// Close releases the encoder, and removes a temporary folder made when there is no cache. It may be called again.
func (f *Found) Close() error {
	if f.release != nil {
		f.release()
		f.release = nil
	}
	if f.remove == nil {
		return nil
	}
	remove := f.remove
	f.remove = nil
	return remove()
}

// Of is the model of a finished run without its encoder, as Found.Features is. It need not be closed, and fails on a run that was not opened (run.Open), or
// has an unreadable record of its encoder.
func Of(r *run.Finished) (*Model, error) {
	if r == nil || r.Run == nil || r.Table == nil {
		return nil, errors.New("there is no run to classify with: run.Open reads one")
	}
	f := &Found{Run: r.Run, Names: r.Table.Names, Curation: r.Curated}
	if err := f.prepared(); err != nil {
		return nil, err
	}
	return f.Features(), nil
}

// Features is the model without its encoder: it classifies features, but not images (Model.Images is nil).
func (f *Found) Features() *Model {
	return &Model{Run: f.Run, Names: f.Names, Curation: f.Curation, found: f}
}

// findEncoder sets the ONNX file of the run's encoder: the caller's, or where this machine last saw it, or by its name.
func (f *Found) findEncoder(ctx context.Context) error {
	e, name := f.Settings.Encoder, f.options.Model
	if path, ok := models.Recall("", e.SHA256); ok && name == "" {
		f.Encoder, f.recalled = path, true
		if given := shaped(f.options.Shape); given != "" {
			f.options.Hooks.Notef("%s: no effect, since the run's encoder exists already, in %s", given, path)
		}
		return nil
	}
	registered := slices.ContainsFunc(models.Registry(), func(m models.Encoder) bool { return m.Name == e.Name })
	if name == "" {
		if e.Name != models.TinyName && !registered {
			return &EncoderError{e.Name, e.SHA256}
		}
		name = e.Name
	}
	shape := f.options.Shape
	if problem := modelCache(); problem != nil {
		if registered && name == e.Name {
			return fmt.Errorf("no folder can keep the weights of %s (%w): set XDG_CACHE_HOME to a writable folder, or give the encoder's file", name, problem)
		}
		var err error
		if shape.Cache, f.remove, err = atomicfile.Folder(os.TempDir()); err != nil {
			return fmt.Errorf("the encoder cannot be made in any folder (%w; %w): set XDG_CACHE_HOME to a writable folder, or give an ONNX file", problem, err)
		}
	}
	m, err := models.Resolve(ctx, name, shape)
	if err != nil {
		return err
	}
	f.Encoder = m.Path
	return f.checkSize(m)
}

// checkSize refuses a size other than the run's for a model that leaves it free: images are prepared as for the run.
func (f *Found) checkSize(m *models.Model) error {
	given, how := f.options.Shape.ImageSize, struct{ Crop int }{}
	if given == 0 || m.ImageSize != 0 || json.Unmarshal(f.Settings.Preprocessing, &how) != nil || given == how.Crop { // the embedder tells what it cannot read
		return nil
	}
	return option.Errorf("ImageSize", "the run's features are of squares of %d×%d pixels, not %d×%[3]d: leave out the size", how.Crop, how.Crop, given)
}

// shaped lists the options that say how an encoder is made, as far as they are given.
func shaped(o models.Options) string {
	var given []string
	for _, option := range []struct {
		words string
		given bool
	}{
		{fmt.Sprintf("image size %d", o.ImageSize), o.ImageSize != 0}, {"output " + string(o.Output), o.Output != ""},
		{"precision " + string(o.Precision), o.Precision != "" && o.Precision != precision.Float32}, {fmt.Sprintf("attention heads %d", o.Heads), o.Heads != 0},
		{"source of weights " + publicly(o.From), o.From != ""},
	} {
		if option.given {
			given = append(given, option.words)
		}
	}
	return strings.Join(given, ", ")
}

// publicly is a source of weights without secrets that its address may have.
func publicly(from string) string {
	if address, err := url.Parse(from); err == nil && address.Host != "" {
		return fetch.Public(address)
	}
	return from
}

// modelCache explains why the user's cache cannot keep models: without a home folder there is none, and in a container it may not be
// writable. It returns nil if the cache can be used.
func modelCache() error {
	folder, err := cachefolder.Of(cachefolder.Models)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	_, remove, err := atomicfile.Folder(folder)
	if err != nil {
		return err
	}
	return remove()
}

// Start starts the encoder. After Read it finds the encoder first, and fails with extract.ErrPlain if the features were given as a plain matrix.
func (f *Found) Start(ctx context.Context) (*Model, error) {
	if f.Encoder == "" {
		if err := f.hold(ctx); err != nil {
			return nil, err
		}
	}
	o := f.options
	library, err := o.Provider.FindLibrary(ctx, o.Library, o.Hooks)
	if err != nil {
		return nil, err
	}
	images, err := extract.OpenEmbedder(ctx, f.Run.Config.Encoder, f.Encoder, encoder.Options{
		Library: library, Provider: o.Provider, Threads: o.Threads, Batch: o.Batch, Resting: o.Resting,
	})
	if err != nil {
		return nil, err
	}
	f.remember()
	o.Hooks.Notef("encoding on: %s (ONNX Runtime %s)", images.Device(), encoder.LibraryVersion())
	if remark := images.Remark(); remark != "" {
		o.Hooks.Warnf("%s", remark)
	}
	m := f.Features()
	m.Images, m.library = images, library
	return m, nil
}

// remember records where the encoder lies, which is known to be the run's, so that the next call finds it. One in a temporary folder is not recorded.
func (f *Found) remember() {
	if f.recalled || f.remove != nil {
		return
	}
	if problem := models.Remember("", f.Settings.Encoder.SHA256, f.Encoder); problem != nil {
		f.options.Hooks.Notef("cannot remember where the encoder is (%v): name its file the next time, too", problem)
	}
}
