package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"iconic/internal/cachefolder"
	"iconic/internal/fetch"
	"iconic/internal/lockfile"
	"iconic/models/onnx"
	"iconic/models/weights"
	"iconic/option"
)

// PullOptions say where to download weights from. The zero value downloads from the official host or, if that cannot be reached, from the
// transformers library's repository. HTTPS_PROXY and similar variables are honoured.
type PullOptions struct {
	Cache    string                               // folder of models; "": iconic/models in the user's cache
	From     string                               // alternative source: the address of a mirror or of the file, a folder or a file; see Pull
	Token    string                               // for huggingface.co, for weights whose licence has to be accepted; "": none
	Stall    time.Duration                        // how long a server may be silent; 0: fetch.DefaultStall, 30 s
	Note     func(text string)                    // called before each operation; may be nil
	Progress func(what string, done, total int64) // called with the bytes done; total is −1 if unknown; may be nil
}

func (o PullOptions) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

func (o PullOptions) progress(what string) func(done, total int64) {
	return func(done, total int64) {
		if o.Progress != nil {
			o.Progress(what, done, total)
		}
	}
}

// Pulled is a file of weights on this machine, checked against the lock file.
type Pulled struct {
	Path string `json:"path"`
	Locked
	First bool `json:"first"` // locked just now: its checksum was unknown before
}

// ErrChanged marks weights that differ from those seen before under the same name.
var ErrChanged = errors.New("not the weights seen before")

// Pull ensures that the weights of e are in the cache and are the ones seen before. The first time they are read in full and, if they are
// the encoder's, their SHA-256 is written to the lock file; anything else is not kept. An interrupted download resumes where it stopped,
// and only delays other pulls of the same file. For weights that are in the cache already, a file or folder in o.From must have the same, or else the
// error has ErrChanged in its chain; an address is not asked again.
func Pull(ctx context.Context, e Encoder, o PullOptions) (Pulled, error) {
	cache, err := cacheFolder(o.Cache)
	if err != nil {
		return Pulled{}, err
	}
	p := &pull{encoder: e, options: o, cache: cache, folder: filepath.Join(cache, "weights", e.Name)}
	pulled, err := p.run(ctx)
	if err != nil {
		return Pulled{}, fmt.Errorf("%s: %w", e.Name, err)
	}
	return pulled, nil
}

// pull is the state of one call of Pull.
type pull struct {
	encoder Encoder
	options PullOptions
	cache   string
	folder  string // folder of this encoder's weights
}

func (p *pull) run(ctx context.Context) (Pulled, error) {
	if err := os.MkdirAll(p.folder, 0o777); err != nil {
		return Pulled{}, err
	}
	if _, err := readLocks(p.cache); err != nil { // before hours of downloading
		return Pulled{}, err
	}
	if name, ok := present(p.encoder, p.folder); ok { // pulled before, or put there by hand
		cachefolder.Used(p.folder)
		return p.kept(ctx, name, "the file itself")
	}
	if from := p.options.From; from != "" && !isAddress(from) {
		return p.copy(ctx, from)
	}
	return p.download(ctx)
}

// download tries one address after the other.
func (p *pull) download(ctx context.Context) (Pulled, error) {
	e := p.encoder
	if e.Form != "" && p.options.From == "" && p.options.Token == "" {
		return Pulled{}, option.Errorf(p.wayOption(), "the weights are only available to those who have accepted the %s: %s", e.Licence, p.wayOut())
	}
	addresses, err := addresses(e, p.options.From)
	if err != nil {
		return Pulled{}, err
	}
	var failures error
	for _, address := range addresses {
		public := fetch.Public(address)
		p.announce("fetching", public)
		if address.Scheme == "http" && !thisMachine(address) {
			p.options.note("%s is not encrypted: anyone on the network path could change the data", public)
		}
		pulled, err := p.bring(ctx, address.Path, public, "fetching", func(f fetch.File) error {
			source := fetch.Source{Address: address.String(), Plain: p.options.From != "", Stall: p.options.Stall}
			if address.Host == transformersHost {
				source.Token = p.options.Token
			}
			return f.Download(ctx, source)
		})
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrChanged) {
			return pulled, err
		}
		if failures != nil {
			err = fmt.Errorf("%w; %w", failures, err)
		}
		failures = err
	}
	if status := (*fetch.StatusError)(nil); p.options.Token != "" && errors.As(failures, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
		failures = fmt.Errorf("%w: the owner of the token has not accepted the licence there", failures)
	}
	return Pulled{}, option.Errorf(p.wayOption(), "the weights could not be downloaded (%w): %s", failures, p.wayOut())
}

