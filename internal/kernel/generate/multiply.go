package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
	name, columns := m.name, registers*m.wide
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
	m.prefetch(c, ldc, registers)
	three := m.pointers(a, rowStride)
	sum := m.sums(registers)
	m.addTerms(sum, three, rowStride, termStride, b, terms)
	m.store(c, ldc, sum)
	VZEROUPPER()
	RET()
}

// bytes is the size of a register.
func (m micro) bytes() int { return 4 * m.wide }

// prefetch fetches the tile of C, which is needed only at the end.
func (m micro) prefetch(c, ldc Register, registers int) {
	ahead := GP64()
	MOVQ(c, ahead)
	for r := range m.rows {
		for at := 0; at < registers*m.bytes(); at += 64 {
			PREFETCHT0(Mem{Base: ahead, Disp: at})
		}
		if r+1 < m.rows {
			ADDQ(ldc, ahead)
		}
	}
}

// pointers returns pointers to every third row of A, the first of which is a.
func (m micro) pointers(a, rowStride Register) []Register {
	three := []Register{a}
	for r := 3; r < m.rows; r += 3 {
		next := GP64()
		LEAQ(Mem{Base: three[len(three)-1], Index: rowStride, Scale: 2}, next)
		ADDQ(rowStride, next)
		three = append(three, next)
	}
	return three
}

// sums returns accumulators that are zero, for each row.
func (m micro) sums(registers int) [][]VecVirtual {
	sum := make([][]VecVirtual, m.rows)
	for r := range sum {
		sum[r] = make([]VecVirtual, registers)
		for s := range sum[r] {
			sum[r][s] = m.reg()
			m.zero(sum[r][s], sum[r][s], sum[r][s])
		}
	}
	return sum
}

// addTerms adds the products of all terms, four in each turn of the loop and then one at a time.
func (m micro) addTerms(sum [][]VecVirtual, three []Register, rowStride, termStride, b, terms Register) {
	const unroll = 4
	row := 2 * m.bytes() // of B
	x, bs := m.reg(), make([]VecVirtual, len(sum[0]))
	for s := range bs {
		bs[s] = m.reg()
	}
	step := func(at int) {
		for s := range bs {
			VMOVUPS(Mem{Base: b, Disp: at*row + s*m.bytes()}, bs[s])
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
	Label("many")
	CMPQ(terms, Imm(unroll))
	JLT(LabelRef("few"))
	for at := range unroll {
		step(at)
	}
	ADDQ(U32(uint32(unroll*row)), b)
	SUBQ(Imm(unroll), terms)
	JMP(LabelRef("many"))
	Label("few")
	TESTQ(terms, terms)
	JZ(LabelRef("store"))
	step(0)
	ADDQ(U32(uint32(row)), b)
	DECQ(terms)
	JMP(LabelRef("few"))
}

// store adds the tile of C if the caller asks for that, and writes it.
func (m micro) store(c, ldc Register, sum [][]VecVirtual) {
	Label("store")
	add := Load(Param("accumulate"), GP8())
	TESTB(add, add)
	JZ(LabelRef("set"))
	to := GP64()
	MOVQ(c, to)
	for r := range sum {
		for s := range sum[r] {
			VADDPS(Mem{Base: to, Disp: m.bytes() * s}, sum[r][s], sum[r][s])
		}
		ADDQ(ldc, to)
	}
	Label("set")
	for r := range sum {
		for s := range sum[r] {
			VMOVUPS(sum[r][s], Mem{Base: c, Disp: m.bytes() * s})
		}
		if r+1 < m.rows {
			ADDQ(ldc, c)
		}
	}
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
