package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// fraction is the number of fractional bits in the weights of package kernel's resampling.
const fraction = 22

// resampleRows sums 16 columns at a time; their sums stay in registers over all rows.
func resampleRows(half Mem) {
	TEXT("resampleRowsAVX2", NOSPLIT, "func(dst, src *byte, stride int, weight *int32, count, n int)")
	Pragma("noescape")
	Doc("resampleRowsAVX2 is dst[i] = the rounded Σ_k weight[k]·src[k·stride+i] over count rows and n columns, n a multiple of 16.")
	dst, src, stride := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("stride"), GP64())
	weight, count, n := Load(Param("weight"), GP64()), Load(Param("count"), GP64()), Load(Param("n"), GP64())
	rounding := YMM()
	VMOVDQU(half, rounding)
	Label("rows_next")
	TESTQ(n, n)
	JZ(LabelRef("rows_end"))
	var sum, v [2]VecVirtual
	for i := range sum {
		sum[i], v[i] = YMM(), YMM()
		VMOVDQA(rounding, sum[i])
	}
	at, w, left, by := GP64(), GP64(), GP64(), YMM()
	MOVQ(src, at)
	MOVQ(weight, w)
	MOVQ(count, left)
	Label("rows_term")
	TESTQ(left, left)
	JZ(LabelRef("rows_store"))
	VPBROADCASTD(Mem{Base: w}, by)
	for i := range sum {
		VPMOVZXBD(Mem{Base: at, Disp: 8 * i}, v[i])
		VPMULLD(by, v[i], v[i])
		VPADDD(v[i], sum[i], sum[i])
	}
	ADDQ(stride, at)
	ADDQ(Imm(4), w)
	DECQ(left)
	JMP(LabelRef("rows_term"))
	Label("rows_store")
	for i := range sum {
		VPSRAD(Imm(fraction), sum[i], sum[i])
	}
	// Packing works within the halves of the registers; the permutations put the quarters in order.
	const inOrder, lowest = 0b11_01_10_00, 0b10_00
	VPACKSSDW(sum[1], sum[0], sum[0])
	VPERMQ(Imm(inOrder), sum[0], sum[0])
	VPACKUSWB(sum[0], sum[0], sum[0])
	VPERMQ(Imm(lowest), sum[0], sum[0])
	VMOVDQU(sum[0].AsX(), Mem{Base: dst})
	ADDQ(Imm(16), dst)
	ADDQ(Imm(16), src)
	SUBQ(Imm(16), n)
	JMP(LabelRef("rows_next"))
	Label("rows_end")
	VZEROUPPER()
	RET()
}

