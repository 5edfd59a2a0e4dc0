// Command generate writes the AVX2 and AVX-512 assembly of package kernel. Run it through `go generate ./internal/kernel`; a test
// checks that what is committed is what it writes.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const width = 8 // float32 numbers in a YMM register

func main() {
	ConstraintExpr("amd64,!noasm")
	for _, m := range micros {
		multiply(m)
	}
	dot()
	addScaled()
	exponential()
	reciprocal()
	Generate()
}

// micro is a micro-kernel: rows×(2 registers) accumulators, two registers of B, one broadcast of A. Of A only broadcasts are
// read, so it need not be packed: any row and term stride costs the same. Rows are addressed three to a pointer.
type micro struct {
	name string
	rows int // a multiple of 3
	reg  func() VecVirtual
	wide int // float32 numbers in a register
	zero func(ops ...Op)
}

var micros = []micro{
	{"multiplyAVX2", 6, func() VecVirtual { return YMM() }, 8, func(ops ...Op) { VXORPS(ops...) }},
	{"multiplyAVX512", 12, func() VecVirtual { return ZMM() }, 16, func(ops ...Op) { VPXORD(ops...) }},
}

func multiply(m micro) {
	columns, vector := 2*m.wide, 4*m.wide
	TEXT(m.name, NOSPLIT, "func(c *float32, ldc int, a *float32, rowStride, termStride int, b *float32, terms int, accumulate bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is c[r·ldc+s] (+)= Σ_p a[r·rowStride+p·termStride]·b[%d·p+s] for r < %d, s < %d; terms ≥ 1.", m.name, columns, m.rows, columns))
	c, a, b := Load(Param("c"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	ldc, terms := Load(Param("ldc"), GP64()), Load(Param("terms"), GP64())
	rowStride, termStride := Load(Param("rowStride"), GP64()), Load(Param("termStride"), GP64())
	for _, stride := range []Register{ldc, rowStride, termStride} {
		SHLQ(Imm(2), stride)
	}
	// The tile of C is wanted at the end; by then it is there.
	ahead := GP64()
	MOVQ(c, ahead)
	for r := range m.rows {
		for at := 0; at < 2*vector; at += 64 {
			PREFETCHT0(Mem{Base: ahead, Disp: at})
		}
		if r+1 < m.rows {
			ADDQ(ldc, ahead)
		}
	}
	three := []Register{a}
	for r := 3; r < m.rows; r += 3 {
		next := GP64()
		LEAQ(Mem{Base: three[len(three)-1], Index: rowStride, Scale: 2}, next)
		ADDQ(rowStride, next)
		three = append(three, next)
	}
	sum := make([][2]VecVirtual, m.rows)
	for r := range sum {
		for s := range sum[r] {
			sum[r][s] = m.reg()
			m.zero(sum[r][s], sum[r][s], sum[r][s])
		}
	}
	b0, b1, x := m.reg(), m.reg(), m.reg()
	step := func(at int) {
		VMOVUPS(Mem{Base: b, Disp: at * 2 * vector}, b0)
		VMOVUPS(Mem{Base: b, Disp: at*2*vector + vector}, b1)
		for r := range m.rows {
			from := Mem{Base: three[r/3]}
			if r%3 > 0 {
				from.Index, from.Scale = rowStride, uint8(r%3)
			}
			VBROADCASTSS(from, x)
			VFMADD231PS(b0, x, sum[r][0])
			VFMADD231PS(b1, x, sum[r][1])
		}
		for _, pointer := range three {
			ADDQ(termStride, pointer)
		}
	}
	const unroll = 4
	Label("many")
	CMPQ(terms, Imm(unroll))
	JLT(LabelRef("few"))
	for at := range unroll {
		step(at)
	}
	ADDQ(U32(uint32(unroll*2*vector)), b)
	SUBQ(Imm(unroll), terms)
	JMP(LabelRef("many"))
	Label("few")
	TESTQ(terms, terms)
	JZ(LabelRef("store"))
	step(0)
	ADDQ(U32(uint32(2*vector)), b)
	DECQ(terms)
	JMP(LabelRef("few"))

	Label("store")
	add := Load(Param("accumulate"), GP8())
	TESTB(add, add)
	JZ(LabelRef("set"))
	to := GP64()
	MOVQ(c, to)
	for r := range m.rows {
		for s := range 2 {
			VADDPS(Mem{Base: to, Disp: vector * s}, sum[r][s], sum[r][s])
		}
		ADDQ(ldc, to)
	}
	Label("set")
	for r := range m.rows {
		for s := range 2 {
			VMOVUPS(sum[r][s], Mem{Base: c, Disp: vector * s})
		}
		if r+1 < m.rows {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// addLanes leaves the sum of the eight lanes of y in lane 0 of the result.
func addLanes(y VecVirtual) VecVirtual {
	high := XMM()
	VEXTRACTF128(Imm(1), y, high)
	low := y.AsX()
	VADDPS(high, low, low)
	VMOVHLPS(low, low, high)
	VADDPS(high, low, low)
	VMOVSHDUP(low, high)
	VADDSS(high, low, low)
	return low.(VecVirtual)
}

func dot() {
	TEXT("dotAVX2", NOSPLIT, "func(x, y *float32, n int) float32")
	Pragma("noescape")
	Doc("dotAVX2 is Σ_i x[i]·y[i] over n numbers, n a multiple of 8.")
	x, y, n := Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())
	var sum [4]VecVirtual
	for i := range sum {
		sum[i] = YMM()
		VXORPS(sum[i], sum[i], sum[i])
	}
	turn := func(count int) {
		for i := range count {
			v := YMM()
			VMOVUPS(Mem{Base: x, Disp: 32 * i}, v)
			VFMADD231PS(Mem{Base: y, Disp: 32 * i}, v, sum[i])
		}
		ADDQ(U32(uint32(32*count)), x)
		ADDQ(U32(uint32(32*count)), y)
		SUBQ(Imm(uint64(width*count)), n)
	}
	Label("dot_many")
	CMPQ(n, Imm(4*width))
	JLT(LabelRef("dot_few"))
	turn(4)
	JMP(LabelRef("dot_many"))
	Label("dot_few")
	CMPQ(n, Imm(width))
	JLT(LabelRef("dot_end"))
	turn(1)
	JMP(LabelRef("dot_few"))
	Label("dot_end")
	VADDPS(sum[1], sum[0], sum[0])
	VADDPS(sum[3], sum[2], sum[2])
	VADDPS(sum[2], sum[0], sum[0])
	total := addLanes(sum[0])
	VZEROUPPER()
	Store(total, ReturnIndex(0))
	RET()
}

func addScaled() {
	TEXT("addScaledAVX2", NOSPLIT, "func(y *float32, a float32, x *float32, n int)")
	Pragma("noescape")
	Doc("addScaledAVX2 is y[i] += a·x[i] over n numbers, n a multiple of 8.")
	y, x, n := Load(Param("y"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	a := YMM()
	addr, err := Param("a").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(addr.Addr, a)
	Label("add_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef("add_end"))
	v := YMM()
	VMOVUPS(Mem{Base: y}, v)
	VFMADD231PS(Mem{Base: x}, a, v)
	VMOVUPS(v, Mem{Base: y})
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), y)
	SUBQ(Imm(width), n)
	JMP(LabelRef("add_next"))
	Label("add_end")
	VZEROUPPER()
	RET()
}

// constant keeps a number in read-only memory, once per lane.
func constant(name string, bits uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range width {
		DATA(4*i, U32(bits))
	}
	return m
}

func real32(name string, v float64) Mem { return constant(name, math.Float32bits(float32(v))) }

// exponential splits x = n·ln 2 + r with |r| ≤ ln 2 / 2, takes exp(r) from a polynomial of degree 6 (minimax, from the
// Cephes library's expf), and multiplies by 2ⁿ in two halves, so that overflow ends in +Inf and underflow passes through
// the subnormal numbers to 0. NaN stays NaN.
func exponential() {
	high, low := real32("expHigh", 89), real32("expLow", -104)
	log2e := real32("expLog2e", math.Log2E)
	ln2hi, ln2lo := real32("expLn2Hi", 0.693359375), real32("expLn2Lo", -2.12194440e-4)
	coefficients := []Mem{
		real32("expC5", 1.9875691500e-4), real32("expC4", 1.3981999507e-3), real32("expC3", 8.3334519073e-3),
		real32("expC2", 4.1665795894e-2), real32("expC1", 1.6666665459e-1), real32("expC0", 5.0000001201e-1),
	}
	one := real32("expOne", 1)
	bias := constant("expBias", 127)

	TEXT("expAVX2", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	Doc("expAVX2 is dst[i] = exp(x[i]) over n numbers, n a multiple of 8; dst may be x.")
	dst, x, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	Label("exp_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef("exp_end"))
	v, k, p, r := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, v)
	// The bound is the first source: where either is NaN the second one, x, is taken.
	VMOVUPS(high, p)
	VMINPS(v, p, v)
	VMOVUPS(low, p)
	VMAXPS(v, p, v)
	VMULPS(log2e, v, k)
	VROUNDPS(Imm(0), k, k)
	VMOVAPS(v, r)
	VFNMADD231PS(ln2hi, k, r)
	VFNMADD231PS(ln2lo, k, r)
	VMOVUPS(coefficients[0], p)
	for _, c := range coefficients[1:] {
		VFMADD213PS(c, r, p)
	}
	square := YMM()
	VMULPS(r, r, square)
	VFMADD213PS(r, square, p) // p·r² + r
	VADDPS(one, p, p)
	// 2ⁿ = 2^(n>>1) · 2^(n − n>>1)
	whole, half := YMM(), YMM()
	VCVTPS2DQ(k, whole)
	VPSRAD(Imm(1), whole, half)
	VPSUBD(half, whole, whole)
	for _, part := range []VecVirtual{half, whole} {
		VPADDD(bias, part, part)
		VPSLLD(Imm(23), part, part)
		VMULPS(part, p, p)
	}
	VMOVUPS(p, Mem{Base: dst})
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(width), n)
	JMP(LabelRef("exp_next"))
	Label("exp_end")
	VZEROUPPER()
	RET()
}

// reciprocal turns a row of affinities into a row of gradients and gathers the product of its denominators: the
// mantissas stay in [1, 2) because the exponents are taken out after each factor.
func reciprocal() {
	mantissa, oneBits := constant("mantissaMask", 0x007fffff), real32("mantissaOne", 1)
	bias := constant("exponentBias", 127)
	TEXT("reciprocalAVX2", NOSPLIT, "func(x *float32, n int, scale, shift, numerator float32, product *[8]float32, exponent *[8]int32)")
	Pragma("noescape")
	Doc("reciprocalAVX2 is q = scale·x[i] + shift, x[i] = numerator/q, and multiplies all q into product·2^exponent, lane by",
		"lane; n is a multiple of 8 and every q a positive normal number.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	product, exponent := Load(Param("product"), GP64()), Load(Param("exponent"), GP64())
	broadcast := func(name string) VecVirtual {
		addr, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		y := YMM()
		VBROADCASTSS(addr.Addr, y)
		return y
	}
	scale, shift, numerator := broadcast("scale"), broadcast("shift"), broadcast("numerator")
	mask, one, offset := YMM(), YMM(), YMM()
	VMOVUPS(mantissa, mask)
	VMOVUPS(oneBits, one)
	VMOVUPS(bias, offset)
	p, e := YMM(), YMM()
	VMOVUPS(Mem{Base: product}, p)
	VMOVDQU(Mem{Base: exponent}, e)
	Label("reciprocal_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef("reciprocal_end"))
	q, g, bits := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, q)
	VFMADD213PS(shift, scale, q)
	VDIVPS(q, numerator, g)
	VMOVUPS(g, Mem{Base: x})
	VMULPS(q, p, p)
	VPSRLD(Imm(23), p, bits)
	VPSUBD(offset, bits, bits)
	VPADDD(bits, e, e)
	VANDPS(mask, p, p)
	VORPS(one, p, p)
	ADDQ(Imm(32), x)
	SUBQ(Imm(width), n)
	JMP(LabelRef("reciprocal_next"))
	Label("reciprocal_end")
	VMOVUPS(p, Mem{Base: product})
	VMOVDQU(e, Mem{Base: exponent})
	VZEROUPPER()
	RET()
}
