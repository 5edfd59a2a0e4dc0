package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digits is the length of a key, in hexadecimal digits: 64 bits.
const Digits = 16

// key is the key of v, a value that encoding/json writes in full: exported fields alone count, and maps in the order of their keys.
// Keys of different kinds never meet. It fails on values that JSON has no form for.
func key(kind string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", kind, err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "iconic %s\n%s", kind, b) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))[:Digits], nil
}

// Cache is all that the features in the user's cache depend on, but for the images' contents, which the store looks after itself, and
// for what runs the encoder, of which it keeps a folder each.
type Cache struct {
	Data       string // the data set, in full
	Dataset    any    // how it is understood
	Encoder    string // SHA-256 of the model and all of its data
	Output     string
	Transform  any
	IgnoreEXIF bool
	Decoder    string // of JPEG files
	Views      int
	Seed       uint64 `json:",omitempty"` // of the augmented views; 0 without any
	Augment    any    `json:",omitempty"` // how they are drawn; nil without any
	Half       bool
}

// Key names the folder.
func (c Cache) Key() (string, error) { return key("features", c) }

// Content is all that the plain view of an image depends on besides its bytes.
type Content struct {
	Encoder   string // SHA-256 of the model and all of its data
	Output    string
	Transform any // with what is done about orientation
	Decoder   string
	Provider  string
	Runtime   string // version of ONNX Runtime
	Dim       int
}

// Key names the stores that may lend features to each other.
func (c Content) Key() (string, error) { return key("content", c) }

// Run is all that a run of a sweep depends on, its scores included.
type Run struct {
	Features string // key of the features, with their labels and paths where these belong to them
	Labels   []int
	Classes  []string
	Training any
}

// Key names the run's folder.
func (r Run) Key() (string, error) { return key("run of a sweep", r) }

// Model is all that an imported or rewritten encoder depends on.
type Model struct {
	Version   int    // of the program's import: raised when the same weights would make another graph
	Weights   string // SHA-256 of the weights: of an ONNX file with all of its external data
	ImageSize int    // pixels
	Output    string
	Precision string
	Heads     int // of attention; 0: by the weights
}

// Key names the model's folder.
func (m Model) Key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d%s%d%s%s%d", m.Version, m.Weights, m.ImageSize, m.Output, m.Precision, m.Heads))
	return hex.EncodeToString(sum[:6])
}
