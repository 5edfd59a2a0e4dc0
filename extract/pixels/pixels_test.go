package pixels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/internal/sharedtest"
	"pgregory.net/rapid"
)

func eval224() Transform {
	return Transform{Resize: 256, Crop: 224, Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}}
}

type manifestEntry struct {
	File, Note, Error, Format string
	Width, Height             int
	Eval                      string `json:"eval224"`
	Whole                     string `json:"whole224"`
	Ignored                   string `json:"eval224_exif_ignored"`
}

// Exactly the pixels of Pillow and torchvision, with either JPEG decoder.
func TestReferenceImages(t *testing.T) {
	root := sharedtest.Path(t, "images")
	b, err := os.ReadFile(filepath.Join(root, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []manifestEntry
	if err := json.Unmarshal(b, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 46 {
		t.Errorf("%d entries, want 46", len(entries))
	}
	whole := eval224()
	whole.Whole = true
	for _, e := range entries {
		t.Run(e.File, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				t.Fatal(err)
			}
			if e.Error != "" {
				var reason *Error
				if _, _, err := Decode(content, DecodeOptions{}); !errors.As(err, &reason) {
					t.Errorf("error %v, want a reason like %q", err, e.Error)
				}
				return
			}
			for _, fast := range []bool{false, true} {
				if fast && turbo() == nil {
					continue
				}
				m, info, err := decode(t.Context(), content, DecodeOptions{}, fast)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.EqualFold(info.Format, e.Format) {
					t.Errorf("format %s, want %s", info.Format, e.Format)
				}
				if strings.HasPrefix(filepath.Base(e.File), "gray16") { // unlike Pillow, which clips
					continue
				}
				compare(t, root, e.Eval, eval224(), m, info)
				compare(t, root, e.Whole, whole, m, info)
				if e.Ignored != "" {
					stored, info, err := decode(t.Context(), content, DecodeOptions{IgnoreEXIF: true}, fast)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, root, e.Ignored, eval224(), stored, info)
				}
			}
		})
	}
}

func compare(t *testing.T, root, want string, transform Transform, m *Image, info Info) {
	t.Helper()
	f, err := os.Open(filepath.Join(root, want))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reference, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	expected, err := FromImage(reference)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]uint8, 3*224*224)
	transform.square(got, m, &Scratch{})
	if worst, mean := difference(t, &Image{224, 224, got}, expected); worst > 0 {
		t.Errorf("%s by %s: differs by up to %d levels, %.3f in the mean", want, info.Decoder, worst, mean)
	}
}

// Both JPEG decoders give the same result for photographs, and for truncated ones.
func TestJPEGDecodersAgree(t *testing.T) {
	if turbo() == nil {
		t.Skip("no libjpeg-turbo on this machine")
	}
	paths, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "data", "photos"), "*", "*.JPEG"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d photographs: %v", len(paths), err)
	}
	for i, path := range paths {
		if i%5 != 0 {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := decode(t.Context(), content, DecodeOptions{}, true)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := decode(t.Context(), content, DecodeOptions{}, false)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if worst, mean := difference(t, got, want); worst > 0 {
			t.Errorf("%s: differs by up to %d levels, %.3f in the mean", path, worst, mean)
		}
		for _, fast := range []bool{false, true} {
			for _, size := range []int{len(content) * (i%97 + 1) / 100, len(content) - 1 - i%7} {
				var e *Error
				cut, _, err := decode(t.Context(), content[:size], DecodeOptions{}, fast)
				if size >= len(content)-2 && err == nil && bytes.Equal(cut.Pix, want.Pix) { // only the end marker is missing
					continue
				}
				if !errors.As(err, &e) || e.Reason != Damaged {
					t.Errorf("%s cut to %d bytes, libjpeg-turbo %v: error %v, want %q", path, size, fast, err, Damaged)
				}
			}
		}
	}
}

