package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