// wayOut describes other ways to get the weights.
func (p *pull) wayOut() string {
	e := p.encoder
	if e.Form == "" {
		return fmt.Sprintf("download %s by hand and put it into %s, or give a mirror, a folder or a file to take it from", e.URL, p.folder)
	}
	return fmt.Sprintf("fill in the form at %s and give the downloaded file (%s), its folder, or the signed address from the e-mail; or accept the licence at %s and give an access token", e.Form, path.Base(e.URL), e.repository())
}

// wayOption is the option for those ways.
func (p *pull) wayOption() string {
	if p.encoder.Form == "" {
		return "From"
	}
	return "From or Token"
}

// copy copies a file, or the encoder's file in a folder.
func (p *pull) copy(ctx context.Context, from string) (Pulled, error) {
	from, err := p.find(from)
	if err != nil {
		return Pulled{}, err
	}
	p.announce("copying", from)
	pulled, err := p.bring(ctx, from, from, "copying", func(f fetch.File) error { return f.Copy(ctx, from) })
	if err != nil && ctx.Err() == nil {
		return Pulled{}, option.Errorf("From", "%w; the file is not kept: give the file of %s, such as the one from %s", err, p.encoder.Title, p.encoder.URL)
	}
	return pulled, err
}

// find returns the file that a source on this machine's disks stands for: itself, or the encoder's file in a folder.
func (p *pull) find(from string) (string, error) {
	if scheme, _, ok := strings.Cut(from, "://"); ok {
		return "", option.Errorf("From", "source of the weights %s: %s addresses are not read: give an http or https address, a folder or a file", from, scheme)
	}
	stat, err := os.Stat(from)
	if err != nil {
		return "", option.Errorf("From", "source of the weights: %w", err)
	}
	if !stat.IsDir() {
		return from, nil
	}
	name, ok := present(p.encoder, from)
	if !ok {
		return "", option.Errorf("From", "the folder %s contains none of %s", from, strings.Join(p.encoder.localNames(), ", "))
	}
	return name, nil
}

// announce notes the operation and describes the weights.
func (p *pull) announce(doing, from string) {
	e := p.encoder
	p.options.note("%s %s (%s, about %d MB) from %s", doing, e.Name, e.Licence, e.Architecture.Parameters()*4/1e6, from)
}

// bring has fill make a file in the folder, which is kept and recorded only if it contains the encoder. source is the path of the original
// file, from the same for people.
func (p *pull) bring(ctx context.Context, source, from, doing string, fill func(f fetch.File) error) (Pulled, error) {
	if other := ofSatellite(source); other != p.encoder.Satellite && (other || strings.Contains(filepath.Base(source), "lvd1689m")) {
		return Pulled{}, fmt.Errorf("%s belongs, by its name, to an encoder trained on other images, with a different mean and standard deviation", from)
	}
	name := p.encoder.localName(source)
	file := filepath.Join(p.folder, name)
	var examined *Locked
	err := fill(fetch.File{
		Path: file,
		// The size in float32, plus anything that others may store with an encoder's weights.
		Most: 5*int64(p.encoder.Architecture.Parameters()) + 64<<20,
		Check: func(ctx context.Context, part string) (err error) {
			examined, err = p.examine(ctx, part, name, from)
			return err
		},
		Note: p.options.Note, Progress: p.options.progress(doing + " " + p.encoder.Name),
	})
	if err != nil {
		return Pulled{}, err
	}
	if examined == nil { // another process was faster
		return p.kept(ctx, file, from)
	}
	return p.remember(ctx, file, *examined)
}

