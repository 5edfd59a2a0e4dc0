package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"testing"
	"time"
)

// directoryOf is a little-endian TIFF directory at offset 8 whose entries all refer to the same bytes.
func directoryOf(entries int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(entries))
	for i := range entries {
		b = le.AppendUint16(le.AppendUint16(b, uint16(1000+i)), 1)
		b = le.AppendUint32(le.AppendUint32(b, uint32(12*entries)), 8)
	}
	return b
}

// scansOf is a progressive JPEG of side × side that sends the same coefficients over and over.
func scansOf(side, scans int) []byte {
	segment := func(marker byte, p ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(p)+2)), p...)
	}
	code := append(make([]byte, 17), 0) // one code of one bit, for symbol 0
	code[1] = 1
	ac := bytes.Clone(code)
	ac[0] = 0x10
	b := append([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	b = append(b, segment(0xc2, 8, byte(side>>8), byte(side), byte(side>>8), byte(side), 1, 1, 0x11, 0)...)
	b = append(append(b, segment(0xc4, code...)...), segment(0xc4, ac...)...)
	b = append(append(b, segment(0xda, 1, 1, 0, 0, 0, 0)...), 0)
	for range scans {
		b = append(append(b, segment(0xda, 1, 1, 0, 1, 63, 0)...), 0)
	}
	return append(b, 0xff, 0xd9)
}

// tilesOf is a TIFF with many tiles of JPEG data that all refer to the same bytes, plus tables of the given size.
func tilesOf(tiles, side, tables int) []byte {
	le := binary.LittleEndian
	var piece bytes.Buffer
	_ = jpeg.Encode(&piece, image.NewGray(image.Rect(0, 0, side, side)), nil)
	body := append(piece.Bytes(), make([]byte, tables)...)
	at := 8 + len(body)
	for range tiles {
		body = le.AppendUint32(body, 8)
	}
	for range tiles {
		body = le.AppendUint32(body, uint32(piece.Len()))
	}
	b := append(le.AppendUint32([]byte("II*\x00"), uint32(8+len(body))), body...)
	entries := [][3]int{
		{tiffWidth, 1, tiles * side}, {tiffHeight, 1, side}, {tiffBits, 1, 8}, {tiffCompression, 1, tiffInJPEG}, {tiffPhotometric, 1, 1},
		{tiffSamples, 1, 1}, {tiffTileWidth, 1, side}, {tiffTileHeight, 1, side}, {tiffTiles, tiles, at}, {tiffTileSizes, tiles, at + 4*tiles},
	}
	b = le.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), 4)
		b = le.AppendUint32(le.AppendUint32(b, uint32(e[1])), uint32(e[2]))
	}
	return le.AppendUint32(b, 0)
}

// stripsOf is a bilevel TIFF, 8 pixels wide, whose strips of one row each contain the same bytes. The entries that describe it are the last
// of a directory with the given number of entries.
func stripsOf(rows, entries, compression int, strip []byte) []byte {
	le := binary.LittleEndian
	data := bytes.Repeat(strip, rows)
	at := 8 + len(data)
	for i := range rows {
		data = le.AppendUint32(data, uint32(8+i*len(strip)))
	}
	for range rows {
		data = le.AppendUint32(data, uint32(len(strip)))
	}
	b := append(le.AppendUint32([]byte("II*\x00"), uint32(8+len(data))), data...)
	real := [][3]int{
		{tiffWidth, 1, 8}, {tiffHeight, 1, rows}, {tiffBits, 1, 1}, {tiffCompression, 1, compression}, {tiffPhotometric, 1, 1},
		{tiffStrips, rows, at}, {tiffRowsPerStrip, 1, 1}, {tiffStripSizes, rows, at + 4*rows},
	}
	b = le.AppendUint16(b, uint16(entries))
	for i := range entries {
		e := [3]int{60000, 1, 0}
		if k := i - (entries - len(real)); k >= 0 {
			e = real[k]
		}
		b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), 4)
		b = le.AppendUint32(le.AppendUint32(b, uint32(e[1])), uint32(e[2]))
	}
	return le.AppendUint32(b, 0)
}

