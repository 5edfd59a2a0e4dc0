package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/half"
)

// TestEveryPath runs the same tests on plain Go and on every other path that this processor supports.
func TestEveryPath(t *testing.T) {
	started := active
	defer func() { active = started }()
	for _, p := range append(paths(), plain) {
		active = p
		t.Run(p.name, func(t *testing.T) {
			for name, test := range map[string]func(*testing.T){
				"products":                testProducts,
				"packed products":         testPackedProducts,
				"columns":                 testColumnsDoNotDependOnTheirNumber,
				"NaN reaches the product": testNaNReachesTheProduct,
				"vectors of every length": testVectorsOfEveryLength,
				"elementwise":             testPlaceByPlace,
				"transpose":               testTranspose,
				"widen":                   testWiden,
				"resampling":              testResampling,
				"JPEG":                    testJPEG,
				"exponential":             testExponential,
				"reciprocal":              testReciprocal,
				"max and sum":             testMaxAndSum,
				"largest two":             testLargestTwo,
			} {
				t.Run(name, test)
			}
		})
	}
}

// Paths that are said to give the same bits share every function but those of tiles, and products have the same bits with their tiles.
func TestPathsOfTheSameBits(t *testing.T) {
	started := active
	defer func() { active = started }()
	tested := 0
	all := append(paths(), plain)
	for i, p := range all {
		for _, q := range all[:i] {
			if !SameBits(p.name, q.name) {
				continue
			}
			tested++
			one, other := reflect.ValueOf(p), reflect.ValueOf(q)
			for f := range one.NumField() {
				name := one.Type().Field(f).Name
				if function := one.Field(f).Kind() == reflect.Func; function && name != "spin" && one.Field(f).Pointer() != other.Field(f).Pointer() {
					t.Errorf("%s and %s have their own %s", p.name, q.name, name)
				}
			}
			testTilesAlike(t, p, q)
		}
	}
	if tested == 0 {
		t.Skip("this processor has no two paths of the same bits (AVX2 and AVX-512)")
	}
}

// testTilesAlike compares the bits of products on two paths.
func testTilesAlike(t *testing.T, p, q path) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(1, 70), rapid.IntRange(1, 1000))
		m, n, k := size.Draw(t, "m"), rapid.IntRange(1, 70).Draw(t, "n"), size.Draw(t, "k")
		accumulate := rapid.Bool().Draw(t, "accumulate")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b, start := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
		normal(r, a)
		normal(r, b)
		normal(r, start)
		products := func(p path) (c [3][]float32) {
			active = p
			for i := range c {
				c[i] = slices.Clone(start)
			}
			Mul(c[0], n, a, k, b, n, m, k, n, accumulate)
			MulTransB(c[1], n, a, k, b, k, m, k, n, accumulate)
			MulTransA(c[2], n, a, m, b, n, m, k, n, accumulate)
			return c
		}
		one, other := products(p), products(q)
		for i, kind := range []string{"Mul", "MulTransB", "MulTransA"} {
			if !slices.Equal(one[i], other[i]) {
				t.Fatalf("%s %d×%d×%d accumulate=%v: %s and %s differ", kind, m, k, n, accumulate, p.name, q.name)
			}
		}
	})
}

