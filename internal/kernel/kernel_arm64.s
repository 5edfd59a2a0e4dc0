//go:build arm64 && !noasm

#include "textflag.h"

// The micro-kernel of 6×16 tiles: accumulators V0 to V23 (row r in V(4r) to V(4r+3)), B in V24 to V27, one number of A, repeated
// four times, in V28 and V29 alternately. R10 to R15 point to the six rows of A.

#define ZERO(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16 \
	VEOR c.B16, c.B16, c.B16 \
	VEOR d.B16, d.B16, d.B16

// ROW adds one number of A times four registers of B to a row of the tile.
#define ROW(pointer, x, a, b, c, d) \
	VLD1R (pointer), [x.S4] \
	ADD  R4, pointer \
	VFMLA x.S4, V24.S4, a.S4 \
	VFMLA x.S4, V25.S4, b.S4 \
	VFMLA x.S4, V26.S4, c.S4 \
	VFMLA x.S4, V27.S4, d.S4

// func multiplyNEON(c *float32, ldc int, a *float32, rowStride, termStride int, b *float32, terms int, accumulate bool)
//
// c[r·ldc+s] (+)= Σ_p a[r·rowStride+p·termStride]·b[16·p+s] for r < 6, s < 16; terms ≥ 1.
TEXT ·multiplyNEON(SB), NOSPLIT, $0-57
	MOVD  c+0(FP), R0
	MOVD  ldc+8(FP), R1
	MOVD  a+16(FP), R10
	MOVD  rowStride+24(FP), R3
	MOVD  termStride+32(FP), R4
	MOVD  b+40(FP), R5
	MOVD  terms+48(FP), R6
	MOVBU accumulate+56(FP), R7
	LSL   $2, R1
	LSL   $2, R3
	LSL   $2, R4
	ADD   R3, R10, R11
	ADD   R3, R11, R12
	ADD   R3, R12, R13
	ADD   R3, R13, R14
	ADD   R3, R14, R15
	CBNZ  R7, load
	ZERO(V0, V1, V2, V3)
	ZERO(V4, V5, V6, V7)
	ZERO(V8, V9, V10, V11)
	ZERO(V12, V13, V14, V15)
	ZERO(V16, V17, V18, V19)
	ZERO(V20, V21, V22, V23)
	B     next

load:
	MOVD R0, R8
	VLD1 (R8), [V0.S4, V1.S4, V2.S4, V3.S4]
	ADD  R1, R8
	VLD1 (R8), [V4.S4, V5.S4, V6.S4, V7.S4]
	ADD  R1, R8
	VLD1 (R8), [V8.S4, V9.S4, V10.S4, V11.S4]
	ADD  R1, R8
	VLD1 (R8), [V12.S4, V13.S4, V14.S4, V15.S4]
	ADD  R1, R8
	VLD1 (R8), [V16.S4, V17.S4, V18.S4, V19.S4]
	ADD  R1, R8
	VLD1 (R8), [V20.S4, V21.S4, V22.S4, V23.S4]

next:
	VLD1.P 64(R5), [V24.S4, V25.S4, V26.S4, V27.S4]
	ROW(R10, V28, V0, V1, V2, V3)
	ROW(R11, V29, V4, V5, V6, V7)
	ROW(R12, V28, V8, V9, V10, V11)
	ROW(R13, V29, V12, V13, V14, V15)
	ROW(R14, V28, V16, V17, V18, V19)
	ROW(R15, V29, V20, V21, V22, V23)
	SUBS   $1, R6
	BNE    next

	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R0)
	ADD  R1, R0
	VST1 [V4.S4, V5.S4, V6.S4, V7.S4], (R0)
	ADD  R1, R0
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (R0)
	ADD  R1, R0
	VST1 [V12.S4, V13.S4, V14.S4, V15.S4], (R0)
	ADD  R1, R0
	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R0)
	ADD  R1, R0
	VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R0)
	RET

