package kernel

import "sync"

// Mul is C = A·B, or C += A·B when accumulate: C is m×n, A m×k, B k×n, with leading dimensions ldc ≥ n, lda ≥ k, ldb ≥ n.
func Mul[T Float](c []T, ldc int, a []T, lda int, b []T, ldb int, m, k, n int, accumulate bool) {
	product(c, ldc, operand[T]{a, lda, 1}, operand[T]{b, 1, ldb}, m, k, n, accumulate)
}

// MulTransB is C = A·Bᵀ, or C += A·Bᵀ when accumulate: C is m×n, A m×k, B n×k.
func MulTransB[T Float](c []T, ldc int, a []T, lda int, b []T, ldb int, m, k, n int, accumulate bool) {
	product(c, ldc, operand[T]{a, lda, 1}, operand[T]{b, ldb, 1}, m, k, n, accumulate)
}

// MulTransA is C = Aᵀ·B, or C += Aᵀ·B when accumulate: C is m×n, A k×m, B k×n.
func MulTransA[T Float](c []T, ldc int, a []T, lda int, b []T, ldb int, m, k, n int, accumulate bool) {
	product(c, ldc, operand[T]{a, 1, lda}, operand[T]{b, 1, ldb}, m, k, n, accumulate)
}

// operand is a factor of a product. Element (row i, term p) of the left factor lies at i·outer + p·inner, element (column j, term p) of the
// right factor at j·outer + p·inner. One of the two strides is 1.
type operand[T Float] struct {
	data         []T
	outer, inner int
}

// The product is blocked as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a block of A stays in the
// L2 cache, a sliver of B in the L1 cache, and a micro-kernel keeps a tile of C in registers. B is packed so that the micro-kernel reads it
// in order. A need not be packed, since only single numbers of it are broadcast; it is packed if its terms are not contiguous, and at its
// lower edge, where a whole tile would read past it.
const (
	termBlock   = 384 // largest number of terms per pass: a sliver of B takes three quarters of a 32 KB L1 cache
	rowBlock    = 192 // rows of A at a time: with termBlock 288 KB of float32
	columnBlock = 960 // columns of B packed together: with termBlock 1.4 MB, streamed from the L3 cache
)

// tile is a micro-kernel: c[r·ldc+s] (+)= Σ_p a[r·rowStride+p·termStride]·b[p·columns+s] for all r < rows, s < columns.
type tile[T Float] struct {
	rows, columns int
	multiply      func(c []T, ldc int, a []T, rowStride, termStride int, b []T, terms int, accumulate bool)
	// half, if set, is the same for s < columns/2, with b as for the whole tile. Every number has the same bits.
	half func(c []T, ldc int, a []T, rowStride, termStride int, b []T, terms int, accumulate bool)
}

// of returns the micro-kernel for the last n columns of C, and its width: half a tile if that is enough.
func (t *tile[T]) of(n int) (multiply func(c []T, ldc int, a []T, rowStride, termStride int, b []T, terms int, accumulate bool), width int) {
	if t.half != nil && n <= t.columns/2 {
		return t.half, t.columns / 2
	}
	return t.multiply, t.columns
}

// tileOf returns the micro-kernel of a type.
func tileOf[T Float]() tile[T] {
	if t, ok := any(active.tile).(tile[T]); ok {
		return t
	}
	return tile[T]{4, 4, multiplyGeneric[T], nil}
}

// packed keeps packing buffers between products.
var packed = sync.Pool{New: func() any { return new(packing) }}

type packing struct {
	a32, b32, c32 []float32
	a64, b64, c64 []float64
}

func buffers[T Float](p *packing, a, b, c int) ([]T, []T, []T) {
	var pa, pb, pc any
	var t T
	switch any(t).(type) {
	case float32:
		p.a32, p.b32, p.c32 = grown(p.a32, a), grown(p.b32, b), grown(p.c32, c)
		pa, pb, pc = p.a32, p.b32, p.c32
	default:
		p.a64, p.b64, p.c64 = grown(p.a64, a), grown(p.b64, b), grown(p.c64, c)
		pa, pb, pc = p.a64, p.b64, p.c64
	}
	return pa.([]T), pb.([]T), pc.([]T)
}

