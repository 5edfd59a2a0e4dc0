package pixels

import (
	"bytes"
	"encoding/binary"
)

// Several reports whether a picture's file has further pages or frames, of which Decode reads the first: pages of a TIFF, except smaller
// copies, masks and subdirectories, frames of an animated GIF, PNG or WebP, further views or parts of a panorama in a JPEG (MPO), or pictures one
// after another in a binary Netpbm file. It looks only at headers.
func Several(b []byte) bool {
	for _, f := range formats() {
		if !f.is(b) {
			continue
		}
		switch f.name {
		case "jpeg":
			return severalInJPEG(b)
		case "netpbm":
			return severalInNetpbm(b)
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

// severalInJPEG looks in the index of a file of several pictures (MPO, CIPA DC-007) for a second one that shows another view, or another part of a
// panorama. The further pictures of most such files, which phones and cameras write, are previews or gain maps of the first, and do not count.
func severalInJPEG(b []byte) bool {
	const entry, kind, views = 16, 0xffffff, 0x02 // bytes of a picture in the index; its kind in the first four of them, whose high byte is the class
	several := false
	jpegSegments(b, func(marker byte, payload []byte) {
		index, ok := bytes.CutPrefix(payload, []byte("MPF\x00"))
		if marker != 0xe2 || !ok {
			return
		}
		d, err := readDirectory(index)
		if err != nil {
			return
		}
		n := 0
		for list := d.list(mpfPictures).bytes(); len(list) >= entry; list = list[entry:] {
			if d.order.Uint32(list)&kind>>16 == views {
				n++
			}
		}
		several = several || n > 1
	})
	return several
}

// severalInNetpbm looks for a picture after the first one. Only binary files may have several.
func severalInNetpbm(b []byte) bool {
	m, err := readNetpbm(b)
	if err != nil || m.kind < '4' || m.width < 1 || m.height < 1 {
		return false
	}
	row := m.rowSize()
	return row <= int64(len(m.data)/m.height) && isNetpbm(m.data[row*int64(m.height):])
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
