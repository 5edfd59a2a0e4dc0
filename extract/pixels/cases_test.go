package pixels

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/internal/sharedtest"
)

// Files from the field, each with the expected picture beside it.
func TestFilesFromTheField(t *testing.T) {
	for _, folder := range []string{"orientation", "grey-16-bit", "png-loose-ends", "jpeg-without-end", "netpbm", "bmp-tiff-kinds"} {
		wanted, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "cases", folder), "*.want.png"))
		if err != nil || len(wanted) == 0 {
			t.Fatalf("%s: %d files: %v", folder, len(wanted), err)
		}
		for _, path := range wanted {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			want, err := FromImage(m)
			if err != nil {
				t.Fatal(err)
			}
			path = strings.TrimSuffix(path, ".want.png")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, fast := range decoders() {
				got, _, err := decode(t.Context(), content, DecodeOptions{}, fast)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				if worst, mean := difference(t, got, want); worst > 0 {
					t.Errorf("%s: differs by up to %d levels, %.3f in the mean", path, worst, mean)
				}
			}
		}
	}
}

// decoders are the values of fast that can be tested on this machine.
func decoders() []bool {
	if turbo() == nil {
		return []bool{false}
	}
	return []bool{false, true}
}

// Hostile files are refused or read, and take little memory and time.
func TestHostileFiles(t *testing.T) {
	for _, c := range []struct {
		file string
		o    DecodeOptions
		want Reason // "": it is a readable picture
	}{
		{"attack-exif-directory/exif.jpg", DecodeOptions{}, ""},
		{"attack-exif-directory/directory.tif", DecodeOptions{}, Damaged},
		{"attack-jpeg-scans/scans.jpg", DecodeOptions{}, Damaged},
		{"attack-tiff-pieces/pieces.tif", DecodeOptions{}, Damaged},
		{"attack-tiff-tile/tile.tif", DecodeOptions{MaxPixels: 1e6}, TooLarge},
		{"attack-tiff-tile/tile.tif", DecodeOptions{}, Damaged},
	} {
		content, err := os.ReadFile(sharedtest.Path(t, "cases", c.file))
		if err != nil {
			t.Fatal(err)
		}
		for _, fast := range decoders() {
			var reason Reason
			took := allocated(func() {
				var e *Error
				if _, _, err := decode(t.Context(), content, c.o, fast); errors.As(err, &e) {
					reason = e.Reason
				} else if err != nil {
					t.Errorf("%s: %v", c.file, err)
				}
			})
			if reason != c.want {
				t.Errorf("%s: %q, want %q", c.file, reason, c.want)
			}
			if took > 1<<20+8*uint64(len(content)) {
				t.Errorf("%s: %d bytes were allocated for a file of %d", c.file, took, len(content))
			}
		}
	}
}