func encoded(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConversions(t *testing.T) {
	at := func(m *Image, x, y int) [3]uint8 { return [3]uint8(m.Pix[3*(y*m.Width+x):]) }
	transparent := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	transparent.SetNRGBA(0, 0, color.NRGBA{200, 100, 50, 0})
	transparent.SetNRGBA(1, 0, color.NRGBA{1, 2, 3, 128})
	deep := image.NewGray16(image.Rect(0, 0, 2, 1))
	deep.SetGray16(0, 0, color.Gray16{77})
	deep.SetGray16(1, 0, color.Gray16{3000})
	palette := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.NRGBA{9, 8, 7, 255}, color.NRGBA{60, 70, 80, 0}})
	palette.SetColorIndex(1, 0, 1)
	for _, c := range []struct {
		name  string
		m     image.Image
		first [3]uint8
		then  [3]uint8
	}{
		{"alpha is dropped", transparent, [3]uint8{200, 100, 50}, [3]uint8{1, 2, 3}},
		{"16-bit grey is reduced to its high byte", deep, [3]uint8{0, 0, 0}, [3]uint8{11, 11, 11}},
		{"transparent colours of a palette are kept", palette, [3]uint8{9, 8, 7}, [3]uint8{60, 70, 80}},
	} {
		m, info, err := Decode(encoded(t, c.m), DecodeOptions{})
		if err != nil || info.Format != "png" {
			t.Fatalf("%s: %v %+v", c.name, err, info)
		}
		if at(m, 0, 0) != c.first || at(m, 1, 0) != c.then {
			t.Errorf("%s: %v, %v", c.name, at(m, 0, 0), at(m, 1, 0))
		}
	}
}

