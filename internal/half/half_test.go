package half

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownValues(t *testing.T) {
	for _, c := range []struct {
		h uint16
		f float64
	}{
		{0x0000, 0}, {0x0001, 0x1p-24}, {0x03ff, 1023 * 0x1p-24}, {0x0400, 0x1p-14}, {0x3c00, 1}, {0x3555, 0x1.554p-2},
		{0xc000, -2}, {0x7bff, 65504}, {0x7c00, math.Inf(1)}, {0xfc00, math.Inf(-1)},
	} {
		if got := float64(Float32(c.h)); got != c.f {
			t.Errorf("Float32(%#04x) = %g, want %g", c.h, got, c.f)
		}
	}
	if !math.Signbit(float64(Float32(0x8000))) {
		t.Error("negative zero lost its sign")
	}
	if got := BFloat32(0x3fc0); got != 1.5 {
		t.Errorf("BFloat32(0x3fc0) = %g, want 1.5", got)
	}
}

func TestEveryFloat16SurvivesTheRoundTrip(t *testing.T) {
	for h := range 1 << 16 {
		f := Float32(uint16(h))
		got := FromFloat32(f)
		if f != f {
			if g := Float32(got); g == g {
				t.Fatalf("%#04x: NaN became %g", h, g)
			}
		} else if got != uint16(h) {
			t.Fatalf("%#04x → %g → %#04x", h, f, got)
		}
	}
}

// The nearest float16 is found by trying all neighbours in float64, where the distances are exact.
func TestRoundsToNearestEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(
			rapid.Float32Range(-65519, 65519),
			rapid.Float32Range(-0x1p-13, 0x1p-13),
			rapid.Map(rapid.Uint16Range(0, 0x7bfe), func(h uint16) float32 { return (Float32(h) + Float32(h+1)) / 2 }),
		).Draw(t, "f")
		h := FromFloat32(f)
		distance := func(h uint16) float64 { return math.Abs(float64(Float32(h)) - float64(f)) }
		for _, other := range []uint16{h - 1, h + 1} {
			if (h^other)&0x8000 != 0 || other&0x7c00 == 0x7c00 {
				continue // across zero, or infinity
			}
			if d, o := distance(h), distance(other); o < d || o == d && h&1 == 1 {
				t.Fatalf("%g became %#04x (off by %g), but %#04x is off by %g", f, h, d, other, o)
			}
		}
	})
	for _, f := range []float32{65520, math.MaxFloat32, float32(math.Inf(1))} {
		if got := FromFloat32(f); got != 0x7c00 {
			t.Errorf("%g became %#04x, want infinity", f, got)
		}
	}
}
