package pixels

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"strings"
	"testing"
	"time"
)

// kindFile is an entry of kinds.json, written by scripts/oracle/kinds.py.
type kindFile struct {
	File, Content string
	packed
}

func (k kindFile) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(k.Content)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Files from cameras, scanners, editors and research data sets, as Pillow reads them.
func TestKindsAsPillow(t *testing.T) {
	var files []kindFile
	golden(t, "kinds.json", &files)
	for _, f := range files {
		want := f.image(t)
		for _, fast := range decoders() {
			got, _, err := decode(t.Context(), f.bytes(t), DecodeOptions{}, fast)
			if err != nil {
				t.Errorf("%s: %v", f.File, err)
				continue
			}
			if worst, mean := difference(t, got, want); worst > 0 {
				t.Errorf("%s: differs by up to %d levels, %.3f in the mean", f.File, worst, mean)
			}
		}
	}
}

// 16-bit grey is reduced to its high byte in every format.
func TestDeepGrey(t *testing.T) {
	levels := []uint16{0, 255, 256, 4095, 0x7fff, 0xff00, 0xffff}
	var pgm, raw bytes.Buffer
	pgm.WriteString("P5 7 1 65535\n")
	m := image.NewGray16(image.Rect(0, 0, len(levels), 1))
	for x, v := range levels {
		m.SetGray16(x, 0, color.Gray16{Y: v})
		pgm.Write([]byte{byte(v >> 8), byte(v)})
		raw.Write([]byte{byte(v), byte(v >> 8)})
	}
	for name, content := range map[string][]byte{
		"png": encoded(t, m), "pgm": pgm.Bytes(),
		"tiff": tiffFile(raw.Bytes(), map[int]int{tiffWidth: 7, tiffHeight: 1, tiffBits: 16, tiffPhotometric: tiffBlackIsZero}),
	} {
		got, _, err := Decode(content, DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for x, v := range levels {
			if got.Pix[3*x] != uint8(v>>8) {
				t.Errorf("%s: %d gives %d, want %d", name, v, got.Pix[3*x], v>>8)
			}
		}
	}
}

// A TIFF may state that its 16-bit samples have a smaller range, such as the 12 bits of a camera; another largest value is no range.
func TestStatedRangesOfATIFF(t *testing.T) {
	for _, c := range []struct {
		name    string
		levels  []uint16
		largest int // −1: not stated
		white   int // the photometric interpretation
		want    []uint8
		err     string
	}{
		{"12 bits", []uint16{0, 15, 16, 2048, 4095}, 4095, tiffBlackIsZero, []uint8{0, 0, 1, 128, 255}, ""},
		{"12 bits, white is zero", []uint16{0, 2048, 4095}, 4095, tiffWhiteIsZero, []uint8{255, 127, 0}, ""},
		{"8 bits", []uint16{0, 7, 255}, 255, tiffBlackIsZero, []uint8{0, 7, 255}, ""},
		{"15 bits", []uint16{0, 128, 32767}, 32767, tiffBlackIsZero, []uint8{0, 1, 255}, ""},
		{"16 bits", []uint16{0, 256, 65535}, 65535, tiffBlackIsZero, []uint8{0, 1, 255}, ""},
		{"none", []uint16{0, 4095}, -1, tiffBlackIsZero, []uint8{0, 15}, ""},
		{"all black", []uint16{0, 0}, 0, tiffBlackIsZero, []uint8{0, 0}, ""},
		{"the largest that occurs", []uint16{0, 256, 60000}, 60000, tiffBlackIsZero, []uint8{0, 1, 234}, ""},
		{"a small one that occurs", []uint16{0, 3871}, 3871, tiffBlackIsZero, nil, "a TIFF of 16-bit samples of at most 3871, whose range is unknown"},
		{"a mask", []uint16{0, 1}, 1, tiffBlackIsZero, nil, "a TIFF of 16-bit samples of at most 1, whose range is unknown"},
		{"a false one", []uint16{0, 4096}, 4095, tiffBlackIsZero, nil, "a sample of 4096, but it states that the largest is 4095"},
	} {
		var raw []byte
		for _, v := range c.levels {
			raw = binary.LittleEndian.AppendUint16(raw, v)
		}
		tags := map[int]int{tiffWidth: len(c.levels), tiffHeight: 1, tiffBits: 16, tiffPhotometric: c.white}
		if c.largest >= 0 {
			tags[tiffLargest] = c.largest
		}
		m, _, err := Decode(tiffFile(raw, tags), DecodeOptions{})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for x, v := range c.want {
			if m.Pix[3*x] != v {
				t.Errorf("%s: %d gives %d, want %d", c.name, c.levels[x], m.Pix[3*x], v)
			}
		}
	}
}

// Bands of which a grey picture would show one are refused; opacity and masks are not bands of the picture.
func TestBandsOfATIFF(t *testing.T) {
	for _, c := range []struct {
		name           string
		samples, extra int // extra: what the first sample beyond the picture is; 0: not stated
		photometric    int
		want           []uint8
		err            string
	}{
		{"five bands", 5, 0, tiffBlackIsZero, nil, "a TIFF of 5 bands, of which only 1 would be read: convert it"},
		{"two bands", 2, 0, tiffBlackIsZero, nil, "a TIFF of 2 bands"},
		{"three bands, the second opacity", 3, 2, tiffWhiteIsZero, nil, "a TIFF of 3 bands"},
		{"grey with opacity", 2, 2, tiffBlackIsZero, []uint8{1, 1, 1}, ""},
		{"eight bands, the first three colours", 8, 0, tiffRGB, nil, "a TIFF of 8 bands, of which only 3 would be read"},
		{"colours and a spare sample", 4, 0, tiffRGB, []uint8{1, 2, 3}, ""},
		{"colours, opacity and a mask", 5, 2, tiffRGB, []uint8{1, 2, 3}, ""},
		{"colours from one sample", 1, 0, tiffRGB, nil, "a TIFF with 1 sample of 8 bits and photometric interpretation 2"},
	} {
		tags := map[int]int{tiffWidth: 1, tiffHeight: 1, tiffBits: 8, tiffPhotometric: c.photometric, tiffSamples: c.samples}
		if c.extra > 0 {
			tags[tiffExtraSamples] = c.extra
		}
		m, _, err := Decode(tiffFile([]byte{1, 2, 3, 4, 5, 6, 7, 8}[:c.samples], tags), DecodeOptions{})
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.err == "" && !bytes.Equal(m.Pix, c.want):
			t.Errorf("%s: %v, want %v", c.name, m.Pix, c.want)
		}
	}
}