// A picture in memory is read if it has all its bytes, also as a part of another, and refused otherwise, whatever its type.
func TestPicturesThatLackBytesAreRefused(t *testing.T) {
	r := image.Rect(0, 0, 5, 4)
	grey, grey16, alpha, alpha16 := image.NewGray(r), image.NewGray16(r), image.NewAlpha(r), image.NewAlpha16(r)
	rgba, rgba64, nrgba, nrgba64, cmyk := image.NewRGBA(r), image.NewRGBA64(r), image.NewNRGBA(r), image.NewNRGBA64(r), image.NewCMYK(r)
	paletted, ycc := image.NewPaletted(r, color.Palette{color.Black}), image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	for _, c := range []struct {
		m   image.Image
		pix *[]uint8
	}{
		{grey, &grey.Pix}, {grey16, &grey16.Pix}, {alpha, &alpha.Pix}, {alpha16, &alpha16.Pix}, {rgba, &rgba.Pix}, {rgba64, &rgba64.Pix}, {nrgba, &nrgba.Pix}, {nrgba64, &nrgba64.Pix},
		{cmyk, &cmyk.Pix}, {paletted, &paletted.Pix}, {ycc, &ycc.Y}, {ycc, &ycc.Cb},
	} {
		part := c.m.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rect(1, 2, 5, 4))
		if m, err := FromImage(part); err != nil || m.Width != 4 || m.Height != 2 || len(m.Pix) != 24 {
			t.Errorf("part of a %T: %+v, %v", c.m, m, err)
		}
		for _, bytes := range []int{len(*c.pix) - 1, 1, 0} {
			all := *c.pix
			*c.pix = all[:bytes] // with more behind them
			if m, err := FromImage(c.m); err == nil || m != nil {
				t.Errorf("%T of %d bytes: %+v", c.m, bytes, m)
			}
			*c.pix = all
		}
		if _, err := FromImage(c.m); err != nil {
			t.Errorf("%T: %v", c.m, err)
		}
	}
	paletted.Pix[3] = 9
	for name, m := range map[string]image.Image{
		"nil": nil, "a nil RGBA": (*image.RGBA)(nil), "a nil YCbCr": (*image.YCbCr)(nil), "no bytes": &image.RGBA{Rect: r}, "a stride of zero": &image.Gray{Rect: r, Pix: make([]uint8, 99)},
		"a negative stride": &image.RGBA{Rect: r, Pix: make([]uint8, 99), Stride: -20}, "rows that overlap": &image.Gray{Rect: r, Pix: make([]uint8, 99), Stride: 2},
		"no pixels": image.NewGray(image.Rectangle{}), "too many": image.NewUniform(color.Black), "more than can be counted": &image.Gray{Rect: image.Rect(math.MinInt, 0, math.MaxInt, 1)},
		"a colour without a palette": paletted,
	} {
		if got, err := FromImage(m); err == nil || got != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReasons(t *testing.T) {
	good := encoded(t, image.NewGray(image.Rect(0, 0, 30, 20)))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		o       DecodeOptions
		want    Reason
	}{
		{"empty", nil, DecodeOptions{}, Empty},
		{"text", []byte("hello, I am a text file"), DecodeOptions{}, NotAnImage},
		{"header only", good[:12], DecodeOptions{}, Damaged},
		{"cut PNG", good[:len(good)-26], DecodeOptions{}, Damaged},
		{"cut JPEG", photo.Bytes()[:photo.Len()-10], DecodeOptions{}, Damaged},
		{"too large", good, DecodeOptions{MaxPixels: 599}, TooLarge},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), DecodeOptions{}, Unsupported},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00"), DecodeOptions{}, Unsupported},
	} {
		_, _, err := Decode(c.content, c.o)
		var e *Error
		if !errors.As(err, &e) || e.Reason != c.want {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, _, err := Decode(good, DecodeOptions{MaxPixels: 600}); err != nil {
		t.Errorf("a picture exactly at the limit: %v", err)
	}
}

// Turning a picture by its orientation, then back, changes nothing.
func TestOrientations(t *testing.T) {
	m := &Image{Width: 3, Height: 2, Pix: []uint8{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5}}
	back := []int{0, 1, 2, 3, 4, 5, 8, 7, 6}
	oriented := func(m *Image, o int) *Image {
		turned, err := m.oriented(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return turned
	}
	for o := 1; o <= 8; o++ {
		turned := oriented(m, o)
		if o >= 5 && (turned.Width != 2 || turned.Height != 3) {
			t.Errorf("orientation %d gives %d×%d", o, turned.Width, turned.Height)
		}
		if again := oriented(turned, back[o]); !bytes.Equal(again.Pix, m.Pix) {
			t.Errorf("orientation %d there and back: %v", o, again.Pix)
		}
	}
	// Orientation 6: the camera was turned; the stored left column, bottom first, is the top row of the upright picture.
	if got := oriented(m, 6).Pix; got[0] != 3 || got[3] != 0 {
		t.Errorf("orientation 6 starts with %d, %d; want 3, 0", got[0], got[3])
	}
}

// A window of a resized picture equals that part of the whole.
func TestWindowsArePartsOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newImage(rapid.IntRange(1, 60).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height"))
		for i := range m.Pix {
			m.Pix[i] = uint8(i * 37 % 251)
		}
		w := window{width: rapid.IntRange(1, 60).Draw(t, "to width"), height: rapid.IntRange(1, 60).Draw(t, "to height")}
		w.x, w.y = rapid.IntRange(0, w.width-1).Draw(t, "x"), rapid.IntRange(0, w.height-1).Draw(t, "y")
		w.columns, w.rows = rapid.IntRange(1, w.width-w.x).Draw(t, "columns"), rapid.IntRange(1, w.height-w.y).Draw(t, "rows")
		whole, part := make([]uint8, 3*w.width*w.height), make([]uint8, 3*w.columns*w.rows)
		var s Scratch
		s.resize(whole, m, window{w.width, w.height, 0, 0, w.width, w.height})
		s.resize(part, m, w)
		for y := range w.rows {
			want := whole[3*((w.y+y)*w.width+w.x):][:3*w.columns]
			if !bytes.Equal(part[3*y*w.columns:3*(y+1)*w.columns], want) {
				t.Fatalf("row %d of the window differs", y)
			}
		}
	})
}

func TestConstantPicturesStayConstant(t *testing.T) {
	m := newImage(37, 91)
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	transform := eval224()
	dst := make([]float32, 3*224*224)
	if err := transform.Apply(dst, m, &Scratch{}); err != nil {
		t.Fatal(err)
	}
	for c := range 3 {
		want := (float32(200)/255 - transform.Mean[c]) / transform.Std[c]
		for i, v := range dst[c*224*224 : (c+1)*224*224] {
			if v != want {
				t.Fatalf("plane %d place %d: %v, want %v", c, i, v, want)
			}
		}
	}
	if err := transform.Apply(dst[1:], m, &Scratch{}); err == nil {
		t.Error("a destination of the wrong size is accepted")
	}
}

