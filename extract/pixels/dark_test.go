package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"
)

// deepPNG is a PNG of 16-bit pixels.
func deepPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Samples of 10 or 12 bits in a format of 16 use few of the 256 levels, which Info tells; opacity does not count, nor does a range that the file
// states.
func TestDarkPictures(t *testing.T) {
	grey := func(levels ...uint16) []byte {
		m := image.NewGray16(image.Rect(0, 0, len(levels), 1))
		for x, v := range levels {
			m.SetGray16(x, 0, color.Gray16{Y: v})
		}
		return deepPNG(t, m)
	}
	colours := func(c color.NRGBA64) []byte {
		m := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
		m.SetNRGBA64(0, 0, c)
		m.SetNRGBA64(1, 0, color.NRGBA64{A: c.A})
		return deepPNG(t, m)
	}
	raw := func(order binary.AppendByteOrder, levels ...uint16) (b []byte) {
		for _, v := range levels {
			b = order.AppendUint16(b, v)
		}
		return b
	}
	tiff := func(tags map[int]int, levels ...uint16) []byte {
		all := map[int]int{tiffWidth: 2, tiffHeight: 1, tiffBits: 16, tiffPhotometric: tiffBlackIsZero}
		for tag, v := range tags {
			all[tag] = v
		}
		return tiffFile(raw(binary.LittleEndian, levels...), all)
	}
	pnm := func(head string, levels ...uint16) []byte {
		return append([]byte(head+"\n"), raw(binary.BigEndian, levels...)...)
	}
	eight := image.NewGray(image.Rect(0, 0, 2, 1))
	eight.Pix[0] = 3
	for name, c := range map[string]struct {
		file       []byte
		deep, dark bool
	}{
		"PNG, 12 bits":               {grey(0, 17, 4095), true, true},
		"PNG, 10 bits":               {grey(1023, 17), true, true},
		"PNG, 8 bits in 16":          {grey(255, 17), true, true},
		"PNG, the whole range":       {grey(0, 17, 65535), true, false},
		"PNG, just bright enough":    {grey(0, 4096, 3), true, false},
		"PNG, black":                 {grey(0, 0), true, false},
		"PNG, colours":               {colours(color.NRGBA64{R: 7, G: 4000, A: 0xffff}), true, true},
		"PNG, one colour bright":     {colours(color.NRGBA64{B: 40000, A: 0xffff}), true, false},
		"PNG, opacity":               {colours(color.NRGBA64{R: 7, G: 4000, A: 0x8000}), true, true},
		"PNG of 8 bits":              {deepPNG(t, eight), false, false},
		"TIFF, 12 bits":              {tiff(nil, 4095, 0), true, true},
		"TIFF, bright":               {tiff(nil, 0, 60000), true, false},
		"TIFF, 12 bits, as it says":  {tiff(map[int]int{tiffLargest: 4095}, 4095, 0), false, false},
		"TIFF with opacity":          {tiff(map[int]int{tiffSamples: 2, tiffExtraSamples: 2}, 4095, 65535, 0, 65535), true, true},
		"PGM, 12 bits":               {pnm("P5 2 1 65535", 4095, 0), true, true},
		"PGM, 12 bits, as it says":   {pnm("P5 2 1 4095", 4000, 0), false, false},
		"PGM, bright":                {pnm("P5 2 1 65535", 65535, 0), true, false},
		"PPM, 10 bits":               {pnm("P6 1 1 65535", 0, 1023, 1), true, true},
		"plain PGM":                  {[]byte("P2 2 1 65535 4095 12"), true, true},
		"plain PGM, bright":          {[]byte("P2 2 1 65535 4096 12"), true, false},
		"PAM with opacity":           {pnm("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 65535\nENDHDR", 4095, 65535), true, true},
		"PAM with opacity of colour": {pnm("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\nENDHDR", 1, 2, 4096, 65535), true, false},
	} {
		m, info, err := Decode(c.file, DecodeOptions{})
		if err != nil || info.Dark != c.dark {
			t.Errorf("%s: dark %v, %v", name, info.Dark, err)
			continue
		}
		if deep := Deep(c.file); deep != c.deep {
			t.Errorf("%s: deep %v", name, deep)
		}
		if c.dark && slices.Max(m.Pix) > 15 {
			t.Errorf("%s: levels %d", name, m.Pix)
		}
	}
}
