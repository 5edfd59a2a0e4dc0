package pixels

import (
	"context"
	"iconic/internal/kernel"
)

// The loop filter (RFC 6386, section 15) smooths the borders between macroblocks and between their blocks. Predictions use unfiltered
// samples, so the filter runs after all rows are decoded.

// vp8Smoothing says how a macroblock's borders are smoothed.
type vp8Smoothing struct {
	limit, inside, steep uint8 // largest differences that are smoothed: across a border, on both sides of it, and beside it; limit 0: no smoothing
	inner                bool  // smooth the borders between its blocks, too
}

// readSmoothing reads the filter's header (sections 9.3 and 9.6) and computes the settings of each segment.
func (d *vp8Decoder) readSmoothing(segmented, relative bool, levels [4]int) {
	r := &d.modes
	d.simple = r.flag()
	level, sharpness := r.number(6), r.number(3)
	d.smooth = level > 0
	ofKey, ofParted := 0, 0 // changes of the level: for key frames, and for macroblocks with a mode per block
	if r.flag() {
		var changes [8]int
		if r.flag() {
			for i := range changes {
				changes[i] = r.optional(6)
			}
		}
		ofKey, ofParted = changes[0], changes[4]
	}
	for i := range d.segments {
		base := level
		if segmented && relative {
			base += levels[i]
		} else if segmented {
			base = levels[i]
		}
		d.segments[i].whole = newVP8Smoothing(base+ofKey, sharpness)
		d.segments[i].parted = newVP8Smoothing(base+ofKey+ofParted, sharpness)
		d.segments[i].parted.inner = true
	}
}

func newVP8Smoothing(level, sharpness int) vp8Smoothing {
	if level = min(level, 63); level <= 0 {
		return vp8Smoothing{}
	}
	inside := level
	if sharpness > 0 {
		inside >>= 1
		if sharpness > 4 {
			inside >>= 1
		}
		inside = min(inside, 9-sharpness)
	}
	inside = max(inside, 1)
	s := vp8Smoothing{limit: uint8(2*level + inside), inside: uint8(inside)}
	switch {
	case level >= 40:
		s.steep = 2
	case level >= 15:
		s.steep = 1
	}
	return s
}

// smoothAll smooths one macroblock after the other: its left border, its inner vertical ones, its upper border, and its inner horizontal
// ones.
func (d *vp8Decoder) smoothAll(ctx context.Context) error {
	for y := range d.down {
		if err := ctx.Err(); err != nil {
			return err
		}
		for x := range d.across {
			s := d.smoothings[y*d.across+x]
			if s.limit == 0 {
				continue
			}
			if d.simple {
				d.planes[0].smoothSimply(x, y, s)
				continue
			}
			d.planes[0].smooth(x, y, 16, s)
			d.planes[1].smooth(x, y, 8, s)
			d.planes[2].smooth(x, y, 8, s)
		}
	}
	return nil
}

// outer is how much larger the limit is between macroblocks than between blocks.
const outer = 4

func (p *vp8Plane) smoothSimply(x, y int, s vp8Smoothing) {
	at := p.first + 16*(y*p.stride+x)
	for _, way := range [2]struct {
		border      bool
		along, over int
	}{{x > 0, p.stride, 1}, {y > 0, 1, p.stride}} {
		if way.border {
			p.simpleBorder(at, way.along, way.over, int(s.limit)+outer)
		}
		for i := 4; i < 16 && s.inner; i += 4 {
			p.simpleBorder(at+i*way.over, way.along, way.over, int(s.limit))
		}
	}
}

func (p *vp8Plane) simpleBorder(at, along, over, limit int) {
	for range 16 {
		p1, p0, q0, q1 := int(p.pix[at-2*over]), int(p.pix[at-over]), int(p.pix[at]), int(p.pix[at+over])
		if 2*distance(p0, q0)+distance(p1, q1)/2 <= limit {
			p.pix[at-over], p.pix[at] = vp8Nearer(p0, q0, vp8Signed(p1-q1))
		}
		at += along
	}
}

func (p *vp8Plane) smooth(x, y, side int, s vp8Smoothing) {
	at := p.first + side*(y*p.stride+x)
	for _, way := range [2]struct {
		border      bool
		along, over int
	}{{x > 0, p.stride, 1}, {y > 0, 1, p.stride}} {
		if way.border {
			p.border(at, side, way.along, way.over, int(s.limit)+outer, s, false)
		}
		for i := 4; i < side && s.inner; i += 4 {
			p.border(at+i*way.over, side, way.along, way.over, int(s.limit), s, true)
		}
	}
}

// border smooths the border before the samples from at along it; inner borders change four samples, others six.
func (p *vp8Plane) border(at, side, along, over, limit int, s vp8Smoothing, inner bool) {
	inside, steep := int(s.inside), int(s.steep)
	for end := at + side*along; at != end; at += along {
		p1, p0, q0, q1 := int(p.pix[at-2*over]), int(p.pix[at-over]), int(p.pix[at]), int(p.pix[at+over])
		if 2*distance(p0, q0)+distance(p1, q1)/2 > limit {
			continue
		}
		p3, p2, q2, q3 := int(p.pix[at-4*over]), int(p.pix[at-3*over]), int(p.pix[at+2*over]), int(p.pix[at+3*over])
		if distance(p3, p2) > inside || distance(p2, p1) > inside || distance(p1, p0) > inside ||
			distance(q1, q0) > inside || distance(q2, q1) > inside || distance(q3, q2) > inside {
			continue
		}
		switch {
		case distance(p1, p0) > steep || distance(q1, q0) > steep:
			p.pix[at-over], p.pix[at] = vp8Nearer(p0, q0, vp8Signed(p1-q1))
		case inner:
			a := 3 * (q0 - p0)
			step := vp8Step(a + 4)
			p.pix[at-over], p.pix[at] = vp8Nearer(p0, q0, 0)
			p.pix[at-2*over], p.pix[at+over] = vp8Sample(p1+(step+1)>>1), vp8Sample(q1-(step+1)>>1)
		default:
			w := vp8Signed(vp8Signed(p1-q1) + 3*(q0-p0))
			a, b, c := (27*w+63)>>7, (18*w+63)>>7, (9*w+63)>>7
			p.pix[at-over], p.pix[at] = vp8Sample(p0+a), vp8Sample(q0-a)
			p.pix[at-2*over], p.pix[at+over] = vp8Sample(p1+b), vp8Sample(q1-b)
			p.pix[at-3*over], p.pix[at+2*over] = vp8Sample(p2+c), vp8Sample(q2-c)
		}
	}
}

// vp8Nearer moves the two samples at a border towards each other.
func vp8Nearer(p0, q0, extra int) (uint8, uint8) {
	a := extra + 3*(q0-p0)
	return vp8Sample(p0 + vp8Step(a+3)), vp8Sample(q0 - vp8Step(a+4))
}

// vp8Step is an eighth of a number clamped to a signed byte.
func vp8Step(v int) int { return vp8Signed(v) >> 3 }

func vp8Signed(v int) int { return min(max(v, -128), 127) }

func vp8Sample(v int) uint8 { return kernel.Clip(int32(v)) }

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}
