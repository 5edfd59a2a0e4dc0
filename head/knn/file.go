package knn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/identity"
	"iconic/internal/regular"
)

// A graph file is, little endian: the magic, the key, N, K, the recall and the share compared (8 bytes each, the last two float64), N×K
// neighbours (int32), N×K distances (float32), and the xxHash64 of all of these.
const (
	magic      = "knngrph4"
	headerSize = len(magic) + 5*8
	sumSize    = 8
)

var (
	// ErrDamaged is wrapped by Load's error for a file that is not a complete graph.
	ErrDamaged = errors.New("damaged neighbour graph")
	// ErrOther is wrapped by Load's error for the graph of other features or options.
	ErrOther = errors.New("neighbour graph of other features or options")
)

// Cached returns the graph in the file name if it belongs to exactly these features, options and search; otherwise it computes the graph
// and saves it there. A graph returned with an error is valid but could not be saved.
func Cached(ctx context.Context, name string, s Search, f Features, o Options) (*Graph, error) {
	key, err := Key(ctx, s, f, o)
	if err != nil {
		return nil, err
	}
	if g, err := Load(name, key); err == nil {
		cachefolder.Used(filepath.Dir(name))
		return g, nil
	}
	g, err := s.Find(ctx, f, o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return g, err
	}
	return g, g.Save(name, key)
}

// Key is a hash of everything that a graph depends on: every feature, K, the metric and, unless it is exact, the search.
func Key(ctx context.Context, s Search, f Features, o Options) (uint64, error) {
	s, err := s.Resolve(f.Len())
	if err != nil {
		return 0, err
	}
	if o.Metric == "" {
		o.Metric = Cosine
	}
	n, d := f.Len(), f.Dim()
	g := identity.Graph{Search: string(s), Metric: string(o.Metric), K: o.K, Rows: n, Dim: d}
	if s == SearchApproximate {
		g.Listed, g.Lists, g.Recall, g.Probes, g.Seed = true, o.Lists, o.Recall, o.Probes, o.Seed
	}
	key := g.Key()
	x := make([]float32, min(n, blockRows)*d)
	for lo := 0; lo < n; lo += blockRows {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		hi := min(n, lo+blockRows)
		x := x[:(hi-lo)*d]
		if err := f.Block(x, lo, hi); err != nil {
			return 0, fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		key.Add(x)
	}
	return key.Sum(), nil
}

// Save writes the graph to a file, atomically.
func (g *Graph) Save(name string, key uint64) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		h := xxhash.New()
		to := io.MultiWriter(w, h)
		header := append(make([]byte, 0, headerSize), magic...)
		for _, v := range []uint64{key, uint64(g.N), uint64(g.K), math.Float64bits(g.Recall), math.Float64bits(g.Compared)} {
			header = binary.LittleEndian.AppendUint64(header, v)
		}
		if _, err := to.Write(header); err != nil {
			return err
		}
		if err := binary.Write(to, binary.LittleEndian, g.Neighbours); err != nil {
			return err
		}
		if err := binary.Write(to, binary.LittleEndian, g.Distances); err != nil {
			return err
		}
		return binary.Write(w, binary.LittleEndian, h.Sum64())
	})
}

// Load reads a graph that Save wrote under the same key. Its error names the file and wraps fs.ErrNotExist, ErrDamaged or ErrOther if that
// is the reason.
func Load(name string, key uint64) (*Graph, error) {
	content, err := regular.Read(name)
	if err != nil {
		return nil, err
	}
	g, err := decode(content, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return g, nil
}

func decode(content []byte, key uint64) (*Graph, error) {
	if len(content) < headerSize+sumSize || string(content[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: wrong magic number", ErrDamaged)
	}
	body, sum := content[:len(content)-sumSize], binary.LittleEndian.Uint64(content[len(content)-sumSize:])
	if got := xxhash.Sum64(body); got != sum {
		return nil, fmt.Errorf("%w: checksum %016x, recorded as %016x", ErrDamaged, got, sum)
	}
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(body[len(magic)+8*i:]) }
	if field(0) != key {
		return nil, ErrOther
	}
	n, k, entries := field(1), field(2), uint64(len(body)-headerSize)/8
	if k < 1 || k >= n || n > math.MaxInt32 || entries/k != n || entries%k != 0 || (len(body)-headerSize)%8 != 0 {
		return nil, fmt.Errorf("%w: %d rows with %d neighbours do not match its %d bytes", ErrDamaged, n, k, len(content))
	}
	g := &Graph{N: int(n), K: int(k), Recall: math.Float64frombits(field(3)), Compared: math.Float64frombits(field(4)), Neighbours: make([]int32, entries), Distances: make([]float32, entries)}
	r := bytes.NewReader(body[headerSize:])
	if err := errors.Join(binary.Read(r, binary.LittleEndian, g.Neighbours), binary.Read(r, binary.LittleEndian, g.Distances)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for e, j := range g.Neighbours {
		if j < 0 || int(j) >= g.N {
			return nil, fmt.Errorf("%w: row %d has row %d of %d as a neighbour", ErrDamaged, e/g.K, j, g.N)
		}
	}
	return g, nil
}
