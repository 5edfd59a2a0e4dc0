package pixels

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"
)

// repetitive are files in which one part is repeated n times, as often as a small file can repeat it: their size grows with n.
func repetitive() map[string]func(n int) []byte {
	strips := func(compression int, strip []byte) func(int) []byte {
		return func(n int) []byte { return stripsOf(n, n, compression, strip) }
	}
	black := pngOf(pngChunkOf("IHDR", []byte{0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0}), pngChunkOf("IDAT", deflated([]byte{0, 7})), pngChunkOf("IEND", nil))
	dot := scansOf(8, 1)
	within := func(file []byte, at int, part []byte) func(int) []byte {
		return func(n int) []byte { return bytes.Join([][]byte{file[:at], bytes.Repeat(part, n), file[at:]}, nil) }
	}
	return map[string]func(n int) []byte{
		"TIFF, strips":             strips(tiffPlain, []byte{0x55}),
		"TIFF, strips of PackBits": strips(tiffPackBits, []byte{0, 0x55}),
		"TIFF, strips of LZW":      strips(tiffLZW, []byte{0x80, 0x0a, 0xa0}),
		"TIFF, strips of DEFLATE":  strips(tiffDeflate, deflated([]byte{0x55})),
		"TIFF, strips of fax":      strips(tiffFax4, []byte{0x80}),
		"TIFF, directories":        func(n int) []byte { return chainOf(n, n) },
		"GIF, extensions":          extensionsOf,
		"JPEG, comments":           within(dot, 2, []byte{0xff, 0xfe, 0, 2}),
		"JPEG, restart markers":    within(dot, len(dot)-2, []byte{0xff, 0xd0, 0}),
		"PNG, empty chunks":        within(black, len(black)-12, pngChunkOf("tEXt", nil)),
	}
}

// The time for a file grows with its size, not with the square of it. The square would take 16 times as long for four times the size.
func TestTimeGrowsWithTheFile(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	spent := func(b []byte) time.Duration {
		least := time.Duration(0)
		for range 5 {
			before := threadTime()
			_, err := Cost(b, DecodeOptions{})
			if err == nil {
				_, _, err = decode(t.Context(), b, DecodeOptions{}, false)
			}
			Several(b)
			took := threadTime() - before
			if least == 0 || took < least {
				least = took
			}
			var e *Error
			if err != nil && !(errors.As(err, &e) && e.Reason == Damaged) {
				t.Fatal(err)
			}
		}
		return least
	}
	for name, of := range repetitive() {
		const n, times, most = 1 << 14, 4, 10
		less, more := spent(of(n)), spent(of(times*n-1))
		t.Logf("%s: %s, and %s for a file %d times as large", name, less, more, times)
		if more > most*less {
			t.Errorf("%s: a file %d times as large takes %.1f times as long, want at most %d", name, times, float64(more)/float64(less), most)
		}
	}
}
