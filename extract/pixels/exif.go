package pixels

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"

	"github.com/klauspost/compress/zlib"
)

// orientation finds the orientation that a file states, from 1 to 8; 1 if it states none or an invalid one. EXIF takes precedence over XMP
// (tiff:Orientation).
func orientation(format string, b []byte) int {
	var exif, xmp []byte
	switch format {
	case "jpeg":
		exif, xmp = jpegMetadata(b)
	case "png":
		exif, xmp = pngMetadata(b)
	case "webp":
		exif, xmp = webpMetadata(b)
	case "tiff":
		exif = b
		if d, err := readDirectory(b); err == nil {
			xmp = d.list(tiffXMP).bytes()
		}
	}
	if v, ok := tiffOrientation(exif); ok {
		return v
	}
	return xmpOrientation(xmp)
}

// How the metadata segments of a JPEG begin.
const (
	exifHeader = "Exif\x00\x00"
	xmpHeader  = "http://ns.adobe.com/xap/1.0/\x00"
)

// jpegMetadata returns the first APP1 segments of EXIF and of XMP. If the file truncates one, or its stated length exceeds the file, the
// part that exists is used.
func jpegMetadata(b []byte) (exif, xmp []byte) {
	jpegSegments(b, func(marker byte, payload []byte) {
		if marker != 0xe1 {
			return
		}
		if p, ok := bytes.CutPrefix(payload, []byte(exifHeader)); ok && exif == nil {
			exif = p
		} else if p, ok := bytes.CutPrefix(payload, []byte(xmpHeader)); ok && xmp == nil {
			xmp = p
		}
	})
	return exif, xmp
}

// jpegSegments passes the segments before the picture itself to each, without their marker and length, as far as the file has them.
func jpegSegments(b []byte, each func(marker byte, payload []byte)) {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // padding
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 { // the picture itself, or its end
			break
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 {
			break
		}
		each(marker, b[at+4:min(at+2+size, len(b))])
		at += 2 + size
	}
}

// pngMetadata returns the eXIf chunk, or the text chunk in which ImageMagick writes the same, and XMP's text chunk.
func pngMetadata(b []byte) (exif, xmp []byte) {
	var raw []byte
	texts := 0
	for at := pngSignature; at < len(b); {
		name, data, next, _ := pngChunk(b, at)
		at = next
		switch name {
		case "IEND":
			at = len(b)
		case "eXIf":
			if exif == nil {
				exif = bytes.TrimPrefix(data, []byte(exifHeader))
			}
		case "tEXt", "zTXt", "iTXt":
			keyword, rest, ok := bytes.Cut(data, []byte{0})
			what := string(keyword[:min(len(keyword), 32)])
			ofXMP, ofEXIF := what == "XML:com.adobe.xmp" || what == "Raw profile type xmp", what == "Raw profile type exif" || what == "Raw profile type APP1"
			if !ok || !ofXMP && !ofEXIF {
				continue
			}
			if texts++; texts > mostTexts {
				continue
			}
			switch {
			case what == "XML:com.adobe.xmp" && xmp == nil:
				xmp = pngText(name, rest)
			case ofEXIF:
				profile := rawProfile(pngText(name, rest))
				if p, ok := bytes.CutPrefix(profile, []byte(xmpHeader)); ok && xmp == nil {
					xmp = p
				} else if !ok && raw == nil {
					raw = bytes.TrimPrefix(profile, []byte(exifHeader))
				}
			case xmp == nil:
				xmp = bytes.TrimPrefix(rawProfile(pngText(name, rest)), []byte(xmpHeader))
			}
		}
	}
	if exif == nil {
		exif = raw
	}
	return exif, xmp
}

// Limits on metadata: the bytes of a text, and the number of texts in a PNG, each of which may be compressed a thousandfold.
const (
	mostMetadata = 1 << 17
	mostTexts    = 2
)

// pngText is the text in a chunk, after its keyword.
func pngText(chunk string, p []byte) []byte {
	packed := false
	switch chunk {
	case "zTXt":
		packed = true
		p = p[min(len(p), 1):] // the compression method
	case "iTXt":
		if len(p) < 2 {
			return nil
		}
		packed = p[0] == 1
		p = p[2:]
		for range 2 { // the language and the translated keyword
			_, rest, ok := bytes.Cut(p, []byte{0})
			if !ok {
				return nil
			}
			p = rest
		}
	}
	if !packed {
		return p
	}
	z, err := zlib.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil
	}
	var text bytes.Buffer
	_, _ = text.ReadFrom(io.LimitReader(z, mostMetadata)) // of a truncated text, the part that exists is used
	return text.Bytes()
}

// rawProfile reads ImageMagick's format: a line with the profile's name, a line with its length, and lines of hexadecimal digits.
func rawProfile(text []byte) []byte {
	text = bytes.TrimLeft(text[:min(len(text), mostMetadata)], "\n")
	_, text, _ = bytes.Cut(text, []byte("\n"))
	_, text, _ = bytes.Cut(text, []byte("\n"))
	profile := make([]byte, 0, len(text)/2)
	digits, n := [2]byte{}, 0
	for _, c := range text {
		if isSpace(c) {
			continue
		}
		digits[n] = c
		if n ^= 1; n == 1 {
			continue
		}
		b := [1]byte{}
		if _, err := hex.Decode(b[:], digits[:]); err != nil {
			break
		}
		profile = append(profile, b[0])
	}
	return profile
}

// webpMetadata returns the EXIF and XMP chunks of a RIFF file.
func webpMetadata(b []byte) (exif, xmp []byte) {
	for at := int64(12); at+8 <= int64(len(b)); {
		size := int64(binary.LittleEndian.Uint32(b[at+4:]))
		payload := b[at+8 : min(at+8+size, int64(len(b)))]
		switch string(b[at : at+4]) {
		case "EXIF":
			if exif == nil {
				exif = bytes.TrimPrefix(payload, []byte(exifHeader))
			}
		case "XMP ":
			if xmp == nil {
				xmp = payload
			}
		}
		at += 8 + size + size%2
	}
	return exif, xmp
}

// tiffOrientation reads the orientation from a TIFF structure; ok is false if it has none. An invalid value means upright.
func tiffOrientation(b []byte) (int, bool) {
	d, err := readDirectory(b)
	if err != nil {
		return 1, false
	}
	v := d.first(tiffOrientedAs, -1)
	if v == -1 {
		return 1, false
	}
	if v < 1 || v > 8 {
		v = 1
	}
	return v, true
}

// orientedInXMP finds the property as an attribute or as an element, in any of the ways that XML allows.
var orientedInXMP = regexp.MustCompile(`tiff:Orientation\s*(?:=\s*["']|>)\s*([0-9]+)`)

// xmpOrientation reads the orientation of an XMP packet.
func xmpOrientation(xmp []byte) int {
	m := orientedInXMP.FindSubmatch(xmp[:min(len(xmp), mostMetadata)])
	if m == nil || len(m[1]) != 1 || m[1][0] < '1' || m[1][0] > '8' {
		return 1
	}
	return int(m[1][0] - '0')
}