func grown[T Float](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func product[T Float](c []T, ldc int, a, b operand[T], m, k, n int, accumulate bool) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if !accumulate {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	t := tileOf[T]()
	p := packed.Get().(*packing)
	defer packed.Put(p)
	passes := (k + termBlock - 1) / termBlock
	most := (k + passes - 1) / passes // equal passes: a short last pass would touch all of C for little work
	pa, pb, edge := buffers[T](p, upTo(min(m, rowBlock), t.rows)*most, upTo(min(n, columnBlock), t.columns)*most, t.rows*t.columns)
	for j := 0; j < n; j += columnBlock {
		columns := min(columnBlock, n-j)
		for q := 0; q < k; q += most {
			terms := min(most, k-q)
			pack(pb, b, j, columns, q, terms, t.columns)
			add := accumulate || q > 0
			for i := 0; i < m; i += rowBlock {
				rows := min(rowBlock, m-i)
				x := left[T]{pa: pa, terms: terms, height: t.rows}
				if a.inner == 1 {
					x.direct, x.stride, x.whole = a.data[i*a.outer+q:], a.outer, rows/t.rows*t.rows
				}
				pack(pa, a, i+x.whole, rows-x.whole, q, terms, t.rows)
				multiplyBlock(c[i*ldc+j:], ldc, x, pb, edge, rows, terms, columns, add, t)
			}
		}
	}
}

// left is a block of A: its first rows in place, the others packed.
type left[T Float] struct {
	direct        []T
	stride, whole int
	pa            []T
	terms, height int
}

// sliver returns the rows from r on and their strides by row and by term.
func (x *left[T]) sliver(r int) (a []T, rowStride, termStride int) {
	if r < x.whole {
		return x.direct[r*x.stride:], x.stride, 1
	}
	return x.pa[(r-x.whole)*x.terms:], 1, x.height
}

// multiplyBlock multiplies one block of A with one packed block of B.
func multiplyBlock[T Float](c []T, ldc int, x left[T], pb, edge []T, rows, terms, columns int, accumulate bool, t tile[T]) {
	for s := 0; s < columns; s += t.columns {
		bs := pb[s*terms:]
		multiply, width := t.of(columns - s)
		for r := 0; r < rows; r += t.rows {
			as, rowStride, termStride := x.sliver(r)
			if r+t.rows <= rows && s+width <= columns {
				multiply(c[r*ldc+s:], ldc, as, rowStride, termStride, bs, terms, accumulate)
				continue
			}
			// A tile across the edge is computed in a buffer, and the part inside is copied.
			multiply(edge, t.columns, as, rowStride, termStride, bs, terms, false)
			for x := range min(t.rows, rows-r) {
				to := c[(r+x)*ldc+s:]
				from := edge[x*t.columns:]
				for y := range min(width, columns-s) {
					if accumulate {
						to[y] += from[y]
					} else {
						to[y] = from[y]
					}
				}
			}
		}
	}
}

// pack copies count rows (or columns) from first on, terms from q on, into slivers of width: one term after another, width numbers each,
// with zeros beyond count.
func pack[T Float](dst []T, o operand[T], first, count, q, terms, width int) {
	for r := 0; r < count; r += width {
		sliver := dst[r*terms : (r+width)*terms]
		w := min(width, count-r)
		base := (first+r)*o.outer + q*o.inner
		if o.outer == 1 {
			interleave(sliver, width, o.data[base:], o.inner, w, terms)
		} else if data, ok := any(o.data).([]float32); ok {
			active.transpose(any(sliver).([]float32), width, data[base:], o.outer, w, terms)
		} else {
			for x := range w {
				from := o.data[base+x*o.outer:][:terms]
				for p, v := range from {
					sliver[p*width+x] = v
				}
			}
		}
		if w < width {
			for p := range terms {
				clear(sliver[p*width+w : (p+1)*width])
			}
		}
	}
}

// interleave copies w of every ld numbers, terms times, to positions width apart.
func interleave[T Float](dst []T, width int, src []T, ld, w, terms int) {
	if w == 16 { // a copy of constant size needs no call
		for p := range terms {
			*(*[16]T)(dst[p*width:]) = *(*[16]T)(src[p*ld:])
		}
		return
	}
	for p := range terms {
		copy(dst[p*width:], src[p*ld:][:w])
	}
}

func upTo(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// multiplyGeneric is the micro-kernel of 4×4 tiles in plain Go.
func multiplyGeneric[T Float](c []T, ldc int, a []T, rowStride, termStride int, b []T, terms int, accumulate bool) {
	for half := 0; half < 4; half += 2 {
		var c00, c01, c02, c03, c10, c11, c12, c13 T
		b := b[:4*terms]
		at, below := half*rowStride, (half+1)*rowStride
		for len(b) >= 4 {
			a0, a1 := a[at], a[below]
			b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
			c00 += a0 * b0
			c01 += a0 * b1
			c02 += a0 * b2
			c03 += a0 * b3
			c10 += a1 * b0
			c11 += a1 * b1
			c12 += a1 * b2
			c13 += a1 * b3
			at, below, b = at+termStride, below+termStride, b[4:]
		}
		x, y := c[half*ldc:half*ldc+4], c[(half+1)*ldc:(half+1)*ldc+4]
		if accumulate {
			c00, c01, c02, c03 = c00+x[0], c01+x[1], c02+x[2], c03+x[3]
			c10, c11, c12, c13 = c10+y[0], c11+y[1], c12+y[2], c13+y[3]
		}
		x[0], x[1], x[2], x[3] = c00, c01, c02, c03
		y[0], y[1], y[2], y[3] = c10, c11, c12, c13
	}
}