// chainOf is a TIFF without a picture, whose directories of the given number of entries lie over the same bytes.
func chainOf(directories, entries int) []byte {
	le := binary.LittleEndian
	const header, step = 8, 2
	b := make([]byte, header+2*step*directories+12*(entries+1))
	copy(b, "II*\x00")
	le.PutUint32(b[4:], header)
	for i := range directories { // the first bytes are the numbers of entries, what follows the last entry are the offsets of the next
		at := header + 2*step*i
		le.PutUint16(b[at:], uint16(entries))
		le.PutUint32(b[at+2+12*entries:], uint32(at+2*step))
	}
	return b
}

// extensionsOf is a GIF of one pixel after so many extensions that each state a transparent colour.
func extensionsOf(extensions int) []byte {
	b := append([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), 0, 0, 0, 255, 255, 255)
	b = append(b, bytes.Repeat([]byte{0x21, 0xf9, 4, 1, 0, 0, 1, 0}, extensions)...)
	return append(b, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b)
}

// restartsOf is a grey JPEG with a restart after every block, but no restart marker.
func restartsOf(side int) []byte {
	b := scansOf(side, 0)
	b[bytes.Index(b, []byte{0xff, 0xc2})+1] = 0xc0
	scan := bytes.Index(b, []byte{0xff, 0xda})
	return append(append(append(bytes.Clone(b[:scan]), 0xff, 0xdd, 0, 4, 0, 1), b[scan:len(b)-2]...), append(make([]byte, side*side/16), 0xff, 0xd9)...)
}

// webpBombs are WebP pictures of side × side with little more than a header: the smallest decodable files of that size.
func webpBombs(t testing.TB, side int) map[string][]byte {
	t.Helper()
	files, _ := webpFiles(t)
	lossless := bytes.Clone(files["lossless-soft-1x1-80-4.webp"]) // one colour, whose pixels take no bits
	size := uint32(side-1) | uint32(side-1)<<14
	binary.LittleEndian.PutUint32(lossless[21:], size|binary.LittleEndian.Uint32(lossless[21:])&^(1<<28-1))
	return map[string][]byte{"WebP, lossless": lossless, "WebP, lossy": lossyBomb(side)}
}

// lossyBomb is a lossy WebP in which all rarely set bits are 0.
func lossyBomb(side int) []byte {
	le := binary.LittleEndian
	units := (side + 15) / 16
	first, rest := make([]byte, 512+units*units), make([]byte, 512+4*units*units) // zeros are the more likely bits, and cost little
	first[0] = 0x04                                                               // smoothing at some level
	tag := uint32(len(first))<<5 | 1<<4                                           // a visible key frame
	data := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 1, 0x2a}
	data = le.AppendUint16(le.AppendUint16(data, uint16(side)), uint16(side))
	data = append(append(data, first...), rest...)
	if len(data)%2 == 1 {
		data = append(data, 0)
	}
	b := le.AppendUint32([]byte("RIFF"), uint32(12+len(data)))
	return append(le.AppendUint32(append(b, "WEBPVP8 "...), uint32(len(data))), data...)
}

// hostile is a file that promises more than it contains, or demands much.
type hostile struct {
	name string
	file []byte
	o    DecodeOptions
	want Reason // "": a readable picture
}

