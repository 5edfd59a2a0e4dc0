package inspection

import (
	"encoding/csv"
	"encoding/hex"
	"io"
	"strconv"

	"iconic/internal/spreadsheet"
)

// Names are the images' names in tables. Slices have one entry per image; Hashes, Bytes and Cluster may be nil.
type Names struct {
	Paths   []string
	Hashes  [][16]byte
	Bytes   []int64
	Cluster []int
	Safe    bool // put an apostrophe before cells that a spreadsheet would read as formulas
}

var (
	duplicateColumns = []string{"group", "kind", "path", "distance", "bytes", "hash", "cluster"}
	outlierColumns   = []string{"kind", "path", "distance", "cluster", "neighbours_cluster", "neighbours_share"}
)

// Values of the column "kind".
const (
	KindFirst     = "first"     // the image of a group to keep
	KindExact     = "exact"     // same bytes as the previous image
	KindNear      = "near"      // a near duplicate of another image in the group
	KindUnlike    = "unlike"    // unlike all others
	KindElsewhere = "elsewhere" // neighbours are mostly in another cluster
)

// Kind is the column value for the k-th member of a group.
func (g Group) Kind(k int) string {
	switch {
	case k == 0:
		return KindFirst
	case g[k].Exact:
		return KindExact
	}
	return KindNear
}

// WriteDuplicates writes one line per image that is in a group. It returns the number of cells that a spreadsheet would read as formulas.
func (f *Findings) WriteDuplicates(w io.Writer, n Names) (computed int, err error) {
	t := newTable(w, duplicateColumns)
	for number, g := range f.Groups {
		for k, m := range g {
			t.line(n.Safe, strconv.Itoa(number+1), g.Kind(k), n.Paths[m.Image], decimal(m.Distance), n.bytes(m.Image), n.hash(m.Image), n.cluster(m.Image))
		}
	}
	return t.end()
}

// WriteOutliers writes one line per image that is unlike all others or whose neighbours are elsewhere.
func (f *Findings) WriteOutliers(w io.Writer, n Names) (computed int, err error) {
	t := newTable(w, outlierColumns)
	for _, u := range f.Unlike {
		t.line(n.Safe, KindUnlike, n.Paths[u.Image], decimal(u.Distance), n.cluster(u.Image), "", "")
	}
	for _, s := range f.Elsewhere {
		t.line(n.Safe, KindElsewhere, n.Paths[s.Image], "", n.cluster(s.Image), strconv.Itoa(s.Cluster), decimal(s.Share))
	}
	return t.end()
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

func (n *Names) bytes(i int) string {
	if n.Bytes == nil {
		return ""
	}
	return strconv.FormatInt(n.Bytes[i], 10)
}

func (n *Names) hash(i int) string {
	if n.Hashes == nil {
		return ""
	}
	return hex.EncodeToString(n.Hashes[i][:])
}

func (n *Names) cluster(i int) string {
	if n.Cluster == nil {
		return ""
	}
	return strconv.Itoa(n.Cluster[i])
}

// table is a CSV file being written.
type table struct {
	csv      *csv.Writer
	computed int
	err      error
}

func newTable(w io.Writer, columns []string) *table {
	t := &table{csv: csv.NewWriter(w)}
	t.err = t.csv.Write(columns)
	return t
}

func (t *table) line(safe bool, cells ...string) {
	for k, cell := range cells {
		if spreadsheet.Computed(cell) {
			t.computed++
		}
		if safe {
			cells[k] = spreadsheet.Text(cell)
		}
	}
	if t.err == nil {
		t.err = t.csv.Write(cells)
	}
}

func (t *table) end() (computed int, err error) {
	t.csv.Flush()
	if t.err == nil {
		t.err = t.csv.Error()
	}
	return t.computed, t.err
}
