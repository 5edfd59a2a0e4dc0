package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"

	"golang.org/x/image/tiff"
)

// Tags of a TIFF directory, and what they may say.
const (
	tiffWidth         = 256
	tiffHeight        = 257
	tiffBits          = 258
	tiffCompression   = 259
	tiffPhotometric   = 262
	tiffStrips        = 273
	tiffOrientedAs    = 274
	tiffSamples       = 277
	tiffRowsPerStrip  = 278
	tiffStripSizes    = 279
	tiffPlanar        = 284
	tiffPredictor     = 317
	tiffTileWidth     = 322
	tiffTileHeight    = 323
	tiffTiles         = 324
	tiffTileSizes     = 325
	tiffExtraSamples  = 338
	tiffJPEGTables    = 347
	tiffInJPEG        = 7 // compression
	tiffBlackIsZero   = 1 // photometric
	tiffRGB           = 2
	tiffInks          = 5
	tiffYCC           = 6
	tiffByDifferences = 2 // predictor
)

// directory is the first directory of a TIFF file: the numbers of each tag that has whole numbers or bytes.
type directory struct {
	order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
	values map[int][]int
	raw    map[int][12]byte // the entries as they stand
}

// readDirectory reads the first directory. Entries that lie outside of the file are left out.
func readDirectory(b []byte) (*directory, error) {
	d := &directory{values: map[int][]int{}, raw: map[int][12]byte{}}
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		d.order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		d.order = binary.BigEndian
	default:
		return nil, errors.New("no TIFF header")
	}
	if len(b) < 8 {
		return nil, io.ErrUnexpectedEOF
	}
	at := int(d.order.Uint32(b[4:]))
	if at < 8 || at > len(b)-2 {
		return nil, errors.New("the directory lies outside of the file")
	}
	for e := range int(d.order.Uint16(b[at:])) {
		entry := at + 2 + 12*e
		if entry+12 > len(b) {
			return nil, io.ErrUnexpectedEOF
		}
		tag := int(d.order.Uint16(b[entry:]))
		d.raw[tag] = [12]byte(b[entry : entry+12])
		d.values[tag] = d.numbers(b, b[entry:entry+12])
	}
	return d, nil
}

// numbers are the values of an entry; nil for other types than bytes, shorts and longs.
func (d *directory) numbers(b, entry []byte) []int {
	size := map[uint16]int{1: 1, 3: 2, 4: 4, 7: 1}[d.order.Uint16(entry[2:])]
	count := int(d.order.Uint32(entry[4:]))
	if size == 0 || count > len(b)/size {
		return nil
	}
	from := entry[8:]
	if size*count > 4 {
		at := int(d.order.Uint32(from))
		if at > len(b)-size*count {
			return nil
		}
		from = b[at:]
	}
	values := make([]int, count)
	for i := range values {
		switch size {
		case 1:
			values[i] = int(from[i])
		case 2:
			values[i] = int(d.order.Uint16(from[2*i:]))
		case 4:
			values[i] = int(d.order.Uint32(from[4*i:]))
		}
	}
	return values
}

// first is the first value of a tag, or otherwise where there is none.
func (d *directory) first(tag, otherwise int) int {
	if v := d.values[tag]; len(v) > 0 {
		return v[0]
	}
	return otherwise
}

// bytesOfSamples reports whether every sample of a pixel is a byte, and all of them stand together.
func (d *directory) bytesOfSamples() bool {
	bits := d.values[tiffBits]
	return len(bits) > 0 && !slices.ContainsFunc(bits, func(b int) bool { return b != 8 }) && d.first(tiffPlanar, 1) == 1
}

// ours reports whether the library does not know this kind of TIFF, and we do: JPEG inside, inks, or grey with alpha.
func (d *directory) ours() bool {
	samples := d.first(tiffSamples, 1)
	switch {
	case !d.bytesOfSamples():
		return false
	case d.first(tiffCompression, 1) == tiffInJPEG:
		return d.jpegColours() >= 0
	case d.first(tiffPhotometric, -1) == tiffInks:
		return samples == 4
	}
	return d.first(tiffPhotometric, -1) == tiffBlackIsZero && samples == 2
}

