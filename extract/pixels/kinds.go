package pixels

import (
	"bytes"
	"errors"
	"fmt"

	"iconic/internal/instead"
)

// HeadSize is the number of bytes at the beginning of a file that Recognise needs.
const HeadSize = 512

// Recognise decides from the first bytes of a file, HeadSize of them or the whole file, whether Decode may be able to read it. If so, it
// returns nil; otherwise an *Error that names the kind of file, as far as it is known.
func Recognise(head []byte) error {
	if len(head) == 0 {
		return &Error{Reason: Empty}
	}
	for _, f := range formats() {
		if f.is(head) {
			return nil
		}
	}
	if kind := foreign(head); kind != "" {
		return &Error{Unsupported, fmt.Errorf("%s: convert it to JPEG or PNG first", kind)}
	}
	if kind := noPicture(head); kind != "" {
		return &Error{NotAnImage, errors.New(kind)}
	}
	return &Error{Reason: NotAnImage}
}

// magic is a byte sequence that identifies one kind of file, and its offset.
type magic struct {
	at   int
	with string
	kind string
}

func (m magic) is(b []byte) bool {
	return len(b) >= m.at && bytes.HasPrefix(b[m.at:], []byte(m.with))
}

// pictures lists kinds of pictures that are not supported.
func pictures() []magic {
	return []magic{
		{0, "\x00\x00\x00\x0cjP  ", "JPEG 2000"}, {0, "\xff\x4f\xff\x51", "JPEG 2000"},
		{0, "\x00\x00\x00\x0cJXL ", "JPEG XL"}, {0, "\xff\x0a", "JPEG XL"},
		{0, "II\xbc", "JPEG XR"}, {0, "BPG\xfb", "BPG"}, {0, "FLIF", "FLIF"}, {0, "qoif", "QOI"},
		{0, "8BPS", "Photoshop document"}, {0, "gimp xcf", "GIMP document"},
		{0, "%PDF-", "PDF"}, {0, "%!PS", "PostScript"}, {0, "\xc5\xd0\xd3\xc6", "PostScript"}, {0, "AT&TFORM", "DjVu"},
		{0, "\x76\x2f\x31\x01", "OpenEXR"}, {0, "#?RADIANCE", "Radiance HDR"}, {0, "#?RGBE", "Radiance HDR"},
		{0, "DDS ", "DDS texture"}, {0, "\xabKTX", "KTX texture"}, {0, "SIMPLE  =", "FITS"}, {128, "DICM", "DICOM"},
		// A Targa file without a name and a colour map, of grey or colours, plain or in runs. A cursor begins likewise, but counts its pictures next.
		{0, "\x00\x00\x02\x00\x00\x00\x00\x00", "Targa (TGA)"}, {0, "\x00\x00\x03\x00\x00\x00\x00\x00", "Targa (TGA)"},
		{0, "\x00\x00\x0a\x00\x00\x00\x00\x00", "Targa (TGA)"}, {0, "\x00\x00\x0b\x00\x00\x00\x00\x00", "Targa (TGA)"},
		{0, "\x00\x00\x01\x00", "Windows icon"}, {0, "\x00\x00\x02\x00", "Windows cursor"}, {0, "icns", "Apple icon"},
		{0, "\xd7\xcd\xc6\x9a", "Windows metafile"}, {40, " EMF", "Windows metafile"},
		{0, "\x8aMNG\r\n", "MNG"}, {0, "\x8bJNG\r\n", "JNG"}, {0, "\x01\xda", "SGI picture"}, {0, "\x59\xa6\x6a\x95", "Sun raster"},
		{0, "PF\n", "PFM with floating-point numbers"}, {0, "Pf\n", "PFM with floating-point numbers"},
		{0, "PF\r", "PFM with floating-point numbers"}, {0, "Pf\r", "PFM with floating-point numbers"},
		{0, "PF ", "PFM with floating-point numbers"}, {0, "Pf ", "PFM with floating-point numbers"},
		{0, "\x0a\x05\x01", "PCX"}, {0, "\x0a\x03\x01", "PCX"}, {0, "BA\x28\x00\x00\x00", "OS/2 bitmap array"}, {344, "n+1\x00", "NIfTI"},
		{0, "FUJIFILMCCD-RAW", "camera raw (RAF)"}, {0, "IIRO", "camera raw (ORF)"}, {0, "IIRS", "camera raw (ORF)"},
		{0, "MMOR", "camera raw (ORF)"}, {0, "IIU\x00", "camera raw (RW2)"}, {6, "HEAPCCDR", "camera raw (CRW)"},
		{0, "FOVb", "camera raw (X3F)"}, {0, "\x00MRM", "camera raw (MRW)"}, {0, "/* XPM */", "XPM"},
	}
}

// foreign names an unsupported kind of picture; "" if the file is none of them.
func foreign(b []byte) string {
	for _, m := range pictures() {
		if m.is(b) {
			return m.kind
		}
	}
	if kind := byBrand(b); kind != "" {
		return kind
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(text, []byte("<svg")) || bytes.HasPrefix(text, []byte("<?xml")) && bytes.Contains(text, []byte("<svg")) ||
		bytes.HasPrefix(text, []byte("<!DOCTYPE svg")) {
		return "SVG"
	}
	if bytes.HasPrefix(text, []byte("#define ")) && bytes.Contains(text, []byte("_width ")) {
		return "XBM"
	}
	return ""
}

// byBrand identifies box-structured files (ISO/IEC 14496-12) by their brands, the major one first: if the major brand is general, a
// compatible one may be more specific.
func byBrand(b []byte) string {
	if len(b) < 12 || string(b[4:8]) != "ftyp" {
		return ""
	}
	size := min(int(b[0])<<24|int(b[1])<<16|int(b[2])<<8|int(b[3]), len(b))
	brands := []string{string(b[8:12])}
	for at := 16; at+4 <= size; at += 4 {
		brands = append(brands, string(b[at:at+4]))
	}
	for _, brand := range brands {
		switch brand {
		case "heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs":
			return "HEIC"
		case "avif", "avis":
			return "AVIF"
		case "crx ":
			return "camera raw (CR3)"
		case "jxl ":
			return "JPEG XL"
		case "jp2 ", "jpx ", "jpm ":
			return "JPEG 2000"
		}
	}
	if brands[0] == "mif1" || brands[0] == "msf1" || brands[0] == "miaf" {
		return "HEIC"
	}
	return ""
}

// noPicture names a few kinds of files that are often mistaken for pictures; "" if unknown.
func noPicture(b []byte) string {
	for _, m := range []magic{
		{4, "ftyp", "a video"}, {8, "AVI ", "a video"}, {0, "\x1a\x45\xdf\xa3", "a video"}, {8, "WAVE", "a sound"}, {0, "OggS", "a sound or video"},
		{0, "PK\x03\x04", "a ZIP archive"}, {0, "\x1f\x8b", "a gzip archive"}, {257, "ustar", "a tar archive"}, {0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
		{0, "Rar!", "a RAR archive"}, {0, "\x93NUMPY", "an array of NumPy"}, {0, "\x89HDF", "an HDF5 file"}, {0, "PAR1", "a Parquet file"},
	} {
		if m.is(b) {
			return m.kind
		}
	}
	var e *instead.Error
	if errors.As(instead.Check(b), &e) {
		return e.What
	}
	return ""
}
