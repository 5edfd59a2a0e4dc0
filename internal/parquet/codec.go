package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec is the compression of pages, by its number in the format.
type codec int

const (
	uncompressed codec = 0
	snappyBlock  codec = 1
	gzipStream   codec = 2
	brotliStream codec = 4
	zstdFrame    codec = 6
	lz4Block     codec = 7
)

// maxWindow is the usual window size of zstd frames, however little they contain.
const maxWindow = 8 << 20

// unpack decompresses src into dst, which must have exactly the right length. It never decompresses more than that.
func (c codec) unpack(dst, src []byte) error {
	switch c {
	case snappyBlock:
		if n, err := snappy.DecodedLen(src); err != nil || n != len(dst) {
			return promised(n, len(dst), err)
		}
		_, err := snappy.Decode(dst, src)
		return err
	case lz4Block:
		n, err := lz4.UncompressBlock(src, dst)
		if err != nil || n != len(dst) {
			return promised(n, len(dst), err)
		}
		return nil
	case gzipStream:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return err
		}
		return fill(dst, r)
	case brotliStream:
		return fill(dst, brotli.NewReader(bytes.NewReader(src)))
	case zstdFrame:
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(max(len(dst), maxWindow))))
		if err != nil {
			return err
		}
		defer r.Close()
		whole, err := r.DecodeAll(src, dst[:0]) // stops if more than the memory limit would result
		if err != nil || len(whole) != len(dst) {
			return promised(len(whole), len(dst), err)
		}
		copy(dst, whole)
		return nil
	case 3:
		return errors.New("pages compressed with LZO are not supported: write the file again with snappy or zstd")
	case 5:
		return errors.New("pages compressed with Hadoop's LZ4 are not supported: write the file again with snappy, zstd or LZ4_RAW")
	}
	return fmt.Errorf("there is no codec %d", int(c))
}

// fill reads dst to its end, where r must end, too.
func fill(dst []byte, r io.Reader) error {
	n, err := io.ReadFull(r, dst)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return promised(n, len(dst), nil)
	}
	if err != nil {
		return err
	}
	var more [1]byte
	switch n, err := r.Read(more[:]); {
	case n > 0:
		return fmt.Errorf("it decompresses to more than the stated %d bytes", len(dst))
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func promised(n, want int, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("it decompresses to %d bytes, but %d were stated", n, want)
}
