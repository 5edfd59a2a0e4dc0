package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed is a picture in the golden files written by scripts/oracle/pixels.py.
type packed struct {
	Width, Height int
	RGB           string
}

func (p packed) image(t *testing.T) *Image {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(p.RGB)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	pix, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(pix) != 3*p.Width*p.Height {
		t.Fatalf("%d bytes for %d×%d", len(pix), p.Width, p.Height)
	}
	return &Image{p.Width, p.Height, pix}
}

func golden(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// difference is the largest and the mean difference of two pictures' levels.
func difference(t *testing.T, got, want *Image) (worst int, mean float64) {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height {
		t.Fatalf("%d×%d, want %d×%d", got.Width, got.Height, want.Width, want.Height)
	}
	sum := 0
	for i, v := range got.Pix {
		d := int(v) - int(want.Pix[i])
		d = max(d, -d)
		worst, sum = max(worst, d), sum+d
	}
	return worst, float64(sum) / float64(len(got.Pix))
}

// Every kind of file as Pillow converts it, with both JPEG decoders if available.
func TestFilesAsPillow(t *testing.T) {
	var files []struct {
		File, Mode string
		packed
	}
	golden(t, "files.json", &files)
	var greyLevels []uint8
	for _, f := range files {
		if f.File == "grey.png" {
			greyLevels = f.image(t).Pix
		}
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join("testdata", "files", f.File))
		if err != nil {
			t.Fatal(err)
		}
		want := f.image(t)
		if strings.HasPrefix(f.File, "deep.") { // unlike Pillow, which clips: the file holds the levels of grey.png times 3
			for i, v := range greyLevels {
				want.Pix[i] = uint8(3 * int(v) >> 8)
			}
		}
		for _, decoder := range []string{"go", "turbo"} {
			t.Run(f.File+"/"+decoder, func(t *testing.T) {
				if decoder == "turbo" && (filepath.Ext(f.File) != ".jpg" || turbo() == nil) {
					t.Skip("not a JPEG, or no libjpeg-turbo on this machine")
				}
				got, _, err := decode(t.Context(), content, DecodeOptions{}, decoder == "turbo")
				if err != nil {
					t.Fatal(err)
				}
				if worst, mean := difference(t, got, want); worst > 0 {
					t.Errorf("differs by up to %d levels, %.3f in the mean (mode %s)", worst, mean, f.Mode)
				}
			})
		}
	}
}

// The operations of augmented views, as torchvision performs them.
func TestTorchvision(t *testing.T) {
	var oracle struct {
		Cases []struct {
			Op        string
			Arguments struct {
				Factor, Sigma             float64
				Size, X, Y, Width, Height int
			}
			packed
		}
		Sizes [][5]int
	}
	golden(t, "torchvision.json", &oracle)
	var base, cube *Image
	var s Scratch
	for _, c := range oracle.Cases {
		want, a := c.image(t), c.Arguments
		source := base
		if c.Op == "base" || c.Op == "cube" {
			source = want
		} else if c.Op == "cube hue" {
			source = cube
		}
		got := &Image{source.Width, source.Height, bytes.Clone(source.Pix)}
		allowed := 0
		switch c.Op {
		case "base":
			base = want
		case "cube":
			cube = want
		case "brightness":
			got.brightness(a.Factor)
		case "contrast":
			got.contrast(a.Factor)
		case "saturation":
			got.blendGrey(a.Factor)
		case "hue", "cube hue":
			got.hue(a.Factor)
		case "grey":
			got.blendGrey(0)
		case "mirror":
			got.mirror()
		case "blur":
			s.blur(got, a.Size, a.Sigma)
			allowed = 1 // torchvision adds in another order, so halves may round differently
		case "crop":
			got = newImage(want.Width, want.Height)
			s.crop(got.Pix, base, box{a.X, a.Y, a.Width, a.Height}, want.Width)
		case "resize":
			got = newImage(want.Width, want.Height)
			s.resize(got.Pix, base, window{want.Width, want.Height, 0, 0, want.Width, want.Height})
		default:
			t.Fatalf("unknown operation %q", c.Op)
		}
		if worst, mean := difference(t, got, want); worst > allowed || mean > 0.001 {
			t.Errorf("%s %+v: differs by up to %d levels, %.4f in the mean", c.Op, a, worst, mean)
		}
	}
	for _, z := range oracle.Sizes {
		if w, h := shorterSide(z[0], z[1], z[2]); w != z[3] || h != z[4] {
			t.Errorf("%d×%d to a shorter side of %d: %d×%d, want %d×%d", z[0], z[1], z[2], w, h, z[3], z[4])
		}
	}
}
