package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