func TestChoiceOfPath(t *testing.T) {
	all := []path{{name: "faster"}, {name: "fast"}}
	for _, c := range []struct {
		want, name string
		from       []path
	}{
		{"faster", "", all},
		{"fast", "fast", all},
		{"generic", "generic", all},
		{"faster", "no such path", all},
		{"generic", "", nil},
	} {
		if got := choose(c.name, c.from).name; got != c.want {
			t.Errorf("ICONIC_KERNEL=%q: %s, want %s", c.name, got, c.want)
		}
		err := check(c.name, c.from)
		if known := c.name != "no such path"; known != (err == nil) {
			t.Errorf("ICONIC_KERNEL=%q: error %v", c.name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "faster or fast or generic") {
			t.Errorf("error %v does not list what is allowed", err)
		}
	}
}

// guard surrounds every slice that a kernel may touch.
const guard = float32(-7e7)

// guarded returns n numbers with guards on both sides, which check verifies.
func guarded(n int) (x []float32, check func(t failer)) {
	all := make([]float32, n+64)
	for i := range all {
		all[i] = guard
	}
	x = all[29 : 29+n : 29+n]
	return x, func(t failer) {
		t.Helper()
		for i, v := range all {
			if (i < 29 || i >= 29+n) && v != guard {
				t.Fatalf("wrote outside: element %d of %d became %v", i-29, n, v)
			}
		}
	}
}

func normal(r *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
}

// multiply64 returns the definition in float64, and the sum of magnitudes that bounds the rounding error.
func multiply64(a func(i, p int) float32, b func(p, j int) float32, i, k, j int) (sum, magnitude float64) {
	for p := range k {
		v := float64(a(i, p)) * float64(b(p, j))
		sum += v
		magnitude += math.Abs(v)
	}
	return sum, magnitude
}

func testProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 300))
		m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
		pad := rapid.IntRange(0, 5).Draw(t, "pad")
		accumulate := rapid.Bool().Draw(t, "accumulate")
		kind := rapid.SampledFrom([]string{"Mul", "MulTransB", "MulTransA"}).Draw(t, "kind")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))

		lda, rowsA := k+pad, m
		if kind == "MulTransA" {
			lda, rowsA = m+pad, k
		}
		ldb, rowsB := n+pad, k
		if kind == "MulTransB" {
			ldb, rowsB = k+pad, n
		}
		ldc := n + pad
		a, b := make([]float32, rowsA*lda), make([]float32, rowsB*ldb)
		c, check := guarded(m * ldc)
		normal(r, a)
		normal(r, b)
		normal(r, c)
		before := append([]float32(nil), c...)

		at := func(i, p int) float32 { return a[i*lda+p] }
		bt := func(p, j int) float32 { return b[p*ldb+j] }
		switch kind {
		case "Mul":
			Mul(c, ldc, a, lda, b, ldb, m, k, n, accumulate)
		case "MulTransB":
			MulTransB(c, ldc, a, lda, b, ldb, m, k, n, accumulate)
			bt = func(p, j int) float32 { return b[j*ldb+p] }
		case "MulTransA":
			MulTransA(c, ldc, a, lda, b, ldb, m, k, n, accumulate)
			at = func(i, p int) float32 { return a[p*lda+i] }
		}
		check(t)
		for i := range m {
			for j := range ldc {
				got := c[i*ldc+j]
				if j >= n {
					if got != before[i*ldc+j] {
						t.Fatalf("%s wrote between the rows at %d,%d", kind, i, j)
					}
					continue
				}
				// Each of k+1 additions rounds once: |error| ≤ (k+1)·2⁻²⁴·Σ|terms|, doubled for the final one.
				want, magnitude := multiply64(at, bt, i, k, j)
				if accumulate {
					want += float64(before[i*ldc+j])
					magnitude += math.Abs(float64(before[i*ldc+j]))
				}
				if bound := 2 * float64(k+2) * 0x1p-24 * magnitude; math.Abs(float64(got)-want) > bound {
					t.Fatalf("%s %d×%d×%d accumulate=%v at %d,%d: %v, want %v ± %g", kind, m, k, n, accumulate, i, j, got, want, bound)
				}
			}
		}
	})
}

func TestProductsInFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const m, k, n = 37, 300, 21
	a, b, c := make([]float64, m*k), make([]float64, n*k), make([]float64, m*n)
	for i := range a {
		a[i] = r.NormFloat64()
	}
	for i := range b {
		b[i] = r.NormFloat64()
	}
	MulTransB(c, n, a, k, b, k, m, k, n, false)
	for i := range m {
		for j := range n {
			if want := dotGeneric(a[i*k:(i+1)*k], b[j*k:(j+1)*k]); math.Abs(c[i*n+j]-want) > 1e-11 {
				t.Fatalf("at %d,%d: %v, want %v", i, j, c[i*n+j], want)
			}
		}
	}
}