// resamplePixels computes two pixels per step: the channels of one in the lower half of a register, those of the other in the upper half.
func resamplePixels(half Mem) {
	TEXT("resamplePixelsAVX2", NOSPLIT, "func(dst, src *byte, first *int, weight *int32, size, n int)")
	Pragma("noescape")
	Doc("resamplePixelsAVX2 is dst[3i+c] = the rounded Σ_k weight[i·size+k]·src[3(first[i]+k)+c] for i < n, k < size, c < 3; size is a " +
		"positive even number. It reads two bytes beyond the last pixel of a sum.")
	dst, src, first := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("first"), GP64())
	weight, size, n := Load(Param("weight"), GP64()), Load(Param("size"), GP64()), Load(Param("n"), GP64())
	channels, twice, rounding := YMM(), YMM(), XMM()
	VMOVDQU(bytesOf("resample_channels", [2][4]int{{0, 1, 2, -1}, {3, 4, 5, -1}}, 1), channels)
	VMOVDQU(bytesOf("resample_weights", [2][4]int{{0, 0, 0, 0}, {4, 4, 4, 4}}, 4), twice)
	VMOVDQU(half, rounding)
	Label("pixels_next")
	TESTQ(n, n)
	JZ(LabelRef("pixels_end"))
	at, left := GP64(), GP64()
	sum, v, by := YMM(), YMM(), YMM()
	MOVQ(Mem{Base: first}, at)
	LEAQ(Mem{Base: at, Index: at, Scale: 2}, at)
	ADDQ(src, at)
	MOVQ(size, left)
	VPXOR(sum, sum, sum)
	Label("pixels_term")
	VPBROADCASTQ(Mem{Base: at}, v)
	VPSHUFB(channels, v, v)
	VPBROADCASTQ(Mem{Base: weight}, by)
	VPSHUFB(twice, by, by)
	VPMULLD(by, v, v)
	VPADDD(v, sum, sum)
	ADDQ(Imm(6), at)
	ADDQ(Imm(8), weight)
	SUBQ(Imm(2), left)
	JNZ(LabelRef("pixels_term"))
	upper := XMM()
	VEXTRACTI128(Imm(1), sum, upper)
	VPADDD(upper, sum.AsX(), upper)
	VPADDD(rounding, upper, upper)
	VPSRAD(Imm(fraction), upper, upper)
	VPACKSSDW(upper, upper, upper)
	VPACKUSWB(upper, upper, upper)
	VPEXTRW(Imm(0), upper, Mem{Base: dst})
	VPEXTRB(Imm(2), upper, Mem{Base: dst, Disp: 2})
	ADDQ(Imm(3), dst)
	ADDQ(Imm(8), first)
	DECQ(n)
	JMP(LabelRef("pixels_next"))
	Label("pixels_end")
	VZEROUPPER()
	RET()
}

// sumRows sums 32 columns at a time, which stay in registers over all rows.
func sumRows() {
	TEXT("sumRowsAVX2", NOSPLIT, "func(dst, src *float32, stride int, weight *float32, count, n int)")
	Pragma("noescape")
	Doc("sumRowsAVX2 is dst[i] = Σ_k weight[k]·src[k·stride+i] over count rows and n columns, n a multiple of 32.")
	dst, src, stride := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("stride"), GP64())
	weight, count, n := Load(Param("weight"), GP64()), Load(Param("count"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), stride)
	Label("sum_rows_next")
	TESTQ(n, n)
	JZ(LabelRef("sum_rows_end"))
	var sum [4]VecVirtual
	for i := range sum {
		sum[i] = YMM()
		VXORPS(sum[i], sum[i], sum[i])
	}
	at, w, left, by := GP64(), GP64(), GP64(), YMM()
	MOVQ(src, at)
	MOVQ(weight, w)
	MOVQ(count, left)
	Label("sum_rows_term")
	VBROADCASTSS(Mem{Base: w}, by)
	for i := range sum {
		product := YMM()
		VMULPS(Mem{Base: at, Disp: 4 * width * i}, by, product)
		VADDPS(product, sum[i], sum[i])
	}
	ADDQ(stride, at)
	ADDQ(Imm(4), w)
	DECQ(left)
	JNZ(LabelRef("sum_rows_term"))
	for i := range sum {
		VMOVUPS(sum[i], Mem{Base: dst, Disp: 4 * width * i})
	}
	ADDQ(Imm(4*width*uint64(len(sum))), dst)
	ADDQ(Imm(4*width*uint64(len(sum))), src)
	SUBQ(Imm(width*uint64(len(sum))), n)
	JMP(LabelRef("sum_rows_next"))
	Label("sum_rows_end")
	VZEROUPPER()
	RET()
}

// bytesOf is a shuffle that expands the byte of each place, and those after it up to count, to a number of four bytes; −1 is zero.
func bytesOf(name string, places [2][4]int, count int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	at := 0
	for _, half := range places {
		for _, place := range half {
			for i := range 4 {
				from := U8(0x80)
				if place >= 0 && i < count {
					from = U8(place + i)
				}
				DATA(at, from)
				at++
			}
		}
	}
	return m
}
