package synthetic

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// figure reports whether the point (x, y) belongs to the foreground. The motif has a size of about 1; r adds the variation within a class
// when the figure is made.
type figure func(x, y float64) bool

// class is a name, and a function that makes its figures.
type class struct {
	name string
	make func(r *rand.Rand) figure
}

func classes() []class {
	return []class{
		{"checkers", checkers},
		{"cross", cross},
		{"disc", disc},
		{"dots", dots},
		{"grid", grid},
		{"marble", marble},
		{"rings", rings},
		{"star", star},
		{"stripes", stripes},
		{"triangle", triangle},
	}
}

// Classes are the names, in the order of their numbers.
func Classes() []string {
	var names []string
	for _, c := range classes() {
		names = append(names, c.name)
	}
	return names
}

func checkers(r *rand.Rand) figure {
	f := 2.2 + r.Float64()
	return func(x, y float64) bool { return (int(math.Floor(x*f))+int(math.Floor(y*f)))%2 == 0 }
}

func cross(r *rand.Rand) figure {
	width := 0.16 + 0.08*r.Float64()
	return func(x, y float64) bool {
		x, y = math.Abs(x), math.Abs(y)
		return min(x, y) < width && max(x, y) < 0.8
	}
}

func disc(r *rand.Rand) figure {
	flat := 0.85 + 0.15*r.Float64()
	return func(x, y float64) bool { return math.Hypot(x, y/flat) < 0.7 }
}

func dots(r *rand.Rand) figure {
	f, size := 1.9+r.Float64(), 0.24+0.08*r.Float64()
	return func(x, y float64) bool {
		x, y = x*f, y*f
		return math.Hypot(x-math.Round(x), y-math.Round(y)) < size
	}
}

func grid(r *rand.Rand) figure {
	f, width := 1.6+0.8*r.Float64(), 0.1+0.05*r.Float64()
	return func(x, y float64) bool {
		x, y = x*f, y*f
		return min(math.Abs(x-math.Round(x)), math.Abs(y-math.Round(y))) < width
	}
}

// marble is the level set of a few waves in random directions.
func marble(r *rand.Rand) figure {
	const waves = 6
	var kx, ky, phase [waves]float64
	for i := range waves {
		angle, f := 2*math.Pi*r.Float64(), 3+4*r.Float64()
		kx[i], ky[i], phase[i] = f*math.Cos(angle), f*math.Sin(angle), 2*math.Pi*r.Float64()
	}
	return func(x, y float64) bool {
		sum := 0.0
		for i := range waves {
			sum += math.Sin(kx[i]*x + ky[i]*y + phase[i])
		}
		return sum > 0
	}
}

func rings(r *rand.Rand) figure {
	f, phase := 2.2+r.Float64(), r.Float64()
	return func(x, y float64) bool {
		v := math.Hypot(x, y)*f + phase
		return v-math.Floor(v) < 0.5
	}
}

func star(r *rand.Rand) figure {
	inner := 0.34 + 0.08*r.Float64()
	return func(x, y float64) bool {
		const points = 5
		radius, angle := math.Hypot(x, y), math.Atan2(y, x)/(2*math.Pi)*points
		angle = math.Abs(angle - math.Round(angle)) // 0 at a tip, ½ between two
		// The edge is the straight line from a tip to a notch.
		a := angle * 2 * math.Pi / points
		tx, ty := 0.9, 0.0
		nx, ny := 0.9*inner*math.Cos(math.Pi/points), 0.9*inner*math.Sin(math.Pi/points)
		px, py := radius*math.Cos(a), radius*math.Sin(a)
		return (nx-tx)*(py-ty)-(ny-ty)*(px-tx) > 0
	}
}

func stripes(r *rand.Rand) figure {
	f, share := 2+1.2*r.Float64(), 0.4+0.2*r.Float64()
	return func(x, _ float64) bool {
		v := x * f
		return v-math.Floor(v) < share
	}
}

func triangle(r *rand.Rand) figure {
	tall := 0.9 + 0.2*r.Float64()
	return func(x, y float64) bool {
		y /= tall
		return y < 0.5 && y > -1+math.Sqrt(3)*math.Abs(x)
	}
}

// Draw draws a picture of a class, size×size. It fails on a class out of range or a size below 8.
func Draw(number int, seed uint64, size int) (*image.RGBA, error) {
	all := classes()
	if number < 0 || number >= len(all) {
		return nil, fmt.Errorf("class %d: want 0 to %d", number, len(all)-1)
	}
	if size < 8 || size > 4096 {
		return nil, fmt.Errorf("size %d: want 8 to 4096 pixels", size)
	}
	r := rand.New(rand.NewPCG(seed, uint64(number)))
	f := all[number].make(r)
	front, back := colours(r)
	turn, scale := 0.8*r.Float64()-0.4, 0.85+0.3*r.Float64()
	dx, dy := 0.3*r.Float64()-0.15, 0.3*r.Float64()-0.15
	light, lightAngle := 0.35*r.Float64(), 2*math.Pi*r.Float64()
	grain := 0.02 + 0.05*r.Float64()
	sin, cos := math.Sincos(turn)
	lx, ly := light*math.Cos(lightAngle), light*math.Sin(lightAngle)

	const samples = 3 // per side, for antialiasing
	m := image.NewRGBA(image.Rect(0, 0, size, size))
	for py := range size {
		for px := range size {
			hits := 0
			for s := range samples * samples {
				u := (2*(float64(px)+(float64(s%samples)+0.5)/samples)/float64(size) - 1 - dx) / scale
				v := (2*(float64(py)+(float64(s/samples)+0.5)/samples)/float64(size) - 1 - dy) / scale
				if f(cos*u-sin*v, sin*u+cos*v) {
					hits++
				}
			}
			share := float64(hits) / (samples * samples)
			shade := 1 + lx*(2*float64(px)/float64(size)-1) + ly*(2*float64(py)/float64(size)-1)
			var c [3]uint8
			for i := range c {
				v := shade*(share*front[i]+(1-share)*back[i]) + grain*r.NormFloat64()
				c[i] = uint8(255*min(max(v, 0), 1) + 0.5)
			}
			m.SetRGBA(px, py, color.RGBA{c[0], c[1], c[2], 255})
		}
	}
	return m, nil
}

// colours draws foreground and background, neither specific to a class; the foreground is the brighter one.
func colours(r *rand.Rand) (front, back [3]float64) {
	for {
		brighter := 0.0
		for i := range front {
			front[i], back[i] = 0.1+0.8*r.Float64(), 0.1+0.8*r.Float64()
			brighter += front[i] - back[i]
		}
		if brighter > 0.5 {
			return front, back
		}
	}
}