// func dotNEON(sum *[16]float32, x, y *float32, n int)
//
// sum[s] = Σ_p x[16·p+s]·y[16·p+s] over n numbers, n a positive multiple of 16.
TEXT ·dotNEON(SB), NOSPLIT, $0-32
	MOVD sum+0(FP), R0
	MOVD x+8(FP), R1
	MOVD y+16(FP), R2
	MOVD n+24(FP), R3
	ZERO(V0, V1, V2, V3)

more:
	VLD1.P 64(R1), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R2), [V8.S4, V9.S4, V10.S4, V11.S4]
	VFMLA  V4.S4, V8.S4, V0.S4
	VFMLA  V5.S4, V9.S4, V1.S4
	VFMLA  V6.S4, V10.S4, V2.S4
	VFMLA  V7.S4, V11.S4, V3.S4
	SUBS   $16, R3
	BNE    more
	VST1   [V0.S4, V1.S4, V2.S4, V3.S4], (R0)
	RET

// func addScaledNEON(y *float32, a float32, x *float32, n int)
//
// y[i] += a·x[i] over n numbers, n a positive multiple of 16.
TEXT ·addScaledNEON(SB), NOSPLIT, $0-32
	MOVD  y+0(FP), R0
	MOVWU a+8(FP), R4
	MOVD  x+16(FP), R1
	MOVD  n+24(FP), R3
	VDUP  R4, V12.S4

again:
	VLD1   (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R1), [V4.S4, V5.S4, V6.S4, V7.S4]
	VFMLA  V12.S4, V4.S4, V0.S4
	VFMLA  V12.S4, V5.S4, V1.S4
	VFMLA  V12.S4, V6.S4, V2.S4
	VFMLA  V12.S4, V7.S4, V3.S4
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R3
	BNE    again
	RET

// func spinNEON(turns int)
//
// 24 multiply-adds on registers, turns times; turns ≥ 1.
TEXT ·spinNEON(SB), NOSPLIT, $0-8
	MOVD turns+0(FP), R0
	ZERO(V24, V25, V26, V27)
	ZERO(V0, V1, V2, V3)
	ZERO(V4, V5, V6, V7)
	ZERO(V8, V9, V10, V11)
	ZERO(V12, V13, V14, V15)
	ZERO(V16, V17, V18, V19)
	ZERO(V20, V21, V22, V23)

spin:
	VFMLA V24.S4, V25.S4, V0.S4
	VFMLA V24.S4, V25.S4, V1.S4
	VFMLA V24.S4, V25.S4, V2.S4
	VFMLA V24.S4, V25.S4, V3.S4
	VFMLA V24.S4, V25.S4, V4.S4
	VFMLA V24.S4, V25.S4, V5.S4
	VFMLA V24.S4, V25.S4, V6.S4
	VFMLA V24.S4, V25.S4, V7.S4
	VFMLA V24.S4, V25.S4, V8.S4
	VFMLA V24.S4, V25.S4, V9.S4
	VFMLA V24.S4, V25.S4, V10.S4
	VFMLA V24.S4, V25.S4, V11.S4
	VFMLA V24.S4, V25.S4, V12.S4
	VFMLA V24.S4, V25.S4, V13.S4
	VFMLA V24.S4, V25.S4, V14.S4
	VFMLA V24.S4, V25.S4, V15.S4
	VFMLA V24.S4, V25.S4, V16.S4
	VFMLA V24.S4, V25.S4, V17.S4
	VFMLA V24.S4, V25.S4, V18.S4
	VFMLA V24.S4, V25.S4, V19.S4
	VFMLA V24.S4, V25.S4, V20.S4
	VFMLA V24.S4, V25.S4, V21.S4
	VFMLA V24.S4, V25.S4, V22.S4
	VFMLA V24.S4, V25.S4, V23.S4
	SUBS  $1, R0
	BNE   spin
	RET
