package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const width = 8 // float32 numbers in a YMM register

func main() {
	ConstraintExpr("amd64,!noasm")
	for _, m := range micros {
		multiply(m, 2)
	}
	multiply(micros[len(micros)-1], 1)
	dot()
	squaredDistance()
	addScaled()
	exponential()
	reciprocal()
	largest()
	largestTwo()
	sum()
	gather("addToAVX2", "sum[i] += x[i]", false)
	gather("addProductsAVX2", "sum[i] += x[i]·y[i]", true)
	mulSub()
	mulLess()
	transpose()
	widen()
	rounding := lanesOf("resample_half", 1<<(fraction-1))
	resampleRows(rounding)
	resamplePixels(rounding)
	sumRows()
	inverseCosine()
	yccToRGB()
	triangle()
	for _, m := range micros {
		spin(m)
	}
	Generate()
}

// micro is a micro-kernel: rows×(2 registers) accumulators, two registers of B, one broadcast of A. A is read only by broadcasts, so it
// need not be packed: row and term strides are free. Each pointer addresses three rows.
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

// multiply writes a micro-kernel that computes one or two registers of columns; B has two in either case.
func multiply(m micro, registers int) {
	name, columns, vector := m.name, registers*m.wide, 4*m.wide
	if registers == 1 {
		name += "Half"
	}
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, a *float32, rowStride, termStride int, b *float32, terms int, accumulate bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is c[r·ldc+s] (+)= Σ_p a[r·rowStride+p·termStride]·b[%d·p+s] for r < %d, s < %d; terms ≥ 1.", name, 2*m.wide, m.rows, columns))
	c, a, b := Load(Param("c"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	ldc, terms := Load(Param("ldc"), GP64()), Load(Param("terms"), GP64())
	rowStride, termStride := Load(Param("rowStride"), GP64()), Load(Param("termStride"), GP64())
	for _, stride := range []Register{ldc, rowStride, termStride} {
		SHLQ(Imm(2), stride)
	}
	// Prefetch the tile of C: it is needed only at the end.
	ahead := GP64()
	MOVQ(c, ahead)
	for r := range m.rows {
		for at := 0; at < registers*vector; at += 64 {
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
	sum := make([][]VecVirtual, m.rows)
	for r := range sum {
		sum[r] = make([]VecVirtual, registers)
		for s := range sum[r] {
			sum[r][s] = m.reg()
			m.zero(sum[r][s], sum[r][s], sum[r][s])
		}
	}
	x, bs := m.reg(), make([]VecVirtual, registers)
	for s := range bs {
		bs[s] = m.reg()
	}
	step := func(at int) {
		for s := range bs {
			VMOVUPS(Mem{Base: b, Disp: at*2*vector + s*vector}, bs[s])
		}
		for r := range m.rows {
			from := Mem{Base: three[r/3]}
			if r%3 > 0 {
				from.Index, from.Scale = rowStride, uint8(r%3)
			}
			VBROADCASTSS(from, x)
			for s := range bs {
				VFMADD231PS(bs[s], x, sum[r][s])
			}
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
		for s := range registers {
			VADDPS(Mem{Base: to, Disp: vector * s}, sum[r][s], sum[r][s])
		}
		ADDQ(ldc, to)
	}
	Label("set")
	for r := range m.rows {
		for s := range registers {
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

// broadcast fills a register with a float32 parameter.
func broadcast(name string) VecVirtual {
	addr, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	y := YMM()
	VBROADCASTSS(addr.Addr, y)
	return y
}

func dot() {
	reduction("dotAVX2", "dot", "dotAVX2 is Σ_i x[i]·y[i] over n numbers, n a multiple of 8.", func(y Mem, x, sum VecVirtual) {
		VFMADD231PS(y, x, sum)
	})
}

func squaredDistance() {
	reduction("squaredDistanceAVX2", "distance", "squaredDistanceAVX2 is Σ_i (x[i]−y[i])² over n numbers, n a multiple of 8.", func(y Mem, x, sum VecVirtual) {
		VSUBPS(y, x, x)
		VFMADD231PS(x, x, sum)
	})
}

// reduction generates a sum over two rows of numbers, to which add adds those of one register.
func reduction(name, label, doc string, add func(y Mem, x, sum VecVirtual)) {
	TEXT(name, NOSPLIT, "func(x, y *float32, n int) float32")
	Pragma("noescape")
	Doc(doc)
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
			add(Mem{Base: y, Disp: 32 * i}, v, sum[i])
		}
		ADDQ(U32(uint32(32*count)), x)
		ADDQ(U32(uint32(32*count)), y)
		SUBQ(Imm(uint64(width*count)), n)
	}
	Label(label + "_many")
	CMPQ(n, Imm(4*width))
	JLT(LabelRef(label + "_few"))
	turn(4)
	JMP(LabelRef(label + "_many"))
	Label(label + "_few")
	CMPQ(n, Imm(width))
	JLT(LabelRef(label + "_end"))
	turn(1)
	JMP(LabelRef(label + "_few"))
	Label(label + "_end")
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
	a := broadcast("a")
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

// constant puts a number into read-only memory, once per lane.
func constant(name string, bits uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range width {
		DATA(4*i, U32(bits))
	}
	return m
}

func real32(name string, v float64) Mem { return constant(name, math.Float32bits(float32(v))) }

// exponential splits x = n·ln 2 + r with |r| ≤ ln 2 / 2, computes exp(r) from a polynomial of degree 6 (minimax, from the Cephes library's
// expf), and multiplies by 2ⁿ in two halves, so that overflow gives +Inf and underflow passes through the subnormal numbers to 0. NaN stays
// NaN.
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

	TEXT("expAVX2", NOSPLIT, "func(dst, x *float32, shift float32, n int)")
	Pragma("noescape")
	Doc("expAVX2 is dst[i] = exp(x[i] − shift) over n numbers, n a multiple of 8; dst may be x.")
	dst, x, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	shift := broadcast("shift")
	Label("exp_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef("exp_end"))
	v, k, p, r := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, v)
	VSUBPS(shift, v, v)
	// The bound is the first source: if either is NaN, the instruction returns the second source, x.
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

// reciprocal turns a row of affinities into a row of gradients and accumulates the product of its denominators. The mantissas stay in [1,
// 2) because the exponents are taken out after each factor.
func reciprocal() {
	mantissa, oneBits := constant("mantissaMask", 0x007fffff), real32("mantissaOne", 1)
	bias := constant("exponentBias", 127)
	TEXT("reciprocalAVX2", NOSPLIT, "func(x *float32, n int, scale, shift, numerator float32, product *[8]float32, exponent *[8]int32)")
	Pragma("noescape")
	Doc("reciprocalAVX2 is q = scale·x[i] + shift, x[i] = numerator/q, and multiplies all q into product·2^exponent, lane by",
		"lane; n is a multiple of 8 and every q a positive normal number.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	product, exponent := Load(Param("product"), GP64()), Load(Param("exponent"), GP64())
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

// advance moves a pointer by a number of bytes per iteration of a loop.
type advance struct {
	pointer Register
	bytes   uint32
}

// loop repeats body while at least width of the n numbers are left.
func loop(name string, n Register, body func(), advance ...advance) {
	Label(name + "_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef(name + "_end"))
	body()
	for _, a := range advance {
		ADDQ(U32(a.bytes), a.pointer)
	}
	SUBQ(Imm(width), n)
	JMP(LabelRef(name + "_next"))
	Label(name + "_end")
}

// largest tracks NaN separately: VMAXPS alone would lose it.
func largest() {
	TEXT("maxAVX2", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	Doc("maxAVX2 is the largest of n numbers, n a positive multiple of 8; NaN if there is one.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	top, odd, v, u := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, top)
	VCMPPS(Imm(3), top, top, odd)
	loop("max", n, func() {
		VMOVUPS(Mem{Base: x}, v)
		VCMPPS(Imm(3), v, v, u)
		VORPS(u, odd, odd)
		VMAXPS(v, top, top)
	}, advance{x, 32})
	VORPS(odd, top, top) // all bits set are a NaN
	high := XMM()
	VEXTRACTF128(Imm(1), top, high)
	low := top.AsX()
	next := XMM()
	fold := func() {
		VCMPPS(Imm(3), low, high, next)
		VMAXPS(high, low, low)
		VORPS(next, low, low)
	}
	fold()
	VMOVHLPS(low, low, high)
	fold()
	VMOVSHDUP(low, high)
	fold()
	VZEROUPPER()
	Store(low.(VecVirtual), ReturnIndex(0))
	RET()
}

func largestTwo() {
	TEXT("largestTwoAVX2", NOSPLIT, "func(at *int32, first, second, x *float32, ld int, less *float32, rows int)")
	Pragma("noescape")
	Doc("largestTwoAVX2 is LargestTwo of rows rows.")
	at, first, second := Load(Param("at"), GP64()), Load(Param("first"), GP64()), Load(Param("second"), GP64())
	x, ld, less, rows := Load(Param("x"), GP64()), Load(Param("ld"), GP64()), Load(Param("less"), GP64()), Load(Param("rows"), GP64())
	less0, less1 := YMM(), YMM()
	VMOVUPS(Mem{Base: less}, less0)
	VMOVUPS(Mem{Base: less, Disp: 32}, less1)
	SHLQ(Imm(2), ld)
	v0, v1, high, low, other, middle := YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
	equal0, equal1 := GP32(), GP32()
	Label("two_next")
	TESTQ(rows, rows)
	JZ(LabelRef("two_end"))
	VMOVUPS(Mem{Base: x}, v0)
	VMOVUPS(Mem{Base: x, Disp: 32}, v1)
	VSUBPS(less0, v0, v0)
	VSUBPS(less1, v1, v1)
	VMAXPS(v1, v0, high)
	VMINPS(v1, v0, low)
	// Every lane has the two largest of the lanes folded into it: of the pairs (a ≥ b) and (c ≥ d), max(a, c) and max(min(a, c), b, d).
	fold := func(swap func(from, to Op)) {
		swap(low, other)
		VMAXPS(other, low, low)
		swap(high, other)
		VMINPS(other, high, middle)
		VMAXPS(other, high, high)
		VMAXPS(middle, low, low)
	}
	fold(func(from, to Op) { VPERM2F128(Imm(1), from, from, to) })
	fold(func(from, to Op) { VPERMILPS(Imm(0x4e), from, to) })
	fold(func(from, to Op) { VPERMILPS(Imm(0xb1), from, to) })
	VCMPPS(Imm(0), v0, high, v0)
	VCMPPS(Imm(0), v1, high, v1)
	VMOVMSKPS(v0, equal0)
	VMOVMSKPS(v1, equal1)
	SHLL(Imm(8), equal1)
	ORL(equal1, equal0)
	BSFL(equal0, equal0)
	MOVL(equal0, Mem{Base: at})
	VMOVSS(high.AsX(), Mem{Base: first})
	VMOVSS(low.AsX(), Mem{Base: second})
	ADDQ(ld, x)
	ADDQ(Imm(4), at)
	ADDQ(Imm(4), first)
	ADDQ(Imm(4), second)
	DECQ(rows)
	JMP(LabelRef("two_next"))
	Label("two_end")
	VZEROUPPER()
	RET()
}

func sum() {
	TEXT("sumAVX2", NOSPLIT, "func(x *float32, n int) float64")
	Pragma("noescape")
	Doc("sumAVX2 is Σ_i x[i] in float64 over n numbers, n a multiple of 8.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	s0, s1, v0, v1 := YMM(), YMM(), YMM(), YMM()
	VXORPD(s0, s0, s0)
	VXORPD(s1, s1, s1)
	loop("sum", n, func() {
		VCVTPS2PD(Mem{Base: x}, v0)
		VCVTPS2PD(Mem{Base: x, Disp: 16}, v1)
		VADDPD(v0, s0, s0)
		VADDPD(v1, s1, s1)
	}, advance{x, 32})
	VADDPD(s1, s0, s0)
	high := XMM()
	VEXTRACTF128(Imm(1), s0, high)
	low := s0.AsX()
	VADDPD(high, low, low)
	VUNPCKHPD(low, low, high)
	VADDSD(high, low, low)
	VZEROUPPER()
	Store(low.(VecVirtual), ReturnIndex(0))
	RET()
}

// gather adds float32 numbers, or products of two, elementwise to float64 sums.
func gather(name, doc string, products bool) {
	signature := "func(sum *float64, x *float32, n int)"
	if products {
		signature = "func(sum *float64, x, y *float32, n int)"
	}
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + " is " + doc + " in float64 over n numbers, n a multiple of 8.")
	to, x, n := Load(Param("sum"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	moves := []advance{{to, 64}, {x, 32}}
	var y Register
	if products {
		y = Load(Param("y"), GP64())
		moves = append(moves, advance{y, 32})
	}
	v, u := YMM(), YMM()
	loop("gather", n, func() {
		for half := range 2 {
			VCVTPS2PD(Mem{Base: x, Disp: 16 * half}, v)
			if products {
				VCVTPS2PD(Mem{Base: y, Disp: 16 * half}, u)
				VMULPD(u, v, v)
			}
			VADDPD(Mem{Base: to, Disp: 32 * half}, v, v)
			VMOVUPD(v, Mem{Base: to, Disp: 32 * half})
		}
	}, moves...)
	VZEROUPPER()
	RET()
}

func mulSub() {
	TEXT("mulSubAVX2", NOSPLIT, "func(dst, x, y, z *float32, n int)")
	Pragma("noescape")
	Doc("mulSubAVX2 is dst[i] = x[i]·y[i] − z[i] over n numbers, n a multiple of 8.")
	dst, x, y, z := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("z"), GP64())
	n := Load(Param("n"), GP64())
	v, u := YMM(), YMM()
	loop("mulsub", n, func() {
		VMOVUPS(Mem{Base: x}, v)
		VMOVUPS(Mem{Base: y}, u)
		VFMSUB213PS(Mem{Base: z}, u, v)
		VMOVUPS(v, Mem{Base: dst})
	}, advance{dst, 32}, advance{x, 32}, advance{y, 32}, advance{z, 32})
	VZEROUPPER()
	RET()
}

func mulLess() {
	TEXT("mulLessAVX2", NOSPLIT, "func(dst, x, y *float32, a float32, n int)")
	Pragma("noescape")
	Doc("mulLessAVX2 is dst[i] = x[i]·(y[i] − a) over n numbers, n a multiple of 8.")
	dst, x, y := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64())
	n := Load(Param("n"), GP64())
	a := broadcast("a")
	v := YMM()
	loop("mulless", n, func() {
		VMOVUPS(Mem{Base: y}, v)
		VSUBPS(a, v, v)
		VMULPS(Mem{Base: x}, v, v)
		VMOVUPS(v, Mem{Base: dst})
	}, advance{dst, 32}, advance{x, 32}, advance{y, 32})
	VZEROUPPER()
	RET()
}

// transpose interleaves pairs, then fours, then the two halves of the registers.
func transpose() {
	TEXT("transposeAVX2", NOSPLIT, "func(dst *float32, width int, src *float32, ld, n int)")
	Pragma("noescape")
	Doc("transposeAVX2 is dst[p·width+r] = src[r·ld+p] for r < 8, p < n, n a multiple of 8.")
	dst, wide := Load(Param("dst"), GP64()), Load(Param("width"), GP64())
	src, ld, n := Load(Param("src"), GP64()), Load(Param("ld"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), wide)
	SHLQ(Imm(2), ld)
	Label("transpose_next")
	CMPQ(n, Imm(width))
	JLT(LabelRef("transpose_end"))
	at := GP64()
	MOVQ(src, at)
	var v [width]VecVirtual
	for r := range v {
		v[r] = YMM()
		VMOVUPS(Mem{Base: at}, v[r])
		if r+1 < width {
			ADDQ(ld, at)
		}
	}
	for _, out := range transposed(v) {
		VMOVUPS(out, Mem{Base: dst})
		ADDQ(wide, dst)
	}
	ADDQ(Imm(4*width), src)
	SUBQ(Imm(width), n)
	JMP(LabelRef("transpose_next"))
	Label("transpose_end")
	VZEROUPPER()
	RET()
}

// transposed exchanges the rows and columns of eight registers of eight numbers.
func transposed(v [width]VecVirtual) (out [width]VecVirtual) {
	var u, w [width]VecVirtual
	for r := 0; r < width; r += 2 {
		u[r], u[r+1] = YMM(), YMM()
		VUNPCKLPS(v[r+1], v[r], u[r])
		VUNPCKHPS(v[r+1], v[r], u[r+1])
	}
	for r := 0; r < width; r += 4 {
		for half := range 2 {
			w[r+2*half], w[r+2*half+1] = YMM(), YMM()
			VUNPCKLPD(u[r+2+half], u[r+half], w[r+2*half])
			VUNPCKHPD(u[r+2+half], u[r+half], w[r+2*half+1])
		}
	}
	for p := range 4 {
		for upper := range 2 {
			out[p+4*upper] = YMM()
			VPERM2F128(Imm(uint64(0x20+0x11*upper)), w[4+p], w[p], out[p+4*upper])
		}
	}
	return out
}

// spin keeps the multiply-add units busy with as many independent sums as the micro-kernel has, and touches no memory.
func spin(m micro) {
	name := strings.Replace(m.name, "multiply", "spin", 1)
	TEXT(name, NOSPLIT, "func(turns int)")
	Doc(fmt.Sprintf("%s does %d multiply-adds on registers, turns times.", name, 2*m.rows*m.wide))
	turns := Load(Param("turns"), GP64())
	x, y := m.reg(), m.reg()
	m.zero(x, x, x)
	m.zero(y, y, y)
	sum := make([]VecVirtual, 2*m.rows)
	for i := range sum {
		sum[i] = m.reg()
		m.zero(sum[i], sum[i], sum[i])
	}
	Label("spin_next")
	TESTQ(turns, turns)
	JZ(LabelRef("spin_end"))
	for _, s := range sum {
		VFMADD231PS(x, y, s)
	}
	DECQ(turns)
	JMP(LabelRef("spin_next"))
	Label("spin_end")
	VZEROUPPER()
	RET()
}

func widen() {
	TEXT("widenAVX2", NOSPLIT, "func(dst *float32, src *byte, n int)")
	Pragma("noescape")
	Doc("widenAVX2 is dst[i] = the float16 at src[2i], over n numbers, n a multiple of 8. It needs F16C.")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	v := YMM()
	loop("widen", n, func() {
		VCVTPH2PS(Mem{Base: src}, v)
		VMOVUPS(v, Mem{Base: dst})
	}, advance{dst, 32}, advance{src, 16})
	VZEROUPPER()
	RET()
}