// PAM, Netpbm's P7: grey or colours, with and without opacity.
func TestPAM(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []uint8 // nil: damaged
	}{
		{"colours", "P7\nWIDTH 1\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\x01\x02\x03\x04\x05\x06", []uint8{1, 2, 3, 4, 5, 6}},
		{"opacity", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n\x01\x02\x03\x00", []uint8{1, 2, 3}},
		{"grey", "P7\n# made by hand\nHEIGHT 1\nWIDTH 2\n\nDEPTH 1\nMAXVAL 255\nENDHDR\n\x09\x0a", []uint8{9, 9, 9, 10, 10, 10}},
		{"grey and opacity", "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x09\xff\x0a\x00", []uint8{9, 9, 9, 10, 10, 10}},
		{"bits, where 1 is white", "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\x00\x01", []uint8{0, 0, 0, 255, 255, 255}},
		{"deep grey", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nENDHDR\n\x0c\xff", []uint8{12, 12, 12}},
		{"inks", "P7\nWIDTH 3\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\n\x00\x00\x00\xff\x00\x00\x00\x00\xff\x00\x33\x00",
			[]uint8{0, 0, 0, 255, 255, 255, 0, 255, 204}},
		{"bits of inks and opacity", "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 5\nMAXVAL 1\nTUPLTYPE CMYK_ALPHA\nENDHDR\n\x00\x01\x00\x00\x01\x00\x00\x00\x01\x00", []uint8{255, 0, 255, 0, 0, 0}},
		{"fewer samples than inks", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\n\x01\x02\x03", nil},
		{"no depth", "P7\nWIDTH 1\nHEIGHT 1\nMAXVAL 255\nENDHDR\n\x01", nil},
		{"five samples", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\n\x01\x02\x03\x04\x05", nil},
		{"no end of the header", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\n", nil},
		{"cut", "P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nENDHDR\n\x01\x02\x03", nil},
	} {
		m, _, err := Decode([]byte(c.file), DecodeOptions{})
		var e *Error
		switch {
		case c.want == nil && (!errors.As(err, &e) || e.Reason != Damaged):
			t.Errorf("%s: error %v, want %q", c.name, err, Damaged)
		case c.want != nil && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != nil && !bytes.Equal(m.Pix, c.want):
			t.Errorf("%s: %v, want %v", c.name, m.Pix, c.want)
		}
	}
}

// The samples of a PAM of another type than Netpbm and the writers of inks have may mean anything.
func TestPAMOfAnotherType(t *testing.T) {
	for _, tuple := range []string{"TUPLTYPE LAB", "TUPLTYPE RGB\nTUPLTYPE DEPTH", "TUPLTYPE rgb"} {
		_, _, err := Decode([]byte("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\n"+tuple+"\nENDHDR\n\x01\x02\x03"), DecodeOptions{})
		var e *Error
		if !errors.As(err, &e) || e.Reason != Unsupported || !strings.Contains(err.Error(), "a PAM of tuple type") {
			t.Errorf("%s: error %v", tuple, err)
		}
	}
}

// tiffFile is a little-endian TIFF with one strip and the given tags.
func tiffFile(strip []byte, tags map[int]int) []byte {
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), le.AppendUint32(nil, uint32(8+len(strip)))...)
	b = append(b, strip...)
	if _, ok := tags[tiffStrips]; !ok {
		tags[tiffStrips], tags[tiffStripSizes] = 8, len(strip)
	}
	b = le.AppendUint16(b, uint16(len(tags)))
	for tag, v := range tags {
		b = le.AppendUint16(le.AppendUint16(b, uint16(tag)), 4)
		b = le.AppendUint32(le.AppendUint32(b, 1), uint32(v))
	}
	return le.AppendUint32(b, 0)
}

func pngOf(chunks ...[]byte) []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), bytes.Join(chunks, nil)...)
}

