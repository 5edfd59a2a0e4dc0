//go:build !((linux || darwin) && (amd64 || arm64))

package pixels

// libjpegTurbo is not available on this platform.
type libjpegTurbo struct{}

func (*libjpegTurbo) decode([]byte, int, int, *Image) (*Image, error) { return nil, nil }

func turbo() *libjpegTurbo { return nil }