func configTIFF(r io.Reader) (image.Config, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	if d, err := readDirectory(b); err == nil && d.ours() {
		return image.Config{Width: d.first(tiffWidth, 0), Height: d.first(tiffHeight, 0)}, nil
	}
	return tiff.DecodeConfig(bytes.NewReader(b))
}

// decodeTIFF reads what the library reads, and what it does not: see ours. It sets one thing right: the library shows fax pictures
// the wrong way round when they say that black is zero.
func decodeTIFF(b []byte, room *Image) (*Image, error) {
	d, err := readDirectory(b)
	switch {
	case err != nil:
		return nil, err
	case d.ours() && d.first(tiffCompression, 1) == tiffInJPEG:
		return d.decodeJPEGs(b)
	case d.ours():
		return d.decodeSamples(b)
	}
	m, err := standard(tiff.Decode)(b, room)
	if err != nil {
		return nil, err
	}
	if c := d.first(tiffCompression, 1); (c == 3 || c == 4) && d.first(tiffPhotometric, -1) == tiffBlackIsZero {
		for i, v := range m.Pix {
			m.Pix[i] = 255 - v
		}
	}
	return m, nil
}

// decodeSamples reads inks, or grey with alpha, through the library: as a grey picture whose pixels are the samples.
func (d *directory) decodeSamples(b []byte) (*Image, error) {
	samples := d.first(tiffSamples, 1)
	width, height := d.first(tiffWidth, 0), d.first(tiffHeight, 0)
	decoded, err := tiff.Decode(bytes.NewReader(d.asGrey(b, samples)))
	if err != nil {
		return nil, err
	}
	grey, ok := decoded.(*image.Gray)
	if !ok || grey.Rect.Dx() != width*samples || grey.Rect.Dy() != height {
		return nil, tiff.UnsupportedError("samples of this kind")
	}
	if d.first(tiffPredictor, 1) == tiffByDifferences {
		tile := width
		if w := d.first(tiffTileWidth, 0); w > 0 {
			tile = w
		}
		sumDifferences(grey, samples, samples*tile)
	}
	out := newImage(width, height)
	black := make([]uint8, width)
	for y := range height {
		from := grey.Pix[y*grey.Stride:]
		row := out.Pix[3*y*width : 3*(y+1)*width]
		for x := range width {
			s := from[x*samples : (x+1)*samples]
			if samples == 2 {
				row[3*x], row[3*x+1], row[3*x+2] = s[0], s[0], s[0]
				continue
			}
			row[3*x], row[3*x+1], row[3*x+2], black[x] = 255-s[0], 255-s[1], 255-s[2], 255-s[3]
		}
		if samples == 4 {
			underBlack(row, black)
		}
	}
	return out, nil
}

// sumDifferences undoes a predictor: each sample stands as its difference from the same one of the pixel before, in every tile.
func sumDifferences(m *image.Gray, samples, tile int) {
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride:][:m.Rect.Dx()]
		for i := samples; i < len(row); i++ {
			if i%tile >= samples {
				row[i] += row[i-samples]
			}
		}
	}
}