func hostileKinds(t *testing.T) []hostile {
	t.Helper()
	photo := photograph(t)
	exif := append([]byte(exifHeader), directoryOf(5400)...)
	app1 := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2)), exif...)
	longRow := pngChunkOf("IHDR", []byte{0, 0, 0x20, 0, 0, 0, 0x20, 0, 16, 6, 0, 0, 0}) // 8192×8192, four samples of 16 bits
	var tile bytes.Buffer
	if err := jpeg.Encode(&tile, image.NewGray(image.Rect(0, 0, 3000, 3000)), nil); err != nil {
		t.Fatal(err)
	}
	text := pngChunkOf("zTXt", append([]byte("Raw profile type exif\x00\x00"), deflated(make([]byte, 1<<20))...))
	dot := pngChunkOf("IHDR", []byte{0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0})
	table := append([]byte{0xff, 0xc4, 0, 20, 0}, append(append([]byte{1}, make([]byte, 15)...), 0)...)
	return []hostile{
		{"PNG, 2,000 texts of 1 MB", pngOf(dot, bytes.Repeat(text, 2000), pngChunkOf("IDAT", deflated([]byte{0, 7}))), DecodeOptions{}, ""},
		{"JPEG, 20,000 Huffman tables", append(append(bytes.Clone(photo[:2]), bytes.Repeat(table, 20000)...), photo[2:]...), DecodeOptions{}, ""},
		{"JPEG, EXIF of 5,400 entries over the same bytes", append(append(bytes.Clone(photo[:2]), app1...), photo[2:]...), DecodeOptions{}, ""},
		{"TIFF, directory of 60,000 entries over the same bytes", directoryOf(60000), DecodeOptions{}, Damaged},
		{"JPEG of 8000×8000, 6,000 scans", scansOf(8000, 6000), DecodeOptions{}, Damaged},
		{"TIFF, 30,000 JPEG tiles of 1×1 over the same bytes", tilesOf(30000, 1, 300000), DecodeOptions{}, Damaged},
		{"TIFF, 3,000 JPEG tiles of 16×16 over the same bytes", tilesOf(3000, 16, 0), DecodeOptions{}, Damaged},
		{"TIFF, 8,000 strips of one row, directory of 65,535 entries", stripsOf(8000, mostEntries, tiffPlain, []byte{0x55}), DecodeOptions{}, ""},
		{"TIFF, 5,000 directories of 60,000 entries over the same bytes", chainOf(5000, 60000), DecodeOptions{}, Damaged},
		{"GIF, 100,000 extensions that state a transparent colour", extensionsOf(100000), DecodeOptions{}, ""},
		{"TIFF of 16×16, a JPEG tile of 3000×3000, at most 1,000,000 pixels", tiffFile(tile.Bytes(), map[int]int{
			tiffWidth: 16, tiffHeight: 16, tiffBits: 8, tiffCompression: tiffInJPEG, tiffPhotometric: 1, tiffTileWidth: 3000, tiffTileHeight: 3000,
		}), DecodeOptions{MaxPixels: 1e6}, TooLarge},
		{"TIFF of 16×16, a JPEG tile of 3000×3000 that it calls 16×16", tiffFile(tile.Bytes(), map[int]int{
			tiffWidth: 16, tiffHeight: 16, tiffBits: 8, tiffCompression: tiffInJPEG, tiffPhotometric: 1, tiffTileWidth: 16, tiffTileHeight: 16,
		}), DecodeOptions{}, Damaged},
		{"PNG of 8192×8192, 16 bits, without data", pngOf(longRow, pngChunkOf("IDAT", nil)), DecodeOptions{}, Damaged},
		{"PNG of 8192×8192, 16 bits, 100 bytes of data", pngOf(longRow, pngChunkOf("IDAT", make([]byte, 100))), DecodeOptions{}, Damaged},
		{"Netpbm of 10000×10000 without data", []byte("P6 10000 10000 255\n"), DecodeOptions{}, Damaged},
		{"TIFF of 10000×10000 without strips", tiffFile(nil, map[int]int{tiffWidth: 10000, tiffHeight: 10000, tiffBits: 8, tiffPhotometric: 1}), DecodeOptions{}, Damaged},
	}
}

// Files made to exhaust memory or time are refused before they do, by every decoder. With -v the test logs what each one takes.
func TestHostileKinds(t *testing.T) {
	for _, c := range hostileKinds(t) {
		for _, fast := range decoders() {
			var err error
			start := time.Now()
			took := allocated(func() { _, _, err = decode(t.Context(), c.file, c.o, fast) })
			t.Logf("%s: %d bytes → %.1f MB, %.0f ms: %v", c.name, len(c.file), float64(took)/1e6, time.Since(start).Seconds()*1e3, err)
			var e *Error
			if errors.As(err, &e) && e.Reason != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if bound := uint64(worstFixed + worstOfFile*len(c.file)); took > bound {
				t.Errorf("%s: %d bytes were allocated for a file of %d, want at most %d", c.name, took, len(c.file), bound)
			}
		}
	}
}
