package pixels

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"math"
	"os"
	"strings"
)

// Reason says why a file is not a usable picture, in words short enough for a table.
type Reason string

const (
	Empty       Reason = "empty file"           // the file has no bytes
	NotAnImage  Reason = "not an image"         // the file does not begin like a picture
	Unsupported Reason = "unsupported format"   // a kind of picture that is not supported
	TooLarge    Reason = "too large"            // more pixels or bytes than allowed
	Damaged     Reason = "damaged or truncated" // the file begins like a picture, but the rest is missing or wrong
)

// Error is the error of Decode.
type Error struct {
	Reason Reason
	Err    error // the decoder's error, or the limit; nil if the reason is sufficient
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// DefaultMaxPixels is the size from which Pillow, too, considers a picture a decompression bomb.
const DefaultMaxPixels = 178956970

// mostSide bounds the side of a picture: a row is read in one step, and resizing needs weights for a row. JPEG, GIF and WebP have lower
// limits.
const mostSide = 1 << 20

// DecodeOptions are the settings of Decode. The zero value suits the preprocessing of training, with upright pictures.
type DecodeOptions struct {
	IgnoreEXIF bool // ignore the orientation in EXIF data, as torchvision does
	MaxPixels  int  // largest width·height; DefaultMaxPixels if < 1

	// Room is a picture no longer needed, whose memory the next one may reuse. Most decoders use it.
	Room *Image
}

// Info describes a decoded file.
type Info struct {
	Format        string // "jpeg", "png", "gif", "bmp", "tiff", "webp"
	Decoder       string // decoder that made the pixels: GoDecoder or LibjpegTurbo
	Width, Height int    // as stored, before the orientation
	Orientation   int    // EXIF orientation, 1 to 8; 1 if there is none
	Dark          bool   // its samples have 16 bits, and all are below 4096, so that at most 16 of 256 levels are left; only Decode tells
}

// The decoders. They gave the same pixels for every JPEG tried, with libjpeg-turbo 2.1; older versions may differ by a level or two.
const (
	GoDecoder    = "go"
	LibjpegTurbo = "libjpeg-turbo"
)

// decoderVariable names the environment variable that selects the decoder of JPEG files.
const decoderVariable = "ICONIC_JPEG"

// Check rejects a name in the environment that is no choice of decoder; libjpeg-turbo, if there is one, is in use then.
func Check() error {
	if name := os.Getenv(decoderVariable); name != "" && name != GoDecoder {
		return fmt.Errorf("%s=%q: no choice of that name; want %s, or leave it unset for libjpeg-turbo where there is one", decoderVariable, name, GoDecoder)
	}
	return nil
}

// JPEGDecoder is the decoder of JPEG files on this machine: LibjpegTurbo if the library can be loaded, otherwise GoDecoder.
func JPEGDecoder() string {
	if turbo() != nil {
		return LibjpegTurbo
	}
	return GoDecoder
}

// plan is a picture whose headers have been read, before anything is allocated for it.
type plan struct {
	width, height int
	piece         int64  // pixels of the largest tile, strip or frame, if it may be larger than the picture
	bytes         int64  // memory for decoding besides the result
	decoder       string // LibjpegTurbo, or "" for GoDecoder
	decode        func(ctx context.Context, room *Image) (*Image, error)
	brightest     *brightest // set by decode; nil unless it reduces samples of 16 bits to their high byte
}

// decoderBytes is the memory for the tables and buffers of any decoder.
const decoderBytes = 128 << 10

// format is one file format: how it begins, and how its headers are read. fast allows it to use libjpeg-turbo.
type format struct {
	name      string
	extension string
	is        func(b []byte) bool
	open      func(b []byte, fast bool) (*plan, error)
}

func prefix(s string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(s)) }
}

func formats() []format {
	return []format{
		{"jpeg", ".jpg", prefix("\xff\xd8\xff"), openJPEG},
		{"png", ".png", prefix("\x89PNG\r\n\x1a\n"), openPNG},
		{"gif", ".gif", func(b []byte) bool { return prefix("GIF87a")(b) || prefix("GIF89a")(b) }, openGIF},
		{"bmp", ".bmp", prefix("BM"), openBMP},
		{"tiff", ".tiff", isTIFF, openTIFF},
		{"webp", ".webp", func(b []byte) bool { return len(b) >= 12 && prefix("RIFF")(b) && string(b[8:12]) == "WEBP" }, openWebP},
		{"netpbm", ".pnm", isNetpbm, openNetpbm},
	}
}

