package models

import (
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
	"iconic/models/weights"
	"iconic/option"
)

// PullOptions say where to fetch weights from. The zero value fetches from the official host, and from the
// transformers library's repository where that is out of reach. HTTPS_PROXY and its like are honoured.
type PullOptions struct {
	Cache    string                               // the folder of models; "": iconic/models in the user's cache
	From     string                               // instead: a mirror's address, the file's own address, a folder or a file
	Token    string                               // of huggingface.co, for weights under a licence that has to be accepted; "": none
	Stall    time.Duration                        // how long a server may be silent; 0: fetch.DefaultStall, 30 s
	Note     func(text string)                    // told what is about to happen; may be nil
	Progress func(what string, done, total int64) // told the bytes done, total −1 where unknown; may be nil
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
	First bool `json:"first"` // locked just now: nobody knew its checksum before
}

// ErrChanged marks weights that are not those seen before under the same name.
var ErrChanged = errors.New("not the weights seen before")

// Pull makes sure that the weights of e are in the cache and are the ones seen before. The first time they are read in full
// and, if they are the encoder's, their SHA-256 is written to the lock file; what is something else is not kept. A download that
// was cut goes on where it stopped, and keeps nobody waiting but those who want the same file.
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

// pull is one call of Pull.
type pull struct {
	encoder Encoder
	options PullOptions
	cache   string
	folder  string // of this encoder's weights
}

func (p *pull) run(ctx context.Context) (Pulled, error) {
	if err := os.MkdirAll(p.folder, 0o777); err != nil {
		return Pulled{}, err
	}
	if _, err := readLocks(p.cache); err != nil { // before hours of fetching
		return Pulled{}, err
	}
	if name, ok := present(p.encoder, p.folder); ok { // pulled before, or put there by hand
		cachefolder.Used(p.folder)
		return p.check(ctx, name, "the file itself")
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
		return Pulled{}, option.Errorf(p.wayOption(), "the weights are given out to those who have accepted the %s: %s", e.Licence, p.wayOut())
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
			p.options.note("%s is not encrypted: anybody on the way could change what comes", public)
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
		failures = fmt.Errorf("%w, so that the token is not one of somebody who has accepted the licence there", failures)
	}
	return Pulled{}, option.Errorf(p.wayOption(), "the weights could not be fetched (%w): %s", failures, p.wayOut())
}

// wayOut says how else to come by the weights.
func (p *pull) wayOut() string {
	e := p.encoder
	if e.Form == "" {
		return fmt.Sprintf("fetch %s by hand and put it into %s, or name a mirror, a folder or a file to take it from", e.URL, p.folder)
	}
	return fmt.Sprintf("fill in the form at %s and name the file that comes of it (%s), its folder, or the signed address from the e-mail; or accept the licence at %s and give an access token of yours", e.Form, path.Base(e.URL), e.repository())
}

// wayOption is the option by which that is given.
func (p *pull) wayOption() string {
	if p.encoder.Form == "" {
		return "From"
	}
	return "From or Token"
}

// copy takes a file, or the encoder's file in a folder.
func (p *pull) copy(ctx context.Context, from string) (Pulled, error) {
	stat, err := os.Stat(from)
	if err != nil {
		return Pulled{}, option.Errorf("From", "where to take the weights from: %w", err)
	}
	if stat.IsDir() {
		name, ok := present(p.encoder, from)
		if !ok {
			return Pulled{}, option.Errorf("From", "the folder %s holds none of %s", from, strings.Join(p.encoder.localNames(), ", "))
		}
		from = name
	}
	p.announce("copying", from)
	pulled, err := p.bring(ctx, from, from, "copying", func(f fetch.File) error { return f.Copy(ctx, from) })
	if err != nil && ctx.Err() == nil {
		return Pulled{}, option.Errorf("From", "%w; nothing of it is kept: give the file of %s, such as the one from %s", err, p.encoder.Title, p.encoder.URL)
	}
	return pulled, err
}

// announce says what is about to happen, and what the weights are.
func (p *pull) announce(doing, from string) {
	e := p.encoder
	p.options.note("%s %s (%s, about %d MB) from %s", doing, e.Name, e.Licence, e.Architecture.Parameters()*4/1e6, from)
}

