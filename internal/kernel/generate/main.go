package main

import (
	"math"

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

// constant puts a number into read-only memory, once per lane.
func constant(name string, bits uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range width {
		DATA(4*i, U32(bits))
	}
	return m
}

func real32(name string, v float64) Mem { return constant(name, math.Float32bits(float32(v))) }

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
