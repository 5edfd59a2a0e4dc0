package half

import "math"

// Float32 widens a float16. Every float16 is a float32, so nothing is lost; NaN stays NaN, with its payload.
func Float32(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 31
	mantissa := uint32(h) & 0x3ff
	switch {
	case exponent == 31: // infinity, NaN
		return math.Float32frombits(sign | 0xff<<23 | mantissa<<13)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
	default: // zero, subnormal: mantissa · 2⁻²⁴, exact in float32
		f := float32(mantissa) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	}
}

// FromFloat32 rounds to the nearest float16, ties to even. Values from 65520 on, half a step above the largest finite one, 65504, become
// infinity; NaN stays NaN.
func FromFloat32(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN: stays NaN though its payload may vanish
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= 0x477ff000: // 65520 and above
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴: a multiple of 2⁻²⁴. The sum's last bit has exactly that value, so the addition rounds.
		const magic = 0.5
		sum := math.Float32frombits(b) + magic
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(magic))
	default:
		b += 0xfff + b>>13&1 // half a step less one, plus the last kept bit: ties go to even
		return sign | uint16((b-(127-15)<<23)>>13)
	}
}

// BFloat32 widens a bfloat16.
func BFloat32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