// asGrey is the file with a directory at its end that calls every sample a grey pixel.
func (d *directory) asGrey(b []byte, samples int) []byte {
	changed := map[int]int{
		tiffWidth: d.first(tiffWidth, 0) * samples, tiffHeight: d.first(tiffHeight, 0),
		tiffBits: 8, tiffPhotometric: tiffBlackIsZero, tiffSamples: 1,
	}
	if w := d.first(tiffTileWidth, 0); w > 0 {
		changed[tiffTileWidth] = w * samples
	}
	var tags []int
	for tag := range d.raw {
		if _, ok := changed[tag]; !ok && tag != tiffPredictor && tag != tiffExtraSamples {
			tags = append(tags, tag)
		}
	}
	for tag := range changed {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	out := append(slices.Clone(b), make([]byte, len(b)%2)...)
	d.order.PutUint32(out[4:], uint32(len(out)))
	out = d.order.AppendUint16(out, uint16(len(tags)))
	for _, tag := range tags {
		value, ok := changed[tag]
		if !ok {
			entry := d.raw[tag]
			out = append(out, entry[:]...)
			continue
		}
		const long = 4
		out = d.order.AppendUint16(out, uint16(tag))
		out = d.order.AppendUint16(out, long)
		out = d.order.AppendUint32(out, 1)
		out = d.order.AppendUint32(out, uint32(value))
	}
	return d.order.AppendUint32(out, 0)
}

// jpegColours is how the components of JPEG data are to be read, as the transform of an Adobe marker: 0 as they are, 1 YCbCr.
// −1: in another way.
func (d *directory) jpegColours() int {
	switch samples := d.first(tiffSamples, 1); d.first(tiffPhotometric, -1) {
	case tiffBlackIsZero:
		if samples == 1 {
			return 0
		}
	case tiffRGB:
		if samples == 3 {
			return 0
		}
	case tiffYCC:
		if samples == 3 {
			return 1
		}
	}
	return -1
}

// decodeJPEGs puts a picture together from strips or tiles, each of them a JPEG file that may lack its tables.
func (d *directory) decodeJPEGs(b []byte) (*Image, error) {
	out := newImage(d.first(tiffWidth, 0), d.first(tiffHeight, 0))
	at, sizes := d.values[tiffStrips], d.values[tiffStripSizes]
	width, height := out.Width, min(out.Height, d.first(tiffRowsPerStrip, out.Height))
	if tiles := d.values[tiffTiles]; len(tiles) > 0 {
		at, sizes = tiles, d.values[tiffTileSizes]
		width, height = d.first(tiffTileWidth, 0), d.first(tiffTileHeight, 0)
	}
	if width < 1 || height < 1 || width > DefaultMaxPixels/height {
		return nil, fmt.Errorf("tiles of %d×%d", width, height)
	}
	across, down := (out.Width+width-1)/width, (out.Height+height-1)/height
	if len(at) != across*down || len(sizes) != len(at) {
		return nil, fmt.Errorf("%d pieces of JPEG data with %d lengths, %d×%d are wanted", len(at), len(sizes), across, down)
	}
	for i := range at {
		if at[i] < 0 || sizes[i] < 4 || at[i] > len(b)-sizes[i] {
			return nil, io.ErrUnexpectedEOF
		}
		piece := d.whole(b[at[i] : at[i]+sizes[i]])
		c, err := configJPEG(bytes.NewReader(piece))
		if err != nil {
			return nil, err
		}
		x, y := i%across*width, i/across*height
		columns, rows := min(width, out.Width-x), min(height, out.Height-y)
		if c.Width < columns || c.Height < rows || c.Width > width || c.Height > height {
			return nil, fmt.Errorf("a piece of JPEG data is %d×%d, %d×%d are wanted", c.Width, c.Height, columns, rows)
		}
		part, err := decodeJPEG(piece, nil)
		if err != nil {
			return nil, err
		}
		for r := range rows {
			copy(out.Pix[3*((y+r)*out.Width+x):][:3*columns], part.Pix[3*r*part.Width:])
		}
	}
	return out, nil
}

// whole makes a JPEG file of a piece: with the tables that all pieces share, and a marker that tells how colours are stored.
func (d *directory) whole(piece []byte) []byte {
	adobe := []byte{0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, byte(d.jpegColours())}
	out := append([]byte{0xff, 0xd8}, adobe...)
	if tables := d.values[tiffJPEGTables]; len(tables) > 4 { // between start and end of a file of their own
		for _, v := range tables[2 : len(tables)-2] {
			out = append(out, byte(v))
		}
	}
	return append(out, piece[2:]...)
}
