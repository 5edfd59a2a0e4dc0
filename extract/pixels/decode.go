package pixels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// Reason is why a file is no picture, short enough for a table.
type Reason string

const (
	Empty       Reason = "empty file"
	NotAnImage  Reason = "not an image"
	Unsupported Reason = "unsupported format"
	TooLarge    Reason = "too large"
	Damaged     Reason = "damaged or truncated"
)

// Error is the error of Decode.
type Error struct {
	Reason Reason
	Err    error // the decoder's words, or the limit; nil where the reason says it all
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// DefaultMaxPixels is where Pillow too takes a picture for a decompression bomb.
const DefaultMaxPixels = 178956970

// DecodeOptions are the settings of Decode. The zero value suits training-time preprocessing with upright pictures.
type DecodeOptions struct {
	IgnoreEXIF bool // leave pictures as they are stored, as torchvision does
	MaxPixels  int  // largest width·height; DefaultMaxPixels when < 1

	// Room is a picture that is no longer wanted, whose memory the next one may take. Most decoders use it.
	Room *Image
}

// Info says what a file was.
type Info struct {
	Format        string // "jpeg", "png", "gif", "bmp", "tiff", "webp"
	Decoder       string // what made the pixels: GoDecoder or LibjpegTurbo
	Width, Height int    // as stored, before the orientation
	Orientation   int    // of EXIF, 1 to 8; 1 where there is none
}

// The decoders. They gave the same pixels of every JPEG that was tried, with libjpeg-turbo 2.1; older ones may differ by a level or two.
const (
	GoDecoder    = "go"
	LibjpegTurbo = "libjpeg-turbo"
)

// JPEGDecoder says what decodes JPEG files on this machine: LibjpegTurbo where the library can be loaded, else GoDecoder.
func JPEGDecoder() string {
	if turbo() != nil {
		return LibjpegTurbo
	}
	return GoDecoder
}

// format is one kind of file: how it starts and how it is read.
type format struct {
	name   string
	is     func(b []byte) bool
	config func(r io.Reader) (image.Config, error)
	decode func(b []byte, room *Image) (*Image, error)
}

func prefix(s string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(s)) }
}

func formats() []format {
	return []format{
		{"jpeg", prefix("\xff\xd8\xff"), configJPEG, decodeJPEG},
		{"png", prefix("\x89PNG\r\n\x1a\n"), png.DecodeConfig, decodePNG},
		{"gif", func(b []byte) bool { return prefix("GIF87a")(b) || prefix("GIF89a")(b) }, gif.DecodeConfig, decodeGIF},
		{"bmp", prefix("BM"), bmp.DecodeConfig, standard(bmp.Decode)},
		{"tiff", func(b []byte) bool { return prefix("II*\x00")(b) || prefix("MM\x00*")(b) }, configTIFF, decodeTIFF},
		{"webp", func(b []byte) bool { return len(b) >= 12 && prefix("RIFF")(b) && string(b[8:12]) == "WEBP" }, configWebP, decodeWebP},
	}
}

// Decode is DecodeContext without an end.
func Decode(b []byte, o DecodeOptions) (*Image, Info, error) {
	return DecodeContext(context.Background(), b, o)
}

// DecodeContext reads a picture of any supported format, told by its content, until ctx ends. Errors are *Error, or ctx's own.
func DecodeContext(ctx context.Context, b []byte, o DecodeOptions) (*Image, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, err
	}
	return decode(b, o, turbo() != nil)
}

// Cost is the most memory, in bytes, that decoding the file b will take beside b itself: pixels, planes, coefficients, tiles. Only headers
// are read. Errors are those that DecodeContext would give for the same headers.
func Cost(b []byte, o DecodeOptions) (int64, error) {
	if o.MaxPixels < 1 {
		o.MaxPixels = DefaultMaxPixels
	}
	for _, f := range formats() {
		if !f.is(b) {
			continue
		}
		c, err := f.config(bytes.NewReader(b))
		if err != nil {
			return 0, &Error{reasonOf(err), err}
		}
		if c.Width < 1 || c.Height < 1 || c.Width > o.MaxPixels/c.Height {
			return 0, &Error{TooLarge, fmt.Errorf("%d×%d pixels, at most %d are decoded", c.Width, c.Height, o.MaxPixels)}
		}
		const most = 16 // bytes a pixel: coefficients and planes, or 16-bit colours, and the result twice when it is turned
		return most * int64(c.Width) * int64(c.Height), nil
	}
	return 0, &Error{Reason: NotAnImage}
}