func pngChunkOf(name string, data []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// Imperfect PNG files: complete pictures are read, others are not.
func TestLooseEndsOfPNG(t *testing.T) {
	header := pngChunkOf("IHDR", []byte{0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0})
	rows := []byte{0, 10, 20, 0, 30, 40}
	data, end := pngChunkOf("IDAT", deflated(rows)), pngChunkOf("IEND", nil)
	spoiled := func(chunk []byte) []byte {
		b := bytes.Clone(chunk)
		b[len(b)-1]++
		return b
	}
	stream := deflated(rows)
	wrong := bytes.Clone(stream)
	wrong[len(wrong)-1]++
	for _, c := range []struct {
		name string
		file []byte
		ok   bool
	}{
		{"whole", pngOf(header, data, end), true},
		{"without IEND", pngOf(header, data), true},
		{"without the last checksum", pngOf(header, data[:len(data)-4]), true},
		{"truncated inside the stream's checksum", pngOf(header, data[:len(data)-6]), true},
		{"without the stream's checksum", pngOf(header, pngChunkOf("IDAT", stream[:len(stream)-4]), end), true},
		{"half an IEND", pngOf(header, data, end[:6]), true},
		{"data after the end", append(pngOf(header, data, end), "and more"...), true},
		{"in three chunks", pngOf(header, pngChunkOf("IDAT", stream[:3]), pngChunkOf("IDAT", nil), pngChunkOf("IDAT", stream[3:]), end), true},
		{"a row too many", pngOf(header, pngChunkOf("IDAT", deflated(append(bytes.Clone(rows), 0, 1, 2))), end), true},
		{"very many rows too many", pngOf(header, pngChunkOf("IDAT", deflated(append(bytes.Clone(rows), make([]byte, 3<<20)...))), end), true},
		{"a spoiled text", pngOf(header, spoiled(pngChunkOf("tEXt", []byte("a\x00b"))), data, end), true},
		{"a spoiled checksum of sound data", pngOf(header, spoiled(data), end), true},
		{"a row too few", pngOf(header, pngChunkOf("IDAT", deflated(rows[:3])), end), false},
		{"truncated inside the data", pngOf(header, data[:len(data)-14]), false},
		{"altered data", pngOf(header, pngChunkOf("IDAT", wrong), end), false},
		{"a spoiled header", pngOf(spoiled(header), data, end), false},
		{"no data", pngOf(header, end), false},
		{"a filter that does not exist", pngOf(header, pngChunkOf("IDAT", deflated([]byte{0, 10, 20, 5, 30, 40})), end), false},
	} {
		m, _, err := Decode(c.file, DecodeOptions{})
		var e *Error
		switch {
		case !c.ok && (!errors.As(err, &e) || e.Reason != Damaged):
			t.Errorf("%s: error %v, want %q", c.name, err, Damaged)
		case c.ok && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.ok && (m.Pix[0] != 10 || m.Pix[9] != 40):
			t.Errorf("%s: %v", c.name, m.Pix)
		}
	}
}

func photograph(t testing.TB) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 61, 47))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*i%251 + i/61)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// JPEG files without an end marker are read if the picture is complete; both decoders agree.
func TestJPEGWithoutEnd(t *testing.T) {
	whole := photograph(t)
	body := whole[:len(whole)-2]
	want, _, err := Decode(whole, DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	zeros, video := make([]byte, 512), append([]byte("\x00\x00\x00\x18ftypmp42"), bytes.Repeat([]byte("moov\x00\xff\xc4"), 99)...)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name string
		file []byte
		ok   bool
	}{
		{"whole", whole, true},
		{"without its end", body, true},
		{"with half its end", whole[:len(whole)-1], true},
		{"a block of zeros", join(body, zeros), true},
		{"a video", join(body, video), true},
		{"an end and a video", join(whole, video), true},
		{"cut", body[:len(body)-4], false},
		{"cut in half", body[:len(body)/2], false},
		{"cut, then zeros", join(body[:len(body)/2], zeros, zeros, zeros), false},
		{"only headers", body[:bytes.Index(body, []byte{0xff, 0xda})], false},
	} {
		for _, fast := range decoders() {
			m, _, err := decode(t.Context(), c.file, DecodeOptions{}, fast)
			var e *Error
			switch {
			case !c.ok && (!errors.As(err, &e) || e.Reason != Damaged):
				t.Errorf("%s: error %v, want %q", c.name, err, Damaged)
			case c.ok && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.ok && !bytes.Equal(m.Pix, want.Pix):
				t.Errorf("%s: different pixels", c.name)
			}
		}
	}
}

