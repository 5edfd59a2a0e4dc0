package kernel

import (
	"encoding/binary"

	"iconic/internal/half"
)

// Widen is dst[i] = the float16 at src[2i], little endian, for all i < len(dst) ≤ len(src)/2. The conversion is exact; NaN stays NaN.
func Widen(dst []float32, src []byte) { active.widen(dst, src) }

func widenGeneric(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = half.Float32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