// examine reads new weights in full. They must be the encoder's, and equal those seen before, if any. part is their path, name their future
// name.
func (p *pull) examine(ctx context.Context, part, name, from string) (*Locked, error) {
	sum, size, err := checksum(ctx, part, p.options.progress("checking "+p.encoder.Name))
	if err != nil {
		return nil, err
	}
	locks, err := readLocks(p.cache)
	if err != nil {
		return nil, err
	}
	if l, ok := locks[p.key(name)]; ok && l.SHA256 != sum {
		return nil, fmt.Errorf("%w: SHA-256 %s instead of %s since %s; take them from their earlier source (%s), or remove the entry %q in %s to trust the new ones", ErrChanged, sum, l.SHA256, l.Since.Format(time.DateOnly), l.From, p.key(name), lockFile(p.cache))
	}
	if filepath.Base(name) == path.Base(p.encoder.URL) && !strings.HasPrefix(sum, p.encoder.SHA256Prefix) {
		text := fmt.Sprintf("its SHA-256 is %s, but that of the official file begins with %s", sum, p.encoder.SHA256Prefix)
		if strings.HasPrefix(from, dinov3Host) {
			return nil, errors.New(text)
		}
		p.options.note("%s: %s: these are not the official weights", from, text)
	}
	if err := p.readAll(ctx, part, cmp.Or(original(from), name)); err != nil {
		return nil, err
	}
	return &Locked{SHA256: sum, Bytes: size, From: cmp.Or(original(from), from), Since: time.Now().UTC().Truncate(time.Second)}, nil
}

// original is the full path of a source that is a file on this machine; "" for any other.
func original(from string) string {
	if _, err := os.Stat(from); err != nil || isAddress(from) {
		return ""
	}
	full, err := filepath.Abs(from)
	if err != nil {
		return ""
	}
	return full
}

