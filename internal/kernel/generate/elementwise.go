package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
