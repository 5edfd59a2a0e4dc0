package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// inverseCosine computes the eight columns of a block side by side, then its eight rows.
func inverseCosine() {
	multiply := cosines()
	TEXT("inverseCosineAVX2", NOSPLIT, "func(dst *byte, stride int, block *int16, quant *int32)")
	Pragma("noescape")
	Doc("inverseCosineAVX2 writes the 8×8 samples of a block, in rows that are stride bytes apart.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	block, quant := Load(Param("block"), GP64()), Load(Param("quant"), GP64())
	var v [width]VecVirtual
	for y := range v {
		v[y] = YMM()
		VPMOVSXWD(Mem{Base: block, Disp: 2 * width * y}, v[y])
		VPMULLD(Mem{Base: quant, Disp: 4 * width * y}, v[y], v[y])
	}
	const columns, rows = 11, 18 // the shifts of the two passes
	v = transposed(butterflies(v, columns, multiply))
	v = transposed(butterflies(v, rows, multiply))
	middle := lanesOf("cosine_middle", 128<<16|128)
	order := GLOBL("cosine_order", RODATA|NOPTR)
	for i := range width {
		DATA(4*i, U32(i/2+4*(i%2)))
	}
	inOrder := YMM()
	VMOVDQU(order, inOrder)
	for y := 0; y < width; y += 4 {
		// Packing works within the halves of the registers, so that the quarters of four rows lie apart.
		VPACKSSDW(v[y+1], v[y], v[y])
		VPACKSSDW(v[y+3], v[y+2], v[y+2])
		VPADDW(middle, v[y], v[y])
		VPADDW(middle, v[y+2], v[y+2])
		VPACKUSWB(v[y+2], v[y], v[y])
		VPERMD(v[y], inOrder, v[y])
		upper := XMM()
		VEXTRACTI128(Imm(1), v[y], upper)
		for _, pair := range []Register{v[y].AsX(), upper} {
			VMOVQ(pair, Mem{Base: dst})
			ADDQ(stride, dst)
			VPEXTRQ(Imm(1), pair, Mem{Base: dst})
			ADDQ(stride, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// cosines makes the constants of the transform, and returns the product of a register with one of them.
func cosines() func(by int, x VecVirtual) VecVirtual {
	lanes := map[int]Mem{}
	for _, c := range []int{4433, 15137, 6270, -7373, -20995, 9633, 16069, 3196, 2446, 16819, 25172, 12299} {
		lanes[c] = lanesOf(strings.Replace(fmt.Sprint("cosine_", c), "-", "minus_", 1), c)
	}
	return func(by int, x VecVirtual) VecVirtual {
		product := YMM()
		VPMULLD(lanes[by], x, product)
		return product
	}
}

// butterflies is package kernel's butterfly in every lane.
func butterflies(v [width]VecVirtual, shift int, multiply func(int, VecVirtual) VecVirtual) (out [width]VecVirtual) {
	add := func(x, y VecVirtual) VecVirtual { z := YMM(); VPADDD(y, x, z); return z }
	sub := func(x, y VecVirtual) VecVirtual { z := YMM(); VPSUBD(y, x, z); return z }
	half := lanesOf(fmt.Sprint("cosine_half_", shift), 1<<(shift-1))

	o0, o1, o2, o3 := v[7], v[5], v[3], v[1]
	z3, z4 := add(o0, o2), add(o1, o3)
	z5 := multiply(9633, add(z3, z4))
	z3, z4 = sub(z5, multiply(16069, z3)), sub(z5, multiply(3196, z4))
	z1, z2 := multiply(-7373, add(o0, o3)), multiply(-20995, add(o1, o2))
	o0, o1 = add(add(multiply(2446, o0), z1), z3), add(add(multiply(16819, o1), z2), z4)
	o2, o3 = add(add(multiply(25172, o2), z2), z3), add(add(multiply(12299, o3), z1), z4)

	z := multiply(4433, add(v[2], v[6]))
	e2, e3 := sub(z, multiply(15137, v[6])), add(z, multiply(6270, v[2]))
	e0, e1 := add(v[0], v[4]), sub(v[0], v[4])
	for _, e := range []VecVirtual{e0, e1} {
		VPSLLD(Imm(13), e, e)
		VPADDD(half, e, e)
	}
	a := [4]VecVirtual{add(e0, e3), add(e1, e2), sub(e1, e2), sub(e0, e3)}
	for i, o := range []VecVirtual{o3, o2, o1, o0} {
		out[i], out[7-i] = add(a[i], o), sub(a[i], o)
		VPSRAD(Imm(uint64(shift)), out[i], out[i])
		VPSRAD(Imm(uint64(shift)), out[7-i], out[7-i])
	}
	return out
}

// yccToRGB converts eight pixels per step, in 32 bits.
func yccToRGB() {
	of := func(name string, v int) Mem { return lanesOf("ycc_"+name, v) }
	half, middle, most := of("half", 1<<15), of("middle", 128), of("most", 255)
	red, greenRed, greenBlue, blue := of("red", 91881), of("green_red", -46802), of("green_blue", -22554), of("blue", 116130)
	packed := GLOBL("ycc_packed", RODATA|NOPTR) // the three lower bytes of each number, in both halves
	for i := range 32 {
		from := U8(0x80)
		if at := i % 16; at < 12 {
			from = U8(at/3*4 + at%3)
		}
		DATA(i, from)
	}
	TEXT("yccToRGBAVX2", NOSPLIT, "func(dst, luma, cb, cr *byte, n int)")
	Pragma("noescape")
	Doc("yccToRGBAVX2 converts n pixels, a multiple of 8. It writes four bytes more than 3n, which are zero.")
	dst, luma, n := Load(Param("dst"), GP64()), Load(Param("luma"), GP64()), Load(Param("n"), GP64())
	cb, cr := Load(Param("cb"), GP64()), Load(Param("cr"), GP64())
	Label("ycc_next")
	TESTQ(n, n)
	JZ(LabelRef("ycc_end"))
	y, b, r, zero := YMM(), YMM(), YMM(), YMM()
	VPXOR(zero, zero, zero)
	VPMOVZXBD(Mem{Base: luma}, y)
	VPMOVZXBD(Mem{Base: cb}, b)
	VPMOVZXBD(Mem{Base: cr}, r)
	VPSUBD(middle, b, b)
	VPSUBD(middle, r, r)
	level := func(terms ...VecVirtual) VecVirtual {
		v := terms[0]
		for _, t := range terms[1:] {
			VPADDD(t, v, v)
		}
		VPADDD(half, v, v)
		VPSRAD(Imm(16), v, v)
		VPADDD(y, v, v)
		VPMAXSD(zero, v, v)
		VPMINSD(most, v, v)
		return v
	}
	times := func(by Mem, x VecVirtual) VecVirtual { z := YMM(); VPMULLD(by, x, z); return z }
	all, green := level(times(red, r)), level(times(greenRed, r), times(greenBlue, b))
	VPSLLD(Imm(8), green, green)
	VPOR(green, all, all)
	last := level(times(blue, b))
	VPSLLD(Imm(16), last, last)
	VPOR(last, all, all)
	VPSHUFB(packed, all, all)
	VMOVDQU(all.AsX(), Mem{Base: dst})
	VEXTRACTI128(Imm(1), all, all.AsX())
	VMOVDQU(all.AsX(), Mem{Base: dst, Disp: 12})
	ADDQ(Imm(24), dst)
	for _, p := range []Register{luma, cb, cr} {
		ADDQ(Imm(8), p)
	}
	SUBQ(Imm(8), n)
	JMP(LabelRef("ycc_next"))
	Label("ycc_end")
	VZEROUPPER()
	RET()
}

// triangle doubles 16 samples per step, in 16 bits.
func triangle() {
	TEXT("triangleAVX2", NOSPLIT, "func(dst, near, far *byte, even, odd, n int)")
	Pragma("noescape")
	Doc("triangleAVX2 doubles n samples, a multiple of 16, which have a neighbour on either side.")
	dst, near, far := Load(Param("dst"), GP64()), Load(Param("near"), GP64()), Load(Param("far"), GP64())
	var bias [2]VecVirtual
	for i, name := range []string{"even", "odd"} {
		bias[i] = YMM()
		VMOVQ(Load(Param(name), GP64()), bias[i].AsX())
		VPBROADCASTW(bias[i].AsX(), bias[i])
	}
	n := Load(Param("n"), GP64())
	Label("triangle_next")
	TESTQ(n, n)
	JZ(LabelRef("triangle_end"))
	var s [3]VecVirtual // of the left neighbours, the samples and the right neighbours
	for i := range s {
		v, f := YMM(), YMM()
		VPMOVZXBW(Mem{Base: near, Disp: i - 1}, v)
		VPMOVZXBW(Mem{Base: far, Disp: i - 1}, f)
		s[i] = YMM()
		VPADDW(v, v, s[i])
		VPADDW(v, s[i], s[i])
		VPADDW(f, s[i], s[i])
	}
	thrice := YMM()
	VPADDW(s[1], s[1], thrice)
	VPADDW(s[1], thrice, thrice)
	for i, neighbours := range []VecVirtual{s[0], s[2]} {
		VPADDW(thrice, neighbours, neighbours)
		VPADDW(bias[i], neighbours, neighbours)
		VPSRLW(Imm(4), neighbours, neighbours)
	}
	VPSLLW(Imm(8), s[2], s[2])
	VPOR(s[2], s[0], s[0])
	VMOVDQU(s[0], Mem{Base: dst})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(16), near)
	ADDQ(Imm(16), far)
	SUBQ(Imm(16), n)
	JMP(LabelRef("triangle_next"))
	Label("triangle_end")
	VZEROUPPER()
	RET()
}

// lanesOf is one number in every lane.
func lanesOf(name string, v int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for lane := range width {
		DATA(4*lane, U32(uint32(int32(v))))
	}
	return m
}