// testPackedProducts uses arbitrary strides on the left and enough terms for several passes, and checks that nothing beyond whole tiles is
// written.
func testPackedProducts(t *testing.T) {
	rows, columns := TileShape()
	if blockOfStripes%rows != 0 || blockOfStripes%columns != 0 {
		t.Fatalf("tiles of %d×%d do not divide %d", rows, columns, blockOfStripes)
	}
	rapid.Check(t, func(t *rapid.T) {
		m, n := rapid.IntRange(1, 3*rows).Draw(t, "m"), rapid.IntRange(1, 3*columns).Draw(t, "n")
		k := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 900)).Draw(t, "k")
		tall, wide := upTo(m, rows), upTo(n, columns)
		pad := rapid.IntRange(0, 5).Draw(t, "pad")
		rowStride, termStride := k+pad, 1
		if rapid.Bool().Draw(t, "transposed") {
			rowStride, termStride = 1, tall+pad
		}
		accumulate := rapid.Bool().Draw(t, "accumulate")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b := make([]float32, (tall-1)*rowStride+(k-1)*termStride+1), make([]float32, k*wide)
		c, check := guarded(tall * (wide + pad))
		normal(r, a)
		normal(r, b)
		normal(r, c)
		before := append([]float32(nil), c...)
		MulPacked(c, wide+pad, a, rowStride, termStride, b, columns*k, m, k, n, accumulate)
		check(t)
		for i := range m {
			for j := range n {
				want, magnitude := multiply64(
					func(i, p int) float32 { return a[i*rowStride+p*termStride] },
					func(p, j int) float32 { return b[j/columns*columns*k+p*columns+j%columns] }, i, k, j)
				if accumulate {
					want += float64(before[i*(wide+pad)+j])
					magnitude += math.Abs(float64(before[i*(wide+pad)+j]))
				}
				if bound := 2 * float64(k+2) * 0x1p-24 * magnitude; math.Abs(float64(c[i*(wide+pad)+j])-want) > bound {
					t.Fatalf("%d×%d×%d at %d,%d: %v, want %v ± %g", m, k, n, i, j, c[i*(wide+pad)+j], want, bound)
				}
			}
		}
	})
}

// blockOfStripes is the number that TileShape divides by contract.
const blockOfStripes = 192

// testPlaceByPlace compares the elementwise functions with float64.
func testPlaceByPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for n := range 131 {
		var in [3][]float32
		var checks [3]func(failer)
		for i := range in {
			in[i], checks[i] = guarded(n)
			normal(r, in[i])
		}
		x, y, z := in[0], in[1], in[2]
		dst, check := guarded(n)
		sums, products := make([]float64, n+1), make([]float64, n+1)
		sums[n], products[n] = 5, 5
		AddTo(sums, x)
		AddProducts(products, x, y)
		if sums[n] != 5 || products[n] != 5 {
			t.Fatalf("length %d: wrote beyond the sums", n)
		}
		MulSub(dst, x, y, z)
		for i := range x {
			// One rounding with a fused multiply-add, two without: each at most half a unit in the last place of the largest term.
			product := float64(x[i]) * float64(y[i])
			if math.Abs(float64(dst[i])-(product-float64(z[i]))) > 0x1p-23*(math.Abs(product)+math.Abs(float64(z[i]))) {
				t.Fatalf("length %d at %d: %v·%v − %v = %v", n, i, x[i], y[i], z[i], dst[i])
			}
			if sums[i] != float64(x[i]) || products[i] != product {
				t.Fatalf("length %d at %d: sums %v and %v, want exactly %v and %v", n, i, sums[i], products[i], x[i], product)
			}
		}
		MulLess(dst, x, y, 0.25)
		for i := range x {
			if want := x[i] * (y[i] - 0.25); dst[i] != want {
				t.Fatalf("length %d at %d: %v, want %v", n, i, dst[i], want)
			}
		}
		check(t)
		for i := range checks {
			checks[i](t)
		}
	}
}

// testWiden checks every float16 and every length.
func testWiden(t *testing.T) {
	all := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(all[2*h:], uint16(h))
	}
	dst := make([]float32, 1<<16)
	Widen(dst, all)
	for h, v := range dst {
		if want := half.Float32(uint16(h)); v != want && (v == v || want == want) {
			t.Fatalf("float16 %#04x is %v, want %v", h, v, want)
		}
	}
	for n := range 131 {
		some, check := guarded(n)
		Widen(some, all[2*0x3c00:])
		check(t)
		for i, v := range some {
			if v != dst[0x3c00+i] {
				t.Fatalf("length %d at %d: %v, want %v", n, i, v, dst[0x3c00+i])
			}
		}
	}
}

func testTranspose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := rapid.IntRange(0, 40).Draw(t, "m"), rapid.IntRange(0, 40).Draw(t, "n")
		width, ld := m+rapid.IntRange(0, 9).Draw(t, "width"), n+rapid.IntRange(0, 9).Draw(t, "ld")
		src := make([]float32, m*ld)
		for i := range src {
			src[i] = float32(i)
		}
		dst, check := guarded(n * width)
		active.transpose(dst, width, src, ld, m, n)
		check(t)
		for p := range n {
			for r := range width {
				want := guard
				if r < m {
					want = src[r*ld+p]
				}
				if dst[p*width+r] != want {
					t.Fatalf("%d×%d at %d,%d: %v, want %v", m, n, r, p, dst[p*width+r], want)
				}
			}
		}
	})
}