func TestSmallerThanTheCropIsCentredOnBlack(t *testing.T) {
	m := newImage(4, 2)
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	transform := Transform{Resize: 2, Crop: 6, Std: [3]float32{1, 1, 1}}
	got := make([]uint8, 3*36)
	transform.square(got, m, &Scratch{})
	for y := range 6 {
		for x := range 6 {
			want := uint8(0)
			if y >= 2 && y < 4 && x >= 1 && x < 5 {
				want = 255
			}
			if got[3*(y*6+x)] != want {
				t.Errorf("pixel %d,%d is %d, want %d", x, y, got[3*(y*6+x)], want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, image.NewNRGBA(image.Rect(0, 0, 5, 3))))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 9, 9)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(photo.Bytes())
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"))
	files, err := filepath.Glob(filepath.Join("testdata", "files", "*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files: %v", len(files), err)
	}
	more, err := filepath.Glob(filepath.Join("testdata", "webp", "*.webp"))
	if err != nil || len(more) == 0 {
		f.Fatalf("%d WebP files: %v", len(more), err)
	}
	for _, file := range append(files, more...) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	var kinds []kindFile
	golden(f, "kinds.json", &kinds)
	for _, k := range kinds {
		f.Add(k.bytes(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var errs []error
		for _, fast := range decoders() {
			const most = 1 << 16
			var m *Image
			var err error
			took := allocated(func() { m, _, err = decode(context.Background(), b, DecodeOptions{MaxPixels: most}, fast) })
			if bound := uint64(worstFixed + worstOfFile*len(b) + worstOfPixel*most); took > bound {
				t.Fatalf("%d bytes were allocated for a file of %d, want at most %d", took, len(b), bound)
			}
			errs = append(errs, err)
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("error %v has no reason", err)
				}
				continue
			}
			if len(m.Pix) != 3*m.Width*m.Height || m.Width*m.Height > most {
				t.Fatalf("%d bytes for %d×%d", len(m.Pix), m.Width, m.Height)
			}
		}
		if (errs[0] == nil) != (errs[len(errs)-1] == nil) {
			t.Fatalf("the decoders differ: %v", errs)
		}
	})
}

// BenchmarkDecode decodes a drawn picture of 500×375 as JPEG and PNG, and photographs of ImageNet if they are there. An operation is one picture.
func BenchmarkDecode(b *testing.B) {
	m := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for i := range m.Pix {
		m.Pix[i] = uint8(i/4%500/3 + i/2000/2 + i*i%23)
	}
	var drawn bytes.Buffer
	if err := jpeg.Encode(&drawn, m, &jpeg.Options{Quality: 80}); err != nil {
		b.Fatal(err)
	}
	b.Run("drawn", func(b *testing.B) { eachDecoder(b, [][]byte{drawn.Bytes()}) })
	var lossless bytes.Buffer
	if err := png.Encode(&lossless, m); err != nil {
		b.Fatal(err)
	}
	b.Run("PNG", func(b *testing.B) { eachDecoder(b, [][]byte{lossless.Bytes()}) })
	b.Run("photographs", func(b *testing.B) {
		paths, err := filepath.Glob(filepath.Join(sharedtest.Path(b, "data", "photos"), "*", "*0.JPEG"))
		if err != nil {
			b.Fatal(err)
		}
		var photographs [][]byte
		for _, path := range paths {
			photograph, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			photographs = append(photographs, photograph)
		}
		eachDecoder(b, photographs)
	})
}

// eachDecoder runs each decoder on files, one after another and again from the first.
func eachDecoder(b *testing.B, files [][]byte) {
	run := func(name string, decode func(b *testing.B, file []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := decode(b, files[i%len(files)]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
	var room *Image // as in an extraction
	ours := func(fast bool) func(b *testing.B, file []byte) error {
		return func(b *testing.B, file []byte) (err error) {
			room, _, err = decode(b.Context(), file, DecodeOptions{Room: room}, fast)
			return err
		}
	}
	run("go", ours(false))
	if turbo() != nil && files[0][0] == 0xff {
		run("libjpeg-turbo", ours(true))
	}
	run("standard library", func(_ *testing.B, file []byte) error { // of JPEG without colour conversion
		_, _, err := image.Decode(bytes.NewReader(file))
		return err
	})
}

func BenchmarkResize(b *testing.B) {
	m := newImage(500, 375)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 31)
	}
	var s Scratch
	dst, transform := make([]float32, 3*224*224), eval224()
	b.ReportAllocs()
	for b.Loop() {
		if err := transform.Apply(dst, m, &s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
