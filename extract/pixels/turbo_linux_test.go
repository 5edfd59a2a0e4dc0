package pixels

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkLongestOfTurbo decodes the most laborious files that are still given to libjpeg-turbo, which cannot be interrupted, and reports
// the processor time beside that for a photograph of one megapixel.
func BenchmarkLongestOfTurbo(b *testing.B) {
	if turbo() == nil {
		b.Skip("no libjpeg-turbo on this machine")
	}
	noise := func(width, height, quality int) []byte {
		r := rand.New(rand.NewPCG(1, 2))
		m := image.NewRGBA(image.Rect(0, 0, width, height))
		for i := range m.Pix {
			m.Pix[i] = uint8(r.Uint32())
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: quality}); err != nil {
			b.Fatal(err)
		}
		return file.Bytes()
	}
	took := func(file []byte) time.Duration {
		p, _, err := open(file, DecodeOptions{}, true)
		if err != nil || p.decoder != LibjpegTurbo {
			b.Fatalf("the file is not given to libjpeg-turbo: %d bytes, %v", len(file), err)
		}
		before := processTime(b)
		if _, err := p.decode(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		return processTime(b) - before
	}
	unit := noise(1000, 1000, 40)
	for name, file := range map[string][]byte{
		"32 megapixels": noise(5790, 5790, 12), "14 MB": noise(3100, 3100, 97), "200 scans of 0.16 megapixels": scansOf(405, 199), "restarts without a marker": restartsOf(5790),
	} {
		b.Run(name, func(b *testing.B) {
			var sum, units time.Duration
			n := 0.0
			for b.Loop() {
				n++
				units += took(unit)
				sum += took(file)
			}
			b.ReportMetric(sum.Seconds()*1e3/n, "cpu-ms/op")
			b.ReportMetric(float64(sum)/float64(units), "units")
			b.ReportMetric(float64(len(file))/1e6, "MB")
		})
	}
}

// processTime is the processor time used by this process.
func processTime(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
