package pixels

import (
	"bytes"
	"encoding/binary"
)

// orientation finds the EXIF orientation of a file, 1 where there is none or it makes no sense.
func orientation(format string, b []byte) int {
	switch format {
	case "jpeg":
		return tiffOrientation(jpegEXIF(b))
	case "png":
		return tiffOrientation(pngEXIF(b))
	case "webp":
		return tiffOrientation(webpEXIF(b))
	case "tiff":
		return tiffOrientation(b)
	}
	return 1
}

// jpegEXIF is the payload of the APP1 segment that starts with "Exif".
func jpegEXIF(b []byte) []byte {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // padding
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 { // the picture itself, or its end
			return nil
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 || at+2+size > len(b) {
			return nil
		}
		if payload, ok := bytes.CutPrefix(b[at+4:at+2+size], []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return payload
		}
		at += 2 + size
	}
	return nil
}

// pngEXIF is the eXIf chunk.
func pngEXIF(b []byte) []byte {
	for at := 8; at+12 <= len(b); {
		size := int(binary.BigEndian.Uint32(b[at:]))
		if size < 0 || size > len(b)-at-12 {
			return nil
		}
		switch string(b[at+4 : at+8]) {
		case "eXIf":
			return b[at+8 : at+8+size]
		case "IEND":
			return nil
		}
		at += 12 + size
	}
	return nil
}

// webpEXIF is the EXIF chunk of a RIFF file.
func webpEXIF(b []byte) []byte {
	for at := 12; at+8 <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		if size < 0 || size > len(b)-at-8 {
			return nil
		}
		if string(b[at:at+4]) == "EXIF" {
			payload := b[at+8 : at+8+size]
			if rest, ok := bytes.CutPrefix(payload, []byte("Exif\x00\x00")); ok {
				return rest
			}
			return payload
		}
		at += 8 + size + size%2
	}
	return nil
}

// tiffOrientation reads the orientation of a TIFF structure.
func tiffOrientation(b []byte) int {
	d, err := readDirectory(b)
	if err != nil {
		return 1
	}
	if v := d.first(tiffOrientedAs, 1); v >= 1 && v <= 8 {
		return v
	}
	return 1
}