// Files that are not pictures, or not supported ones, are named.
func TestWhatItIs(t *testing.T) {
	box := func(brand string, others ...string) string {
		return "\x00\x00\x00" + string(rune(16+4*len(others))) + "ftyp" + brand + "\x00\x00\x00\x00" + strings.Join(others, "")
	}
	for start, want := range map[string]string{
		"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG 2000", "\xff\x4f\xff\x51\x00\x2f": "JPEG 2000",
		"\xff\x0a\xfa\x7f": "JPEG XL", "\x00\x00\x00\x0cJXL \r\n\x87\n": "JPEG XL",
		box("heic"): "HEIC", box("mif1"): "HEIC", box("mif1", "avif"): "AVIF", box("avif"): "AVIF", box("avis"): "AVIF",
		box("crx "): "camera raw (CR3)", "FUJIFILMCCD-RAW 0201": "camera raw (RAF)", "IIRO\x08\x00": "camera raw (ORF)", "IIU\x00\x18": "camera raw (RW2)",
		"%PDF-1.7\n": "PDF", "<svg xmlns=''/>": "SVG", "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><svg/>": "SVG", "8BPS\x00\x01": "Photoshop",
		"\x76\x2f\x31\x01": "OpenEXR", "Pf\n1 1": "PFM", "SIMPLE  =    T": "FITS", strings.Repeat("\x00", 128) + "DICM": "DICOM",
		"II\xbc\x01": "JPEG XR", "qoif\x00": "QOI", "\x00\x00\x01\x00\x01": "icon", "#?RADIANCE\n": "Radiance",
		"\x00\x00\x02\x00\x02\x00\x10\x10": "cursor", "\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00": "Targa", "\x00\x00\x0b\x00\x00\x00\x00\x00": "Targa",
		"\x0a\x05\x01\x08": "PCX", "#define im_width 8\n#define im_height 8\n": "XBM", "PF\r\n1 1": "PFM", "Pf 1 1 1\n": "PFM", "BA\x28\x00\x00\x00": "OS/2 bitmap array",
		string(tiffFile([]byte{1}, map[int]int{tiffDNG: 1, tiffKind: 1, tiffWidth: 1, tiffHeight: 1, tiffBits: 8, tiffPhotometric: 1})): "camera raw",
		string(tiffFile(make([]byte, 4), map[int]int{tiffFormat: 3, tiffWidth: 1, tiffHeight: 1, tiffBits: 32, tiffPhotometric: 1})):    "floating-point",
		string(tiffFile([]byte{1}, map[int]int{tiffCompression: 34712, tiffWidth: 1, tiffHeight: 1, tiffBits: 8, tiffPhotometric: 1})):  "JPEG 2000",
	} {
		_, _, err := Decode([]byte(start), DecodeOptions{})
		var e *Error
		if !errors.As(err, &e) || e.Reason != Unsupported || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "convert it to JPEG or PNG first") {
			t.Errorf("%.20q: error %v, want %q and %q", start, err, Unsupported, want)
		}
	}
	for start, want := range map[string]string{
		"hello": "not an image", "P5 is no picture": "not an image", "PK\x03\x04": "a ZIP archive", "<!DOCTYPE html><html>": "a web page", box("isom"): "a video",
		"version https://git-lfs.github.com/spec/v1\n": "git lfs pull",
	} {
		_, _, err := Decode([]byte(start), DecodeOptions{})
		var e *Error
		if !errors.As(err, &e) || e.Reason != NotAnImage || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q and %q", start, err, NotAnImage, want)
		}
	}
}

