package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// digits is the length of a key, in hexadecimal digits: 64 bits.
const digits = 16

// key is the key of v, a value that encoding/json encodes completely: only exported fields count, and maps are sorted by key. Keys of
// different kinds never coincide. It fails on values that JSON cannot represent.
func key(kind string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", kind, err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "iconic %s\n%s", kind, b) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))[:digits], nil
}

// Cache is everything on which the features in the user's cache depend, except the contents of the images, which the store checks itself,
// and the engine, for each of which the cache has its own folder.
type Cache struct {
	Data       string // the data set's full path
	Dataset    any    // how it is interpreted
	Encoder    string // SHA-256 of the model and all of its external data
	Output     string
	Transform  any
	IgnoreEXIF bool
	Decoder    string // decoder of JPEG files
	Views      int
	Seed       uint64 `json:",omitempty"` // seed of the augmented views; 0 without any
	Augment    any    `json:",omitempty"` // their augmentation; nil without any
	Half       bool
}

// Key names the folder.
func (c Cache) Key() (string, error) { return key("features", c) }

// Content is everything on which the plain view of an image depends besides its bytes.
type Content struct {
	Encoder   string // SHA-256 of the model and all of its external data
	Output    string
	Transform any // including the treatment of the orientation
	Decoder   string
	Provider  string
	Runtime   string // version of ONNX Runtime
	Dim       int
}

// Key identifies the stores that may lend features to each other.
func (c Content) Key() (string, error) { return key("content", c) }

// Run is everything on which a run of a sweep depends, including its scores.
type Run struct {
	Features string // key of the features, including their labels and paths if they have any
	Labels   []int
	Classes  []string
	Training any
}

// Key names the run's folder.
func (r Run) Key() (string, error) { return key("run of a sweep", r) }

// Model is everything on which an imported or rewritten encoder depends.
type Model struct {
	Version   int    // version of the import: raised when the same weights would give another graph
	Weights   string // SHA-256 of the weights; for an ONNX file, including its external data
	ImageSize int    // pixels
	Output    string
	Precision string
	Heads     int // attention heads; 0: given by the weights
}

// Key names the model's folder.
func (m Model) Key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d%s%d%s%s%d", m.Version, m.Weights, m.ImageSize, m.Output, m.Precision, m.Heads))
	return hex.EncodeToString(sum[:6])
}
