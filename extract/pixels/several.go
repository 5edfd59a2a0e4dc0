package pixels

import "encoding/binary"

// Several reports whether a picture's file has further pages or frames, of which Decode reads the first: pages of a TIFF, except smaller
// copies, masks and subdirectories, or frames of an animated GIF, PNG or WebP. It looks only at headers.
func Several(b []byte) bool {
	for _, f := range formats() {
		if !f.is(b) {
			continue
		}
		switch f.name {
		case "tiff":
			return severalPages(b)
		case "gif":
			return severalInGIF(b)
		case "png":
			return severalInPNG(b)
		case "webp":
			return severalInWebP(b)
		}
		return false
	}
	return false
}

// severalPages follows the chain of directories. Together they may have as many entries as one may have, so that a chain of large
// directories over the same bytes does not take long.
func severalPages(b []byte) bool {
	const smaller, mask, oldSmaller = 1, 4, 2
	d, err := readDirectory(b)
	if err != nil {
		return false
	}
	seen := map[uint64]bool{d.at: true, 0: true} // a chain ends with 0; it may also come back to itself
	for left := mostEntries; left > 0 && !seen[d.next]; left -= 1 + d.visited {
		seen[d.next] = true
		if d.read(d.next) != nil {
			return false
		}
		if d.first(tiffWidth, 0) > 0 && d.first(tiffKind, 0)&(smaller|mask) == 0 && d.first(tiffOldKind, 0) != oldSmaller {
			return true
		}
	}
	return false
}

// severalInGIF looks for a second image descriptor.
func severalInGIF(b []byte) bool {
	const screen, extension, descriptor = 13, 0x21, 0x2c
	colours := func(flags byte) int { // bytes of a palette
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(b) < screen {
		return false
	}
	frames := 0
	for at := screen + colours(b[10]); at+10 <= len(b); at++ {
		switch b[at] {
		case extension:
			at += 2
		case descriptor:
			if frames++; frames > 1 {
				return true
			}
			at += 11 + colours(b[at+9])
		default:
			return false
		}
		for at < len(b) && b[at] != 0 {
			at += 1 + int(b[at])
		}
	}
	return false
}

// severalInPNG looks for the chunk before the picture's data that makes it an animation.
func severalInPNG(b []byte) bool {
	for at := int64(pngSignature); at+12 <= int64(len(b)); {
		size := int64(binary.BigEndian.Uint32(b[at:]))
		switch string(b[at+4 : at+8]) {
		case "acTL":
			return size == 8 && binary.BigEndian.Uint32(b[at+8:]) > 1
		case "IDAT", "IEND":
			return false
		}
		at += 12 + size
	}
	return false
}

// severalInWebP looks for the second frame of an animation.
func severalInWebP(b []byte) bool {
	frames := 0
	for at := int64(webpHeader); at+8 <= int64(len(b)); {
		if string(b[at:at+4]) == "ANMF" {
			if frames++; frames > 1 {
				return true
			}
		}
		size := int64(binary.LittleEndian.Uint32(b[at+4:]))
		at += 8 + size + size%2
	}
	return false
}