func testNaNReachesTheProduct(t *testing.T) {
	a, b, c := make([]float32, 20*30), make([]float32, 30*40), make([]float32, 20*40)
	a[7*30+3] = float32(math.NaN())
	b[3*40+5] = 1
	Mul(c, 40, a, 30, b, 40, 20, 30, 40, false)
	for j := range 40 {
		if c[7*40+j] == c[7*40+j] {
			t.Fatalf("row 7 column %d lost the NaN", j)
		}
	}
}

func testLargestTwo(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	infinite := float32(math.Inf(1))
	for rows := range 20 {
		const ld = 19
		x, check := guarded(max(0, (rows-1)*ld+16))
		for i := range x {
			x[i] = float32(r.IntN(9)) // with ties
		}
		var less [16]float32
		for c := range less {
			if less[c] = float32(r.IntN(3)); c >= 1+r.IntN(16) {
				less[c] = infinite
			}
		}
		at, first, second := make([]int32, rows), make([]float32, rows), make([]float32, rows)
		LargestTwo(at, first, second, x, ld, &less)
		check(t)
		want, one, two := make([]int32, rows), make([]float32, rows), make([]float32, rows)
		for i := range rows {
			var v [16]float32
			for c := range v {
				v[c] = x[i*ld+c] - less[c]
			}
			one[i] = slices.Max(v[:])
			want[i] = int32(slices.Index(v[:], one[i]))
			slices.Sort(v[:])
			two[i] = v[14]
		}
		if !slices.Equal(at, want) || !slices.Equal(first, one) || !slices.Equal(second, two) {
			t.Errorf("%d rows: %v %v %v, want %v %v %v", rows, at, first, second, want, one, two)
		}
	}
}

func testVectorsOfEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 131 {
		x, checkX := guarded(n)
		y, checkY := guarded(n)
		normal(r, x)
		normal(r, y)
		var want, magnitude float64
		for i := range x {
			want += float64(x[i]) * float64(y[i])
			magnitude += math.Abs(float64(x[i]) * float64(y[i]))
		}
		if got := Dot(x, y); math.Abs(float64(got)-want) > float64(n+1)*0x1p-23*magnitude {
			t.Errorf("dot of %d: %v, want %v", n, got, want)
		}
		square := 0.0
		for i := range x {
			square += (float64(x[i]) - float64(y[i])) * (float64(x[i]) - float64(y[i]))
		}
		if got := SquaredDistance(x, y); math.Abs(float64(got)-square) > float64(n+3)*0x1p-23*square {
			t.Errorf("squared distance of %d: %v, want %v", n, got, square)
		}
		old := append([]float32(nil), y...)
		AddScaled(y, 0.5, x)
		for i := range y {
			if want := old[i] + 0.5*x[i]; math.Abs(float64(y[i]-want)) > 0x1p-22*math.Abs(float64(want))+0x1p-23 {
				t.Errorf("add of %d at %d: %v, want %v", n, i, y[i], want)
			}
		}
		p := append([]float32(nil), x...)
		Softmax(y, x)
		if n > 0 && math.Abs(Sum(y)-1) > 1e-6 {
			t.Errorf("softmax of %d sums to %v", n, Sum(y))
		}
		for i := range p {
			want := math.Exp(float64(p[i]) - LogSumExp(p))
			if math.Abs(float64(y[i])-want) > 1e-6*want+1e-12 {
				t.Errorf("softmax of %d at %d: %v, want %v", n, i, y[i], want)
			}
		}
		checkX(t)
		checkY(t)
	}
}

