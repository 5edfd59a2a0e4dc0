package pixels

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	xwebp "golang.org/x/image/webp"
)

// webpFiles are the pictures of scripts/oracle/webp.py, with the SHA-256 of libwebp's pixels for each.
func webpFiles(t testing.TB) (files map[string][]byte, hashes map[string]string) {
	t.Helper()
	folder := filepath.Join("testdata", "webp")
	index, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(index, &hashes); err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for name := range hashes {
		if files[name], err = os.ReadFile(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return files, hashes
}

func TestWebPAsLibwebp(t *testing.T) {
	files, hashes := webpFiles(t)
	for name, content := range files {
		m, _, err := Decode(content, DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sum := sha256.Sum256(m.Pix); hex.EncodeToString(sum[:]) != hashes[name] {
			t.Errorf("%s: pixels differ from libwebp's", name)
		}
		for _, n := range []int{len(content) - 1, len(content) / 2, 40, 31, 20} {
			if n < len(content)-1 || n%2 == 1 { // the last byte of an odd chunk may be missing
				if _, _, err := Decode(content[:min(n, len(content)-2)], DecodeOptions{}); err == nil {
					t.Errorf("%s: %d of %d bytes are accepted as a picture", name, n, len(content))
				}
			}
		}
	}
}

// rival is the result of golang.org/x/image for a WebP, without its opacity. Chroma is compared only at full resolution, since x/image
// upsamples it differently.
func rival(b []byte) (image.Image, error) { return xwebp.Decode(bytes.NewReader(b)) }

// Changed bytes give codes and modes that no encoder writes. Everything that golang.org/x/image decodes, except what libwebp refuses, is
// decoded to the same luma and colours.
func TestWebPAsRival(t *testing.T) {
	files, _ := webpFiles(t)
	r := rand.New(rand.NewPCG(1, 2))
	same, other, refused := 0, 0, 0
	for _, name := range slices.Sorted(maps.Keys(files)) { // so that each file gets the same changes in every run
		content := files[name]
		first := 60 // bytes of headers: sizes, and the smoothing levels, which x/image computes in a byte
		if lossless := string(content[12:16]) == "VP8L"; lossless {
			first = 25
		}
		for range 40 {
			b := bytes.Clone(content)
			for range 1 + r.IntN(3) {
				if first < len(b) {
					b[first+r.IntN(len(b)-first)] ^= byte(1 + r.IntN(255))
				}
			}
			m, _, err := Decode(b, DecodeOptions{})
			want, rivalErr := rival(b)
			if err != nil || rivalErr != nil {
				if err == nil {
					t.Errorf("%s: x/image reports %v, but the file is decoded", name, rivalErr)
				}
				refused++
				continue
			}
			if apart(m, want) == 0 {
				same++
			} else {
				other++
			}
		}
	}
	t.Logf("%d pictures are equal, %d differ, %d were refused", same, other, refused)
	if same < refused || other > same/50 { // x/image's transform overflows 32 bits if coefficients are larger than in any real picture
		t.Errorf("of %d pictures %d differ, and %d were refused", same+other, other, refused)
	}
}

// apart is the largest difference between two pictures: of all colours if nothing was upsampled, otherwise of luma, which follows from
// BT.601's narrow range to within rounding.
func apart(m *Image, want image.Image) (worst int) {
	planes, lossy := want.(*image.YCbCr)
	for y := range m.Height {
		for x := range m.Width {
			p := m.Pix[3*(y*m.Width+x):][:3]
			if !lossy {
				c := color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
				worst = max(worst, distance(int(p[0]), int(c.R)), distance(int(p[1]), int(c.G)), distance(int(p[2]), int(c.B)))
				continue
			}
			u, v := chromaAt(planes.Cb, planes, x, y), chromaAt(planes.Cr, planes, x, y)
			l := int(planes.Y[y*planes.YStride+x]) * 19077 >> 8
			worst = max(worst, distance(int(p[0]), int(clip6(l+v*26149>>8-14234))), distance(int(p[1]), int(clip6(l-u*6419>>8-v*13320>>8+8708))),
				distance(int(p[2]), int(clip6(l+u*33050>>8-17685))))
		}
	}
	return worst
}

// chromaAt upsamples one sample by the definition: (9a + 3b + 3c + d + 8)/16 over the four nearest samples, with libwebp's two roundings.
func chromaAt(plane []uint8, of *image.YCbCr, x, y int) int {
	width, height := (of.Rect.Dx()+1)/2, (of.Rect.Dy()+1)/2
	near := y / 2
	far := min(max(near-1+2*(y%2), 0), height-1)
	at := func(x, y int) int { return int(plane[y*of.CStride+x]) }
	if x == 0 || x == of.Rect.Dx()-1 && x%2 == 1 {
		return (3*at(x/2, near) + at(x/2, far) + 2) >> 2
	}
	left, right := (x-1)/2, min((x-1)/2+1, width-1)
	a, b, c, d := at(left, near), at(right, near), at(left, far), at(right, far)
	sum := a + b + c + d + 8
	if x%2 == 1 { // nearer to the left
		return ((sum+2*(b+c))>>3 + a) >> 1
	}
	return ((sum+2*(a+d))>>3 + b) >> 1
}