// A JPEG-LS file begins like a JPEG, and is no damaged one.
func TestJPEGLSIsNamed(t *testing.T) {
	file := "\xff\xd8\xff\xf7\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00\x00\xff\xd9"
	for _, fast := range decoders() {
		_, _, err := decode(t.Context(), []byte(file), DecodeOptions{}, fast)
		var e *Error
		if !errors.As(err, &e) || e.Reason != Unsupported || !strings.Contains(err.Error(), "JPEG-LS") {
			t.Errorf("error %v, want %q and JPEG-LS", err, Unsupported)
		}
	}
}

// A palette of a TIFF has 16-bit numbers; one whose numbers are all levels would be black.
func TestPaletteOfLevelsInATIFF(t *testing.T) {
	for name, c := range map[string]struct {
		palette []uint16 // two of each colour
		want    []uint8  // of the two pixels 0 and 1
	}{
		"16 bits":        {[]uint16{0x1234, 0xffff, 0, 0x8000, 0x0100, 7}, []uint8{0x12, 0, 1, 0xff, 0x80, 0}},
		"levels":         {[]uint16{12, 255, 0, 128, 1, 7}, []uint8{12, 0, 1, 255, 128, 7}},
		"one of 16 bits": {[]uint16{12, 256, 0, 128, 1, 7}, []uint8{0, 0, 0, 1, 0, 0}},
		"black":          {make([]uint16, 6), make([]uint8, 6)},
	} {
		t.Run(name, func(t *testing.T) {
			strip := []byte{0x40, 0}
			for _, v := range c.palette {
				strip = binary.LittleEndian.AppendUint16(strip, v)
			}
			file := tiffFile(strip, map[int]int{tiffWidth: 2, tiffHeight: 1, tiffBits: 1, tiffPhotometric: tiffPalette, tiffColours: 10})
			at := bytes.Index(file, []byte{tiffColours & 0xff, tiffColours >> 8, 4, 0, 1, 0, 0, 0})
			file[at+2], file[at+4] = 3, 6 // SHORT, six of them
			got, _, err := Decode(file, DecodeOptions{})
			if err != nil || !bytes.Equal(got.Pix, c.want) {
				t.Errorf("%v, %v: want %v", got, err, c.want)
			}
		})
	}
}