func testExponential(t *testing.T) {
	for _, x := range []float32{0, 1, -1, 1e-20, 88.7, 88.73, 89, 1e30, -87.3, -90, -103.9, -104, -1e30, 17.25, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
		for _, n := range []int{1, 8, 11} {
			dst, check := guarded(n)
			in := make([]float32, n)
			for i := range in {
				in[i] = x
			}
			Exp(dst, in)
			check(t)
			want := float32(math.Exp(float64(x)))
			for i, got := range dst {
				switch {
				case x != x:
					if got == got {
						t.Errorf("exp(NaN) = %v", got)
					}
				case math.IsInf(float64(want), 0):
					if got != want {
						t.Errorf("exp(%v) = %v at %d of %d, want %v", x, got, i, n, want)
					}
				// A polynomial of degree 6 and two products: 4 units in the last place; for subnormal results one subnormal step.
				case math.Abs(float64(got)-float64(want)) > 0x1p-21*float64(want)+0x1p-149:
					t.Errorf("exp(%v) = %v at %d of %d, want %v", x, got, i, n, want)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float32Range(-87, 88).Draw(t, "x")
		y := []float32{x}
		Exp(y, y)
		if want := math.Exp(float64(x)); math.Abs(float64(y[0])-want) > 0x1p-21*want {
			t.Fatalf("exp(%v) = %v, want %v", x, y[0], want)
		}
	})
}

func testReciprocal(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	if got := Reciprocal(nil, 3, 0, 3, 1, 1, 1); got != 0 {
		t.Errorf("sum of no logarithms is %v", got)
	}
	for n := range 131 {
		x, check := guarded(3 * n)
		for i := range x {
			x[i] = float32(math.Pow(10, -6*r.Float64()))
		}
		old := append([]float32(nil), x...)
		got := Reciprocal(x, n, 3, n, 0.4, 1e-4, 3)
		check(t)
		want := 0.0
		for i := range old {
			q := 0.4*float64(old[i]) + 1e-4
			want += math.Log(q)
			if math.Abs(float64(x[i])-3/q) > 1e-6*3/q {
				t.Fatalf("length %d at %d: %v, want %v", n, i, x[i], 3/q)
			}
		}
		if math.Abs(got-want) > 1e-6*float64(n+1) {
			t.Errorf("length %d: sum of logarithms %v, want %v", n, got, want)
		}
	}
}

func testMaxAndSum(t *testing.T) {
	if m := Max([]float64{}); !math.IsInf(m, -1) {
		t.Errorf("max of nothing is %v", m)
	}
	if m := Max([]float64{1, math.NaN(), 3}); m == m {
		t.Errorf("max hides a NaN: %v", m)
	}
	r := rand.New(rand.NewPCG(11, 12))
	for n := 1; n < 131; n++ {
		x, check := guarded(n)
		normal(r, x)
		want := x[0]
		for _, v := range x {
			if v > want {
				want = v
			}
		}
		if got := Max(x); got != want {
			t.Fatalf("max of %d is %v, want %v", n, got, want)
		}
		at := r.IntN(n)
		for _, special := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
			x[at] = special
			got := Max(x)
			switch {
			case special != special && got == got:
				t.Fatalf("max of %d with NaN at %d is %v", n, at, got)
			case special > 0 && got != special:
				t.Fatalf("max of %d with +Inf at %d is %v", n, at, got)
			case special < 0 && n > 1 && math.IsInf(float64(got), 0):
				t.Fatalf("max of %d with -Inf at %d is %v", n, at, got)
			}
		}
		x[at] = 0.5
		sum := 0.0
		for _, v := range x {
			sum += float64(v)
		}
		if got := Sum(x); math.Abs(got-sum) > 1e-13*float64(n) {
			t.Fatalf("sum of %d is %v, want %v", n, got, sum)
		}
		check(t)
	}
	x := make([]float32, 1<<20)
	for i := range x {
		x[i] = 0.1
	}
	if s := Sum(x); math.Abs(s-float64(float32(0.1))*(1<<20)) > 1e-6 {
		t.Errorf("sum %v loses digits", s)
	}
}

// A number of a product has the same bits however many columns there are, although the last ones may be computed by half a tile.
func testColumnsDoNotDependOnTheirNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	const m, k, most = 29, 37, 2*32 + 5
	x, y := make([]float32, m*k), make([]float32, most*k)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range y {
		y[i] = float32(r.NormFloat64())
	}
	whole := make([]float32, m*most)
	MulTransB(whole, most, x, k, y, k, m, k, most, false)
	for n := 1; n < most; n++ {
		some := make([]float32, m*n)
		MulTransB(some, n, x, k, y, k, m, k, n, false)
		for i := range m {
			if !slices.Equal(some[i*n:(i+1)*n], whole[i*most:i*most+n]) {
				t.Fatalf("row %d of %d columns differs", i, n)
			}
		}
	}
}