// Extension is the usual extension of a picture's format, with its dot, found from the first bytes; "" if they are not a picture's.
func Extension(head []byte) string {
	for _, f := range formats() {
		if f.is(head) {
			return f.extension
		}
	}
	return ""
}

// Decode is DecodeContext without cancellation.
func Decode(b []byte, o DecodeOptions) (*Image, Info, error) {
	return DecodeContext(context.Background(), b, o)
}

// DecodeContext reads a picture of any supported format, recognised by its content: the first one, of a file for which Several is true. It works in small steps and ends soon after ctx does.
// Errors are *Error, or ctx's own.
func DecodeContext(ctx context.Context, b []byte, o DecodeOptions) (*Image, Info, error) {
	return decode(ctx, b, o, turbo() != nil)
}

// Cost is the largest amount of memory, in bytes, that decoding the file b will take besides b itself: pixels, planes, coefficients, tiles.
// It reads only the headers and allocates little. Its errors are those that DecodeContext would return for the same headers.
func Cost(b []byte, o DecodeOptions) (int64, error) {
	p, info, err := open(b, o, turbo() != nil)
	if err != nil {
		return 0, err
	}
	pixels := 3 * int64(p.width) * int64(p.height)
	if info.Orientation > 1 {
		pixels *= 2
	}
	return pixels + p.bytes, nil
}

// open finds a file's format, reads its headers and checks them against the limits.
func open(b []byte, o DecodeOptions, fast bool) (*plan, Info, error) {
	if o.MaxPixels < 1 {
		o.MaxPixels = DefaultMaxPixels
	}
	for _, f := range formats() {
		if !f.is(b) {
			continue
		}
		p, err := f.open(b, fast)
		if err != nil {
			return nil, Info{}, explained(err)
		}
		info := Info{Format: f.name, Decoder: GoDecoder, Width: p.width, Height: p.height, Orientation: 1}
		if p.decoder != "" {
			info.Decoder = p.decoder
		}
		if p.width < 1 || p.height < 1 {
			return nil, info, &Error{Damaged, fmt.Errorf("its size is %d×%d", p.width, p.height)}
		}
		if p.width > mostSide || p.height > mostSide {
			return nil, info, &Error{TooLarge, fmt.Errorf("%d×%d pixels, and the longest supported side is %d", p.width, p.height, mostSide)}
		}
		if p.width > o.MaxPixels/p.height {
			return nil, info, &Error{TooLarge, fmt.Errorf("%d×%d pixels, more than the limit of %d", p.width, p.height, o.MaxPixels)}
		}
		if p.piece > int64(o.MaxPixels) {
			return nil, info, &Error{TooLarge, fmt.Errorf("a tile, strip or frame of %d pixels, more than the limit of %d", p.piece, o.MaxPixels)}
		}
		if !o.IgnoreEXIF {
			info.Orientation = orientation(f.name, b)
		}
		return p, info, nil
	}
	if err := Recognise(b); err != nil {
		return nil, Info{}, err
	}
	return nil, Info{}, &Error{Reason: NotAnImage}
}

// decode is DecodeContext with or without libjpeg-turbo.
func decode(ctx context.Context, b []byte, o DecodeOptions, fast bool) (*Image, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, err
	}
	p, info, err := open(b, o, fast)
	if err != nil {
		return nil, info, err
	}
	im, err := p.decode(ctx, o.Room)
	if err != nil {
		if ctx.Err() != nil {
			return nil, info, ctx.Err()
		}
		return nil, info, explained(err)
	}
	info.Dark = p.brightest.dark()
	if im, err = im.oriented(ctx, info.Orientation); err != nil {
		return nil, info, err
	}
	return im, info, nil
}

// unsupported names a feature that the decoders do not support.
type unsupported string

func (u unsupported) Error() string { return string(u) + ": convert it to JPEG or PNG first" }

// explained adds the reason to an error: an unsupported feature is not damage.
func explained(err error) error {
	var (
		known  *Error
		ours   unsupported
		inJPEG jpeg.UnsupportedError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &ours), errors.As(err, &inJPEG):
		return &Error{Unsupported, err}
	}
	return &Error{Damaged, err}
}