// decode is Decode with libjpeg-turbo or without it.
func decode(b []byte, o DecodeOptions, fast bool) (*Image, Info, error) {
	if len(b) == 0 {
		return nil, Info{}, &Error{Reason: Empty}
	}
	if o.MaxPixels < 1 {
		o.MaxPixels = DefaultMaxPixels
	}
	for _, f := range formats() {
		if !f.is(b) {
			continue
		}
		c, err := f.config(bytes.NewReader(b))
		if err != nil {
			return nil, Info{}, &Error{reasonOf(err), err}
		}
		info := Info{Format: f.name, Decoder: GoDecoder, Width: c.Width, Height: c.Height, Orientation: 1}
		if c.Width < 1 || c.Height < 1 {
			return nil, info, &Error{Damaged, fmt.Errorf("a picture of %d×%d", c.Width, c.Height)}
		}
		if c.Width > o.MaxPixels/c.Height {
			return nil, info, &Error{TooLarge, fmt.Errorf("%d×%d pixels, at most %d are decoded", c.Width, c.Height, o.MaxPixels)}
		}
		if !o.IgnoreEXIF {
			info.Orientation = orientation(f.name, b)
		}
		decode := f.decode
		if fast && f.name == "jpeg" {
			decode, info.Decoder = turbo().decode, LibjpegTurbo
		}
		im, err := decode(b, o.Room)
		if err != nil {
			return nil, info, &Error{reasonOf(err), err}
		}
		return im.oriented(info.Orientation), info, nil
	}
	if brand, ok := heif(b); ok {
		return nil, Info{}, &Error{Unsupported, fmt.Errorf("%s: convert it to JPEG or PNG first", brand)}
	}
	return nil, Info{}, &Error{Reason: NotAnImage}
}

// reasonOf tells features that a decoder does not know from damage.
func reasonOf(err error) Reason {
	var (
		inJPEG jpeg.UnsupportedError
		inPNG  png.UnsupportedError
		inTIFF tiff.UnsupportedError
	)
	if errors.As(err, &inJPEG) || errors.As(err, &inPNG) || errors.As(err, &inTIFF) || errors.Is(err, bmp.ErrUnsupported) {
		return Unsupported
	}
	return Damaged
}

// heif tells HEIC and AVIF files by their brand.
func heif(b []byte) (string, bool) {
	if len(b) < 12 || string(b[4:8]) != "ftyp" {
		return "", false
	}
	switch string(b[8:12]) {
	case "heic", "heix", "hevc", "heim", "heis", "mif1", "msf1":
		return "HEIC", true
	case "avif", "avis":
		return "AVIF", true
	}
	return "", false
}

