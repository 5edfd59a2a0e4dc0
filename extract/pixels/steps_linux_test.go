package pixels

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stepwise is a context that records the longest processor time, in this thread, between two checks of it.
type stepwise struct {
	context.Context
	last, longest, all time.Duration
	looks              int
}

// threadTime is the processor time used by this thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // this clock always exists
	}
	return time.Duration(t.Nano())
}

func (s *stepwise) look() {
	now := threadTime()
	if s.last > 0 {
		s.longest, s.all = max(s.longest, now-s.last), s.all+now-s.last
	}
	s.last, s.looks = now, s.looks+1
}

func (s *stepwise) Err() error {
	s.look()
	return nil
}

// everyKind is one file of every supported kind, of side × side pixels, the most laborious ones that are easy to make.
func everyKind(t testing.TB, side int) map[string][]byte {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	grey, colours, deep := image.NewGray(image.Rect(0, 0, side, side)), image.NewNRGBA(image.Rect(0, 0, side, side)), image.NewGray16(image.Rect(0, 0, side, side))
	few := image.NewPaletted(grey.Rect, color.Palette{color.Black, color.White, color.NRGBA{1, 2, 3, 255}, color.NRGBA{9, 8, 7, 255}})
	for i := range grey.Pix {
		v := uint8(r.IntN(256))
		grey.Pix[i], few.Pix[i] = v, v%4
		copy(colours.Pix[4*i:], []uint8{v, v + 9, v ^ 3, 255})
		deep.Pix[2*i], deep.Pix[2*i+1] = v, v^0x55
	}
	var photo, greyPhoto, moving bytes.Buffer
	if err := errors.Join(jpeg.Encode(&photo, colours, nil), jpeg.Encode(&greyPhoto, grey, nil), gif.Encode(&moving, few, nil)); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"JPEG": photo.Bytes(), "JPEG, 20 scans": scansOf(side, 20), "GIF": moving.Bytes(), "PNG": encoded(t, colours), "PNG, 16 bits": encoded(t, deep),
		"JPEG, restarts without markers": restartsOf(side), "JPEG on its side": turned(photo.Bytes()),
	}
	samples := make([]byte, 0, 3*side*side)
	var words bytes.Buffer
	fmt.Fprintf(&words, "P2 %d %d 255\n", side, side)
	for i, v := range grey.Pix {
		samples = append(samples, v, v^1, v^2)
		if fmt.Fprintf(&words, "%d ", v); i%16 == 0 {
			words.WriteString("# no number\n")
		}
	}
	files["Netpbm in words"] = words.Bytes()
	files["Netpbm, 16 bits"] = append(fmt.Appendf(nil, "P5 %d %d 65535\n", side, side), deep.Pix...)
	s32 := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(side)), uint32(side))
	files["PNG, interlaced"] = pngOf(pngChunkOf("IHDR", append(bytes.Clone(s32), 8, 0, 0, 0, 1)), pngChunkOf("IDAT", deflated(make([]byte, side*side+8*side))))
	packed := func(write func(*bytes.Buffer)) []byte {
		var b bytes.Buffer
		write(&b)
		return b.Bytes()
	}
	lzwed := packed(func(b *bytes.Buffer) {
		bits, n := uint32(0), 0
		put := func(code uint32) {
			for bits, n = bits<<9|code, n+9; n >= 8; n -= 8 {
				b.WriteByte(byte(bits >> (n - 8)))
			}
		}
		for i, v := range samples {
			if i%200 == 0 {
				put(lzwClear)
			}
			put(uint32(v))
		}
		put(lzwEnd)
		b.WriteByte(byte(bits << 8 >> n))
	})
	runs := packed(func(b *bytes.Buffer) {
		for y := range side {
			row := samples[3*side*y:][:3*side]
			for len(row) > 0 {
				n := min(128, len(row))
				b.WriteByte(byte(n - 1))
				b.Write(row[:n])
				row = row[n:]
			}
		}
	})
	for name, k := range map[string]struct {
		kind, extra int
		strip       []byte
	}{"plain": {tiffPlain, 0, samples}, "DEFLATE": {tiffDeflate, 0, deflated(samples)}, "LZW": {tiffLZW, 0, lzwed}, "PackBits": {tiffPackBits, 0, runs}} {
		files["TIFF, "+name] = tiffFile(k.strip, map[int]int{tiffWidth: side, tiffHeight: side, tiffBits: 8, tiffSamples: 3, tiffPhotometric: tiffRGB, tiffCompression: k.kind})
	}
	files["TIFF, JPEG"] = tiffFile(greyPhoto.Bytes(), map[int]int{tiffWidth: side, tiffHeight: side, tiffBits: 8, tiffPhotometric: 1, tiffCompression: tiffInJPEG})
	// 9-bit codes, cleared before they would grow, are those of LZW; every fax-coded row repeats the one above (the bit 1, "vertical 0"),
	// which is white.
	files["TIFF, fax"] = tiffFile(bytes.Repeat([]byte{0xff}, side/8+1), map[int]int{tiffWidth: side, tiffHeight: side, tiffBits: 1, tiffPhotometric: 0, tiffCompression: tiffFax4})
	header := func(bits, compression int) []byte {
		le := binary.LittleEndian
		b := le.AppendUint32(append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00"), 54+4*4, 0, 0, 0), 40)
		b = le.AppendUint32(le.AppendUint32(b, uint32(side)), uint32(side))
		b = le.AppendUint32(le.AppendUint16(le.AppendUint16(b, 1), uint16(bits)), uint32(compression))
		b = append(b, make([]byte, 8)...)
		b = le.AppendUint32(append(b, make([]byte, 4)...), 4)
		b = append(b, 0, 0, 0, 0)
		return append(b[:54], make([]byte, 16)...)
	}
	files["BMP"] = append(header(24, bmpPlain), make([]byte, (3*side+3)/4*4*side)...)
	var rle bytes.Buffer
	for range side {
		for x := 0; x < side; x += 255 {
			rle.Write([]byte{byte(min(255, side-x)), byte(x % 4)})
		}
		rle.Write([]byte{0, 0})
	}
	files["BMP of runs"] = append(append(header(8, bmpRLE8), rle.Bytes()...), 0, 1)
	for name, file := range webpBombs(t, side) {
		files[name] = file
	}
	return files
}

// turned is a JPEG whose EXIF orientation is sideways.
func turned(b []byte) []byte {
	exif := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	app1 := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2)), exif...)
	return append(append(bytes.Clone(b[:2]), app1...), b[2:]...)
}

// Decoding checks its context in small steps, for every kind of file: the longest step takes a small part of the total processor time.
func TestDecodingGoesInSmallSteps(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, content := range everyKind(t, 640) {
		const most = 0.25
		least := 1.0
		var s *stepwise
		for tries := 0; tries < 30 && least > most; tries++ { // garbage collection, or the machine, may hit one step
			s = &stepwise{Context: t.Context()}
			s.look()
			if _, _, err := decode(s, content, DecodeOptions{}, false); err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			s.look()
			least = min(least, float64(s.longest)/float64(s.all))
		}
		t.Logf("%s: %d bytes, %s in %d steps, the longest %.0f %%", name, len(content), s.all, s.looks, 100*least)
		if least > most {
			t.Errorf("%s: one step takes %.0f %% of the time", name, 100*least)
		}
	}
}