// bring has fill make a file of the folder, which is kept and remembered only if it holds the encoder. source is the path of the
// file where it comes from, from the same for people.
func (p *pull) bring(ctx context.Context, source, from, doing string, fill func(f fetch.File) error) (Pulled, error) {
	if other := ofSatellite(source); other != p.encoder.Satellite && (other || strings.Contains(filepath.Base(source), "lvd1689m")) {
		return Pulled{}, fmt.Errorf("%s is by its name of an encoder trained on other images, which sees them by another mean and deviation", from)
	}
	name := p.encoder.localName(source)
	file := filepath.Join(p.folder, name)
	var examined *Locked
	err := fill(fetch.File{
		Path: file,
		// In float32, with all that others may keep beside an encoder's weights.
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
		return p.check(ctx, file, from)
	}
	return p.remember(ctx, file, *examined)
}

// examine reads weights that are new here in full. They must be the encoder's, and those seen before if there were some. part
// is where they lie, name what they are to be called.
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
		return nil, fmt.Errorf("%w: SHA-256 %s, and %s since %s; take them from where they came then (%s), or remove the entry %q in %s to trust the new ones", ErrChanged, sum, l.SHA256, l.Since.Format(time.DateOnly), l.From, p.key(name), lockFile(p.cache))
	}
	if filepath.Base(name) == path.Base(p.encoder.URL) && !strings.HasPrefix(sum, p.encoder.SHA256Prefix) {
		text := fmt.Sprintf("its SHA-256 is %s, and that of the official file begins with %s", sum, p.encoder.SHA256Prefix)
		if strings.HasPrefix(from, dinov3Host) {
			return nil, errors.New(text)
		}
		p.options.note("%s: %s: these are not the official weights", from, text)
	}
	if err := p.readAll(ctx, part, name); err != nil {
		return nil, err
	}
	return &Locked{SHA256: sum, Bytes: size, From: from, Since: time.Now().UTC().Truncate(time.Second)}, nil
}

// readAll makes sure that a file holds the encoder, every number of it.
func (p *pull) readAll(ctx context.Context, part, name string) error {
	f, err := weights.OpenAs(part, name)
	if err != nil {
		return err
	}
	defer f.Close()
	graph, m, err := lay(f, "", Options{})
	if err != nil {
		return err
	}
	if err := p.encoder.matches(*m.Architecture); err != nil {
		return fmt.Errorf("%s: %w", name, err)
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

// check compares a file in its place with what is remembered of it. One of which nothing is remembered is examined first.
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
		return Pulled{}, fmt.Errorf("%s: %w: SHA-256 %s, and %s since %s; remove the file to fetch it again, or its entry in %s to trust it as it is now", file, ErrChanged, sum, l.SHA256, l.Since.Format(time.DateOnly), lockFile(p.cache))
	}
	if err := p.look(file); err != nil {
		return Pulled{}, fmt.Errorf("%w; it should not have been remembered: remove the file and its entry %q in %s, and pull again", err, key, lockFile(p.cache))
	}
	return Pulled{Path: file, Locked: l}, nil
}

// look makes sure, by names and shapes alone, that a file holds the encoder.
func (p *pull) look(file string) error {
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, m, err := lay(f, "", Options{})
	if err != nil {
		return err
	}
	if err := p.encoder.matches(*m.Architecture); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// remember enters a file into the lock file.
func (p *pull) remember(ctx context.Context, file string, l Locked) (Pulled, error) {
	unlock, err := lockfile.Wait(ctx, filepath.Join(p.cache, ".lock"), nil) // for a moment: everybody else holds it no longer
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
	p.options.note("%s: SHA-256 %s, remembered in %s", file, l.SHA256, lockFile(p.cache))
	return Pulled{Path: file, Locked: l, First: true}, nil
}

// key is a file's in the lock file.
func (p *pull) key(name string) string { return p.encoder.Name + "/" + filepath.Base(name) }

// present finds a finished file of weights in a folder.
func present(e Encoder, folder string) (string, bool) {
	for _, n := range append(e.localNames(), "model.safetensors") {
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

// thisMachine tells an address that no network lies before.
func thisMachine(address *url.URL) bool {
	return address.Hostname() == "localhost" || net.ParseIP(address.Hostname()).IsLoopback()
}

// addresses are where to look, in order. A mirror holds the files under the official paths.
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