func standard(decode func(io.Reader) (image.Image, error)) func([]byte, *Image) (*Image, error) {
	return func(b []byte, room *Image) (*Image, error) {
		m, err := decode(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return fromImage(m, room)
	}
}

func decodePNG(b []byte, room *Image) (*Image, error) {
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	const depth, colourType = 24, 25 // places in the header chunk, which always comes first
	if b[depth] == 16 && b[colourType] == 0 {
		return clippedGrey(m), nil
	}
	return fromImage(m, room)
}

// clippedGrey is Pillow's conversion of 16-bit grey: whatever is above 255 is white.
func clippedGrey(m image.Image) *Image {
	r := m.Bounds()
	out := newImage(r.Dx(), r.Dy())
	for i := range out.Width * out.Height {
		v := color.Gray16Model.Convert(m.At(r.Min.X+i%out.Width, r.Min.Y+i/out.Width)).(color.Gray16).Y
		g := uint8(min(v, 255))
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = g, g, g
	}
	return out
}

// decodeGIF puts the first frame on the picture's canvas.
func decodeGIF(b []byte, _ *Image) (*Image, error) {
	b = opaqueGIF(b)
	c, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	m, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	frame, err := FromImage(m)
	if err != nil {
		return nil, err
	}
	at := m.Bounds()
	return frame.placed(c.Width, c.Height, at.Min.X, at.Min.Y), nil
}

// opaqueGIF clears the transparency of the first frame, so that the decoder leaves the colour of such pixels in the palette.
func opaqueGIF(b []byte) []byte {
	const screen = 13
	at := screen
	if len(b) < screen {
		return b
	}
	if flags := b[10]; flags&0x80 != 0 {
		at += 3 << (flags&7 + 1)
	}
	for at+8 <= len(b) && b[at] == 0x21 { // extensions before the first picture
		if b[at+1] == 0xf9 && b[at+2] >= 1 && b[at+3]&1 != 0 {
			b = bytes.Clone(b)
			b[at+3] &^= 1
		}
		for at += 2; at < len(b) && b[at] != 0; {
			at += 1 + int(b[at])
		}
		at++
	}
	return b
}

// FromImage copies a picture of any type into 8-bit RGB, dropping alpha without multiplying by it. It fails on one without pixels.
func FromImage(m image.Image) (*Image, error) { return fromImage(m, nil) }

func fromImage(m image.Image, room *Image) (*Image, error) {
	r := m.Bounds()
	if r.Dx() < 1 || r.Dy() < 1 {
		return nil, errors.New("a picture without pixels")
	}
	if m, ok := m.(*image.Gray16); ok {
		return clippedGrey(m), nil
	}
	out := room.sized(r.Dx(), r.Dy())
	for y := range out.Height {
		row := out.Pix[3*y*out.Width : 3*(y+1)*out.Width]
		switch m := m.(type) {
		case *image.Gray:
			for x, v := range m.Pix[y*m.Stride:][:out.Width] {
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		case *image.NRGBA:
			everyFourth(row, m.Pix[y*m.Stride:])
		case *image.RGBA:
			if !m.Opaque() {
				general(row, m, r.Min.X, r.Min.Y+y)
				continue
			}
			everyFourth(row, m.Pix[y*m.Stride:])
		case *image.Paletted:
			for x, i := range m.Pix[y*m.Stride:][:out.Width] {
				if int(i) >= len(m.Palette) {
					return nil, fmt.Errorf("colour %d of a palette of %d", i, len(m.Palette))
				}
				c := color.NRGBAModel.Convert(m.Palette[i]).(color.NRGBA)
				if n, ok := m.Palette[i].(color.NRGBA); ok {
					c = n // conversion would lose the colour of what is wholly transparent
				}
				row[3*x], row[3*x+1], row[3*x+2] = c.R, c.G, c.B
			}
		case *image.NRGBA64:
			for x := range out.Width {
				p := m.Pix[y*m.Stride+8*x:]
				row[3*x], row[3*x+1], row[3*x+2] = p[0], p[2], p[4]
			}
		case *image.RGBA64:
			for x := range out.Width {
				p := m.Pix[y*m.Stride+8*x:]
				row[3*x], row[3*x+1], row[3*x+2] = p[0], p[2], p[4]
			}
		default:
			general(row, m, r.Min.X, r.Min.Y+y)
		}
	}
	return out, nil
}

func everyFourth(row, from []uint8) {
	for x := 0; x < len(row); x += 3 {
		p := from[x/3*4:]
		row[x], row[x+1], row[x+2] = p[0], p[1], p[2]
	}
}

func general(row []uint8, m image.Image, x0, y int) {
	for x := 0; x < len(row); x += 3 {
		c := color.NRGBAModel.Convert(m.At(x0+x/3, y)).(color.NRGBA)
		row[x], row[x+1], row[x+2] = c.R, c.G, c.B
	}
}