// BMP files that leave out where their pixels are, or what the bits of their colours are.
func TestLooseEndsOfBMP(t *testing.T) {
	le := binary.LittleEndian
	file := func(bits, compression, start int, rest ...byte) []byte {
		b := append([]byte("BM"), make([]byte, bmpFileHeader-2+bmpInfoHeader)...)
		le.PutUint32(b[10:], uint32(start))
		for at, v := range map[int]int{14: bmpInfoHeader, 18: 2, 22: 1, 26: 1 | bits<<16, 30: compression} {
			le.PutUint32(b[at:], uint32(v))
		}
		return append(b, rest...)
	}
	colours := []byte{1, 2, 3, 4, 5, 6}
	palette := []byte{3, 2, 1, 0, 6, 5, 4, 0}
	for name, c := range map[string]struct {
		file []byte
		want []byte // nil: refused
	}{
		"the offset":           {file(24, bmpPlain, 54, 3, 2, 1, 6, 5, 4), colours},
		"no offset":            {file(24, bmpPlain, 0, 3, 2, 1, 6, 5, 4), colours},
		"no offset, a palette": {file(1, bmpPlain, 0, append(bytes.Clone(palette), 0x40, 0, 0, 0)...), colours},
		"an offset before":     {file(24, bmpPlain, 10, 3, 2, 1, 6, 5, 4), nil},
		"no offset, no pixels": {file(24, bmpPlain, 0), nil},
		"masks":                {file(32, bmpMasks, 66, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0, 1, 2, 3, 0, 4, 5, 6, 0), colours},
		"empty masks":          {file(32, bmpMasks, 66, append(make([]byte, 12), 3, 2, 1, 0, 6, 5, 4, 0)...), colours},
		"no offset, masks":     {file(32, bmpMasks, 0, append(make([]byte, 12), 3, 2, 1, 0, 6, 5, 4, 0)...), colours},
		"one empty mask":       {file(32, bmpMasks, 66, append([]byte{0xff, 0, 0, 0, 0, 0xff, 0, 0}, make([]byte, 12)...)...), nil},
		"empty masks, 16 bits": {file(16, bmpMasks, 66, make([]byte, 16)...), nil},
	} {
		got, _, err := Decode(c.file, DecodeOptions{})
		if c.want == nil && err == nil || c.want != nil && (err != nil || !bytes.Equal(got.Pix, c.want)) {
			t.Errorf("%s: %v, %v: want %v", name, got, err, c.want)
		}
	}
}

// Decoding ends soon after its context, in every format that can take long.
func TestDecodingEndsWithItsContext(t *testing.T) {
	const side = 3000
	m := image.NewGray(image.Rect(0, 0, side, side))
	var photo, moving bytes.Buffer
	if err := errors.Join(jpeg.Encode(&photo, m, nil), gif.Encode(&moving, m, nil)); err != nil {
		t.Fatal(err)
	}
	size := map[int]int{tiffWidth: side, tiffHeight: side, tiffBits: 8, tiffPhotometric: 1}
	pgm := append([]byte("P5 3000 3000 255\n"), m.Pix...)
	for name, content := range map[string][]byte{
		"png": encoded(t, m), "jpeg": photo.Bytes(), "gif": moving.Bytes(), "tiff": tiffFile(m.Pix, size), "pgm": pgm,
	} {
		looks := &countdown{Context: t.Context(), left: 3}
		if _, _, err := decode(looks, content, DecodeOptions{}, false); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v after %d checks", name, err, 3-looks.left)
		}
	}
}

// countdown is a context that ends after a number of checks.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func (c *countdown) Deadline() (time.Time, bool) { return time.Time{}, false }

// Cost is at least what decoding allocates.
func TestCostIsWhatDecodingTakes(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 800, 600))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i % 253)
	}
	var photo, moving bytes.Buffer
	if err := errors.Join(jpeg.Encode(&photo, m, nil), gif.Encode(&moving, m, nil)); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"png": encoded(t, m), "jpeg": photo.Bytes(), "gif": moving.Bytes(),
		"tiff": tiffFile(m.Pix[:800*600], map[int]int{tiffWidth: 800, tiffHeight: 600, tiffBits: 8, tiffPhotometric: 1}),
	}
	var golds []kindFile
	golden(t, "kinds.json", &golds)
	for _, f := range golds {
		files[f.File] = f.bytes(t)
	}
	for name, content := range files {
		cost, err := Cost(content, DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// The count covers the whole process: the smallest of three leaves out what others allocated in the meantime.
		took := allocated(func() { _, _, err = decode(t.Context(), content, DecodeOptions{}, false) })
		for range 2 {
			took = min(took, allocated(func() { _, _, err = decode(t.Context(), content, DecodeOptions{}, false) }))
		}
		if err != nil || int64(took) > cost && !underRace {
			t.Errorf("%s: decoding allocates %d bytes, Cost says %d: %v", name, took, cost, err)
		}
	}
}