// each checks the context at every 32nd row, or more often if rows are long.
func each(ctx context.Context, row, width int) error {
	const most = 1 << 16 // pixels between two checks, except for the rest of a row
	if row%min(max(most/width, 1), 32) == 0 {
		return ctx.Err()
	}
	return nil
}

// reader is a file that stops when its context ends.
type reader struct {
	io.Reader
	ctx context.Context
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p[:min(len(p), 1<<14)])
}

func openGIF(b []byte, _ bool) (*plan, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	widenGIF(b, &c)
	return &plan{
		width: c.Width, height: c.Height, bytes: 4*int64(c.Width)*int64(c.Height) + 2*int64(len(b)) + decoderBytes,
		decode: func(ctx context.Context, room *Image) (*Image, error) { return decodeGIF(ctx, b, c, room) },
	}, nil
}

// decodeGIF draws the first frame on the picture's canvas. A file may lack its end, the terminator of the last block and the trailer: all
// pixels lie before it.
func decodeGIF(ctx context.Context, b []byte, c image.Config, room *Image) (*Image, error) {
	whole := io.MultiReader(bytes.NewReader(mendedGIF(b, c)), strings.NewReader("\x00\x3b"))
	m, err := gif.Decode(reader{whole, ctx})
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("unexpected frame type %T", m)
	}
	var colours [256][3]uint8
	for i, colour := range frame.Palette {
		c := color.NRGBAModel.Convert(colour).(color.NRGBA)
		colours[i] = [3]uint8{c.R, c.G, c.B}
	}
	at := frame.Bounds()
	out := room.sized(c.Width, c.Height) // black outside the frame
	for y := range at.Dy() {
		if err := each(ctx, y, at.Dx()); err != nil {
			return nil, err
		}
		row := out.Pix[3*((at.Min.Y+y)*c.Width+at.Min.X):]
		for x, i := range frame.Pix[y*frame.Stride:][:at.Dx()] {
			if int(i) >= len(frame.Palette) {
				return nil, fmt.Errorf("colour %d in a palette of %d", i, len(frame.Palette))
			}
			copy(row[3*x:3*x+3], colours[i][:])
		}
	}
	return out, nil
}

// gifScreen is the size of a GIF's signature and screen descriptor in bytes, and gifFrame that of a frame's position and size.
const (
	gifScreen = 13
	gifFrame  = 9
)

// firstGIFFrame is the offset of what follows the palette and the extensions at the start of a file, which is the first frame. It calls
// control with the offset of each graphic control extension among them.
func firstGIFFrame(b []byte, control func(at int)) int {
	at := gifScreen
	if len(b) < at {
		return len(b)
	}
	if flags := b[10]; flags&0x80 != 0 {
		at += 3 << (flags&7 + 1)
	}
	for at+8 <= len(b) && b[at] == 0x21 {
		if b[at+1] == 0xf9 && b[at+2] >= 1 {
			control(at)
		}
		for at += 2; at < len(b) && b[at] != 0; {
			at += 1 + int(b[at])
		}
		at++
	}
	return at
}

// widenGIF extends the screen to a first frame that reaches beyond it, as browsers and Pillow do; some writers state no screen at all.
func widenGIF(b []byte, c *image.Config) {
	at := firstGIFFrame(b, func(int) {})
	if at+1+gifFrame > len(b) || b[at] != 0x2c {
		return
	}
	le, frame := binary.LittleEndian, b[at+1:]
	right, bottom := int(le.Uint16(frame))+int(le.Uint16(frame[4:])), int(le.Uint16(frame[2:]))+int(le.Uint16(frame[6:]))
	if max(right, bottom) <= math.MaxUint16 {
		c.Width, c.Height = max(c.Width, right), max(c.Height, bottom)
	}
}

// mendedGIF is the file with the screen's size from c and without the transparency of the first frame, so that the decoder keeps the palette
// colour of transparent pixels.
func mendedGIF(b []byte, c image.Config) []byte {
	out := b
	own := func() []byte { // there may be any number of extensions
		if &out[0] == &b[0] {
			out = bytes.Clone(b)
		}
		return out
	}
	firstGIFFrame(b, func(at int) {
		if b[at+3]&1 != 0 {
			own()[at+3] &^= 1
		}
	})
	le, width, height := binary.LittleEndian, uint16(c.Width), uint16(c.Height)
	if le.Uint16(b[6:]) != width || le.Uint16(b[8:]) != height {
		le.PutUint16(own()[6:], width)
		le.PutUint16(own()[8:], height)
	}
	return out
}
