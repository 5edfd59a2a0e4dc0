package kernel

// TileShape returns the shape of the tiles of C that MulPacked computes: both numbers divide 192.
func TileShape() (rows, columns int) { return active.tile.rows, active.tile.columns }

// MulPacked is C = A·B, or C += A·B when accumulate, for callers that multiply by the same B many times and keep it packed. C is
// m×n, A m×k with element (i, p) at a[i·rowStride+p·termStride], so that a transpose costs nothing, and B k×n in slivers of
// TileShape's columns: element (p, j) at b[j/columns·sliver + p·columns + j%columns].
//
// Whole tiles are computed, or half of the last columns if that is enough: C must have space for m and n rounded up to TileShape, and A and B are
// read that far.
func MulPacked(c []float32, ldc int, a []float32, rowStride, termStride int, b []float32, sliver, m, k, n int, accumulate bool) {
	t := &active.tile
	for q := 0; q < k; q += termBlock {
		terms := min(termBlock, k-q)
		for s := 0; s < n; s += t.columns {
			from := b[s/t.columns*sliver+q*t.columns:]
			multiply, _ := t.of(n - s)
			for r := 0; r < m; r += t.rows {
				multiply(c[r*ldc+s:], ldc, a[r*rowStride+q*termStride:], rowStride, termStride, from, terms, accumulate || q > 0)
			}
		}
	}
}
