package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"maps"
	"slices"
	"testing"
)

// pagesOf is a little-endian TIFF with a grey pixel in each page; an entry of a page is a tag and its value. A page of nil refers back to the
// first as the next.
func pagesOf(pages ...map[int]int) []byte {
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), 9, 0, 0, 0, 77)
	for i, page := range pages {
		tags := map[int]int{tiffWidth: 1, tiffHeight: 1, tiffBits: 8, tiffPhotometric: 1, tiffStrips: 8, tiffStripSizes: 1}
		for tag, v := range page {
			tags[tag] = v
		}
		b = le.AppendUint16(b, uint16(len(tags)))
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			b = le.AppendUint32(le.AppendUint16(le.AppendUint16(b, uint16(tag)), 4), 1)
			b = le.AppendUint32(b, uint32(tags[tag]))
		}
		switch next := uint32(len(b) + 4); {
		case i+1 == len(pages):
			b = le.AppendUint32(b, 0)
		case pages[i+1] == nil:
			return le.AppendUint32(b, 9)
		default:
			b = le.AppendUint32(b, next)
		}
	}
	return b
}

// framesOf is a GIF of so many frames.
func framesOf(t *testing.T, frames int) []byte {
	t.Helper()
	var b bytes.Buffer
	all := &gif.GIF{}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 20, 20), color.Palette{color.Black, color.Gray{uint8(40 * i)}})
		m.SetColorIndex(3, 3, 1)
		all.Image, all.Delay = append(all.Image, m), append(all.Delay, 10)
	}
	if err := gif.EncodeAll(&b, all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// indexed is a JPEG with an index of pictures of these kinds, if there are any.
func indexed(t *testing.T, kinds ...uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	if len(kinds) == 0 {
		return b.Bytes()
	}
	be := binary.BigEndian
	index := append([]byte("MPF\x00MM\x00*"), 0, 0, 0, 8, 0, 1, 0xb0, 2, 0, 7)
	index = be.AppendUint32(be.AppendUint32(be.AppendUint32(index, uint32(16*len(kinds))), 26), 0)
	for _, kind := range kinds {
		index = append(be.AppendUint32(index, kind), make([]byte, 12)...)
	}
	return slices.Concat(b.Bytes()[:2], be.AppendUint16([]byte{0xff, 0xe2}, uint16(2+len(index))), index, b.Bytes()[2:])
}

// Further pages and frames are noticed. Smaller copies and masks of the same picture do not count, and neither does what a damaged file refers to.
func TestSeveralPagesOrFrames(t *testing.T) {
	grey := pngChunkOf("IHDR", []byte{0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0})
	data := pngChunkOf("IDAT", deflated([]byte{0, 7}))
	moving := func(frames byte) []byte { return pngChunkOf("acTL", []byte{0, 0, 0, frames, 0, 0, 0, 0}) }
	still, _ := webpFiles(t)
	lossless := still["lossless-soft-1x1-80-4.webp"]
	animation := func(frames int) []byte {
		le := binary.LittleEndian
		body := append([]byte("WEBPVP8X"), 10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		for range frames {
			body = append(le.AppendUint32(append(body, "ANMF"...), uint32(16+len(lossless)-12)), make([]byte, 16)...)
			body = append(body, lossless[12:]...)
		}
		return append(le.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
	}
	page := map[int]int{}
	cut := pagesOf(page, page)
	for _, c := range []struct {
		name string
		file []byte
		want bool
	}{
		{"a TIFF", pagesOf(page), false},
		{"a TIFF of two pages", pagesOf(page, page), true},
		{"a TIFF of numbered pages", pagesOf(map[int]int{tiffKind: 2}, map[int]int{tiffKind: 2}), true},
		{"a pyramid", pagesOf(page, map[int]int{tiffKind: 1}, map[int]int{tiffKind: 1}), false},
		{"an old pyramid", pagesOf(page, map[int]int{tiffOldKind: 2}), false},
		{"a mask and its copy", pagesOf(page, map[int]int{tiffKind: 4}, map[int]int{tiffKind: 5}), false},
		{"a page after a smaller copy", pagesOf(page, map[int]int{tiffKind: 1}, page), true},
		{"a TIFF that is its own next page", pagesOf(page, nil), false},
		{"a smaller copy, then the first page again", pagesOf(page, map[int]int{tiffKind: 1}, nil), false},
		{"a second page outside the file", cut[:len(pagesOf(page))+1], false},
		{"a GIF", framesOf(t, 1), false},
		{"a GIF of three frames", framesOf(t, 3), true},
		{"a PNG", pngOf(grey, data, pngChunkOf("IEND", nil)), false},
		{"a PNG with an animation of one frame", pngOf(grey, moving(1), data, pngChunkOf("IEND", nil)), false},
		{"a PNG of two frames", pngOf(grey, moving(2), data, pngChunkOf("IEND", nil)), true},
		{"a WebP", lossless, false},
		{"a WebP with an animation of one frame", animation(1), false},
		{"a WebP of two frames", animation(2), true},
		{"a JPEG", indexed(t), false},
		{"a JPEG of two views", indexed(t, 0x20020002, 0x00020002), true}, // the first stands for both
		{"a JPEG of a panorama", indexed(t, 0x00020001, 0x00020001, 0x00020001), true},
		{"a JPEG with a preview", indexed(t, 0x20030000, 0x40010001), false},
		{"a JPEG with a gain map", indexed(t, 0x20030000, 0x00000000), false},
		{"a PPM", []byte("P6 1 1 255\n\x01\x02\x03"), false},
		{"a PPM with a newline at its end", []byte("P6 1 1 255\n\x01\x02\x03\n"), false},
		{"two PPMs", []byte("P6 1 1 255\n\x01\x02\x03P6 1 1 255\n\x01\x02\x03"), true},
		{"a deep PGM and a PBM", []byte("P5 2 1 256\n\x00\x01\x00\x02P4 9 1\n\x01\x02"), true},
		{"a PBM and a PAM", []byte("P4 9 1\n\x01\x02P7\nWIDTH 1\n"), true},
		{"two PAMs", []byte("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n\x07P7\n"), true},
		{"a plain PGM", []byte("P2 1 1 255 7 P2 1 1 255 7"), false}, // which holds one
		{"no picture", []byte("no picture"), false},
	} {
		if _, _, err := Decode(c.file, DecodeOptions{}); err != nil && c.name != "no picture" {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := Several(c.file); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		for n := range c.file { // a file that is cut anywhere
			Several(c.file[:n])
		}
	}
}