// BenchmarkPeak measures the multiply-add units on registers alone.
func BenchmarkPeak(b *testing.B) {
	const turns = 1000
	for b.Loop() {
		Spin(turns)
	}
	b.ReportMetric(Spin(turns)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkTile runs the micro-kernel on operands in the L1 cache: the difference to the peak is loads and stores.
func BenchmarkTile(b *testing.B) {
	t := active.tile
	const terms = 256
	x, y, c := make([]float32, t.rows*terms), make([]float32, t.columns*terms), make([]float32, t.rows*t.columns)
	for b.Loop() {
		t.multiply(c, t.columns, x, 1, t.rows, y, terms, false)
	}
	b.ReportMetric(2*float64(t.rows*t.columns*terms)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkMulTransB is compute-bound.
func BenchmarkMulTransB(b *testing.B) {
	for _, s := range [][3]int{{4096, 384, 1000}, {4096, 1000, 4096}, {256, 100, 256}} {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			x, y, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
			b.ReportAllocs()
			for b.Loop() {
				MulTransB(c, n, x, k, y, k, m, k, n, false)
			}
			b.ReportMetric(2*float64(m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// failer is the common part of a test and a property.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// FuzzPaths compares every path with plain Go on numbers of any kind.
func FuzzPaths(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 128, 127, 0, 0, 192, 127, 1, 0, 0, 0, 0, 0, 0, 128}, uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, offset uint8) {
		x := make([]float32, min(len(data)/4, 4096))
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		x = x[min(int(offset), len(x)):]
		started := active
		defer func() { active = started }()
		type result struct {
			max float32
			exp []float32
			sum float64
		}
		measure := func() (r result) {
			r.exp = make([]float32, len(x))
			Exp(r.exp, x)
			r.max, r.sum = Max(x), Sum(x)
			return r
		}
		active = plain
		want := measure()
		for _, active = range paths() {
			got := measure()
			if got.max != want.max && (got.max == got.max || want.max == want.max) {
				t.Errorf("%s: max %v, plain Go %v", active.name, got.max, want.max)
			}
			for i := range x {
				e, w := float64(got.exp[i]), float64(want.exp[i])
				if math.IsNaN(e) != math.IsNaN(w) || math.Abs(e-w) > 0x1p-20*w+0x1p-148 {
					t.Errorf("%s: exp(%v) = %v, plain Go %v", active.name, x[i], e, w)
				}
			}
			magnitude := 0.0
			for _, v := range x {
				magnitude += math.Abs(float64(v))
			}
			if math.IsNaN(got.sum) != math.IsNaN(want.sum) || math.Abs(got.sum-want.sum) > 1e-12*magnitude {
				t.Errorf("%s: sum %v, plain Go %v", active.name, got.sum, want.sum)
			}
		}
	})
}

// Rows whose squares float32 cannot hold have length 1, too; without a length, or with numbers that are not finite, they stay as they are.
func TestNormalizeRowsOfAnySize(t *testing.T) {
	for _, size := range []float64{1e-44, 1e-38, 1e-30, 1e-23, 1e-15, 1, 1e15, 1e19, 1e20, 1e38} {
		x := []float32{float32(3 * size), float32(-2 * size), float32(size), 0}
		want := make([]float64, len(x)) // of the row as float32 has it
		length := 0.0
		for _, v := range x {
			length = math.Hypot(length, float64(v))
		}
		for i, v := range x {
			want[i] = float64(v) / length
		}
		NormalizeRows(x, len(x))
		for i, v := range x {
			if math.Abs(float64(v)-want[i]) > 1e-6 {
				t.Errorf("size %g: number %d is %v, want %v", size, i, v, want[i])
			}
		}
	}
	infinite := float32(math.Inf(1))
	for _, x := range [][]float32{{0, 0}, {infinite, 1}, {float32(math.NaN()), 1}} {
		got := slices.Clone(x)
		if NormalizeRows(got, 2); math.Float32bits(got[0]) != math.Float32bits(x[0]) || got[1] != x[1] {
			t.Errorf("%v became %v", x, got)
		}
	}
}

func TestNormalizeRows(t *testing.T) {
	x, want := []float64{3, 4, 0, 0, -2, 0}, []float64{0.6, 0.8, 0, 0, -1, 0}
	NormalizeRows(x, 2)
	for i, v := range want {
		if math.Abs(x[i]-v) > 1e-15 {
			t.Errorf("number %d is %v, want %v", i, x[i], v)
		}
	}
}
