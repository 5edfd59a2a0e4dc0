package pixels

import "encoding/binary"

// brightEnough is the 16-bit sample from which a picture is considered to use its range. Samples of 10 or 12 bits, as cameras and microscopes give
// them, are all below: stored as they are, they leave at most 16 of 256 levels.
const brightEnough = 1 << 12

// brightest is the largest of a picture's 16-bit samples, apart from opacity, or one that is bright enough.
type brightest int

// see looks at a row of samples, of which each pixel has n and begins with its colours.
func (m *brightest) see(row []byte, order binary.ByteOrder, n, colours int) {
	for at := 0; at+2*n <= len(row) && *m < brightEnough; at += 2 * n {
		for k := range colours {
			*m = max(*m, brightest(order.Uint16(row[at+2*k:])))
		}
	}
}

// dark reports whether the picture is not bright enough. One that is black all over has lost no levels.
func (m *brightest) dark() bool { return m != nil && *m > 0 && *m < brightEnough }

// Deep reports whether Info.Dark may be true of a picture's file: whether it has 16-bit samples. It looks only at headers.
func Deep(b []byte) bool {
	p, _, err := open(b, DecodeOptions{IgnoreEXIF: true}, false)
	return err == nil && p.brightest != nil
}