// lay is the graph of weights, which must be those of the encoder.
func (p *pull) lay(f *weights.File) (*onnx.Model, *Model, error) {
	graph, m, err := lay(f, "", Options{})
	if unknown := (*option.Error)(nil); errors.As(err, &unknown) && unknown.Option == "Heads" { // those of the encoder are known by its width
		return nil, nil, fmt.Errorf("%s: weights of another encoder: want %s, found ones of another width", f.Name, p.encoder.Architecture)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := p.encoder.matches(*m.Architecture); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return graph, m, nil
}

// readAll verifies that a file contains the encoder, down to every number. Errors call it name.
func (p *pull) readAll(ctx context.Context, part, name string) error {
	f, err := weights.OpenAs(part, name)
	if err != nil {
		return err
	}
	defer f.Close()
	graph, m, err := p.lay(f)
	if err != nil {
		return err
	}
	show := p.options.progress("reading " + p.encoder.Name)
	done, total := int64(0), 4*int64(m.Architecture.Parameters())
	for _, t := range graph.Graph.Initializers {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := t.Load()
		if err != nil {
			return err
		}
		done += int64(len(b))
		show(done, max(done, total))
	}
	return nil
}

// kept returns weights that are in the cache already, unless the given source has others.
func (p *pull) kept(ctx context.Context, file, from string) (Pulled, error) {
	pulled, err := p.check(ctx, file, from)
	if err != nil {
		return Pulled{}, err
	}
	if err := p.compare(ctx, pulled); err != nil {
		return Pulled{}, err
	}
	return pulled, nil
}

// compare fails if the source given is a file other than the kept one. An address is not asked again, which is noted unless the kept weights came from it.
func (p *pull) compare(ctx context.Context, kept Pulled) error {
	from := p.options.From
	if from == "" {
		return nil
	}
	if isAddress(from) {
		source, err := addresses(p.encoder, from)
		if err != nil {
			return err
		}
		if public := fetch.Public(source[0]); public != kept.From {
			p.options.note("%s: its weights are in %s already, so nothing is requested from %s", p.encoder.Name, kept.Path, public)
		}
		return nil
	}
	given, err := p.find(from)
	if err != nil {
		return err
	}
	sum, _, err := checksum(ctx, given, p.options.progress("checking "+given))
	if err != nil || sum == kept.SHA256 {
		return err
	}
	return option.Errorf("From", "%s: %w: its SHA-256 is %s, that of %s is %s; remove the latter file and its entry %q in %s to use the new weights, or give no other source",
		given, ErrChanged, sum, kept.Path, kept.SHA256, p.key(filepath.Base(kept.Path)), lockFile(p.cache))
}

// check compares a file in its place with its record. A file without a record is examined first.
func (p *pull) check(ctx context.Context, file, from string) (Pulled, error) {
	locks, err := readLocks(p.cache)
	if err != nil {
		return Pulled{}, err
	}
	key := p.key(filepath.Base(file))
	l, known := locks[key]
	if !known {
		examined, err := p.examine(ctx, file, file, from)
		if err != nil {
			if ctx.Err() == nil {
				err = fmt.Errorf("%w; remove the file, and pull again", err)
			}
			return Pulled{}, err
		}
		return p.remember(ctx, file, *examined)
	}
	sum, _, err := checksum(ctx, file, p.options.progress("checking "+p.encoder.Name))
	if err != nil {
		return Pulled{}, err
	}
	if l.SHA256 != sum {
		return Pulled{}, fmt.Errorf("%s: %w: SHA-256 %s instead of %s since %s; remove the file to download it again, or its entry in %s to trust it as it is now", file, ErrChanged, sum, l.SHA256, l.Since.Format(time.DateOnly), lockFile(p.cache))
	}
	if err := p.look(file); err != nil {
		return Pulled{}, fmt.Errorf("%w; it should not have been recorded: remove the file and its entry %q in %s, and pull again", err, key, lockFile(p.cache))
	}
	return Pulled{Path: file, Locked: l}, nil
}

// look verifies, by names and shapes alone, that a file contains the encoder.
func (p *pull) look(file string) error {
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = p.lay(f)
	return err
}

// remember adds a file to the lock file.
func (p *pull) remember(ctx context.Context, file string, l Locked) (Pulled, error) {
	unlock, err := lockfile.Wait(ctx, filepath.Join(p.cache, ".lock"), nil) // briefly: nobody holds it for longer
	if err != nil {
		return Pulled{}, err
	}
	err = func() error {
		locks, err := readLocks(p.cache)
		if err != nil {
			return err
		}
		locks[p.key(filepath.Base(file))] = l
		return writeLocks(p.cache, locks)
	}()
	if err := errors.Join(err, unlock()); err != nil {
		return Pulled{}, err
	}
	p.options.note("%s: SHA-256 %s, recorded in %s", file, l.SHA256, lockFile(p.cache))
	return Pulled{Path: file, Locked: l, First: true}, nil
}

// key is the key of a file in the lock file.
func (p *pull) key(name string) string { return p.encoder.Name + "/" + filepath.Base(name) }

// present finds a finished file of weights in a folder.
func present(e Encoder, folder string) (string, bool) {
	for _, n := range e.localNames() {
		name := filepath.Join(folder, n)
		if stat, err := os.Stat(name); err == nil && stat.Mode().IsRegular() {
			return name, true
		}
	}
	return "", false
}

func isAddress(from string) bool {
	u, err := url.Parse(from)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// thisMachine reports whether an address is on this machine, without a network in between.
func thisMachine(address *url.URL) bool {
	return address.Hostname() == "localhost" || net.ParseIP(address.Hostname()).IsLoopback()
}

// addresses are the sources to try, in order. A mirror has the files under the official paths.
func addresses(e Encoder, from string) ([]*url.URL, error) {
	all := e.files()
	if from != "" {
		all = []string{from}
	}
	out := make([]*url.URL, len(all))
	for i, address := range all {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		if ext := path.Ext(u.Path); from != "" && ext != ".pth" && ext != ".safetensors" {
			official, err := url.Parse(e.URL)
			if err != nil {
				return nil, err
			}
			u = u.JoinPath(official.Path)
		}
		out[i] = u
	}
	return out, nil
}
