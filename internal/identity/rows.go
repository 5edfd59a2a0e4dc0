package identity

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/cespare/xxhash/v2"
)

// Rows is a key under construction that covers more numbers than fit in memory.
type Rows struct {
	hash *xxhash.Digest
	raw  []byte
}

// Add adds more rows, or parts of rows.
func (r *Rows) Add(x []float32) {
	r.raw = r.raw[:0]
	for _, v := range x {
		r.raw = binary.LittleEndian.AppendUint32(r.raw, math.Float32bits(v))
	}
	_, _ = r.hash.Write(r.raw) // a hash never fails
}

// Sum is the key.
func (r *Rows) Sum() uint64 { return r.hash.Sum64() }

// String is the key in hexadecimal digits.
func (r *Rows) String() string { return fmt.Sprintf("%016x", r.Sum()) }

// Graph is everything on which a neighbour graph depends besides the features.
type Graph struct {
	Search    string // "exact" or "approximate"
	Metric    string
	K         int // neighbours of each row
	Rows, Dim int

	Listed bool // a search in lists, for which the fields below count as well
	Lists  int
	Recall float64
	Probes int // 0: as many as necessary, which the key omits
	Seed   uint64
}

// Key begins the key of the graph; all features, scaled as for the search, must then be added in order.
func (g Graph) Key() *Rows {
	r := &Rows{hash: xxhash.New()}
	fmt.Fprintf(r.hash, "%s %s %d of %d by %d\n", g.Search, g.Metric, g.K, g.Rows, g.Dim)
	if g.Listed {
		fmt.Fprintf(r.hash, "lists %d, recall %g, seed %d\n", g.Lists, g.Recall, g.Seed)
		if g.Probes > 0 {
			fmt.Fprintf(r.hash, "probes %d\n", g.Probes)
		}
	}
	return r
}

// Matrix begins the key of features in memory; all of them must then be added in order.
func Matrix(rows, dim int) *Rows {
	r := &Rows{hash: xxhash.New()}
	fmt.Fprintf(r.hash, "%d by %d\n", rows, dim)
	return r
}

// File is the key of features in a file: of its whole content.
func File(content io.WriterTo) (string, error) {
	h := xxhash.New()
	if _, err := content.WriteTo(h); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}
