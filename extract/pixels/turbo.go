//go:build (linux || darwin) && (amd64 || arm64)

package pixels

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/ebitengine/purego"
)

// libjpegTurbo is the system's libjpeg-turbo, loaded at run time through its TurboJPEG interface (turbojpeg.h, version 2).
// Its pixels are Pillow's own.
type libjpegTurbo struct {
	initDecompress func() uintptr
	destroy        func(handle uintptr) int32
	header         func(handle uintptr, b *byte, size uint64, width, height, subsampling, colourspace *int32) int32
	decompress     func(handle uintptr, b *byte, size uint64, dst *byte, width, pitch, height, format, flags int32) int32
	message        func(handle uintptr) string
	code           func(handle uintptr) int32
}

// From turbojpeg.h.
const (
	turboRGB         = 0
	turboCMYK        = 11
	turboSpaceCMYK   = 3
	turboSpaceYCCK   = 4
	turboAccurateDCT = 4096
	turboFatal       = 1
)

// turbo loads the library once; it is nil if there is none or ICONIC_JPEG=go selects plain Go.
var turbo = sync.OnceValue(func() *libjpegTurbo {
	if os.Getenv(decoderVariable) == GoDecoder {
		return nil
	}
	for _, name := range []string{"libturbojpeg.so.0", "libturbojpeg.0.dylib", "/opt/homebrew/lib/libturbojpeg.0.dylib"} {
		lib, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			continue
		}
		t := &libjpegTurbo{}
		complete := true
		for symbol, function := range map[string]any{
			"tjInitDecompress": &t.initDecompress, "tjDestroy": &t.destroy, "tjDecompressHeader3": &t.header,
			"tjDecompress2": &t.decompress, "tjGetErrorStr2": &t.message, "tjGetErrorCode": &t.code,
		} {
			address, err := purego.Dlsym(lib, symbol)
			if err != nil {
				complete = false
				break
			}
			purego.RegisterFunc(function, address)
		}
		if complete {
			return t
		}
	}
	return nil
})

// decode reads a JPEG whose headers are valid and state a picture of width × height.
func (t *libjpegTurbo) decode(b []byte, width, height int, room *Image) (*Image, error) {
	handle := t.initDecompress()
	if handle == 0 {
		return nil, errors.New("libjpeg-turbo could not start")
	}
	defer t.destroy(handle)
	var w, h, subsampling, space int32
	if t.header(handle, &b[0], uint64(len(b)), &w, &h, &subsampling, &space) != 0 {
		return nil, errors.New(t.message(handle))
	}
	if int(w) != width || int(h) != height || width < 1 || height < 1 { // memory was reserved for the size in the header
		return nil, fmt.Errorf("a picture of %d×%d, but its header says %d×%d", w, h, width, height)
	}
	if space == turboSpaceCMYK || space == turboSpaceYCCK {
		inks := make([]uint8, 4*width*height)
		if err := t.check(handle, t.decompress(handle, &b[0], uint64(len(b)), &inks[0], w, 4*w, h, turboCMYK, turboAccurateDCT)); err != nil {
			return nil, err
		}
		m := room.sized(width, height)
		black := make([]uint8, len(inks)/4)
		for i := range black {
			copy(m.Pix[3*i:3*i+3], inks[4*i:])
			black[i] = inks[4*i+3]
		}
		underBlack(m.Pix, black)
		return m, nil
	}
	m := room.sized(width, height)
	err := t.check(handle, t.decompress(handle, &b[0], uint64(len(b)), &m.Pix[0], w, 3*w, h, turboRGB, turboAccurateDCT))
	return m, err
}

// check turns a failure into an error. Warnings are ignored, as in Pillow.
func (t *libjpegTurbo) check(handle uintptr, result int32) error {
	if result == 0 || t.code(handle) != turboFatal {
		return nil
	}
	return errors.New(t.message(handle))
}
