package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"io"
	"net"
	"time"
)

// kind is a kind of attack: it sends one request and returns the status of the answer, or how the connection ended.
type kind struct {
	name string
	send func(ctx context.Context, d *net.Dialer, address string) string
}

// kinds lists all attacks: images that claim more data than they contain, and clients that hold on to resources.
func kinds() ([]kind, error) {
	var small, wide bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		return nil, err
	}
	if err := jpeg.Encode(&wide, image.NewGray(image.Rect(0, 0, 6000, 6000)), nil); err != nil {
		return nil, err
	}
	exif := append([]byte("Exif\x00\x00"), directory(5400)...)
	app1 := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2)), exif...)
	return []kind{
		{"JPEG, EXIF of 5,400 entries", post(append(append([]byte{0xff, 0xd8}, app1...), small.Bytes()[2:]...))},
		{"TIFF, directory of 60,000 entries", post(directory(60000))},
		{"TIFF, 8,000 strips of one row, directory of 65,535 entries", post(strips(8000, 65535))},
		{"GIF, 100,000 transparent colours", post(extensions(100000))},
		{"JPEG of 8000×8000, 6,000 scans", post(scans(8000, 6000))},
		{"JPEG of 4000×4000, 199 scans", post(scans(4000, 199))},
		{"TIFF, 30,000 JPEG tiles of one pixel", post(tiff(small.Bytes(), 30000, 1, 1, 300000))},
		{"TIFF of 16×16, JPEG tile of 6000×6000", post(tiff(wide.Bytes(), 1, 16, 6000, 0))},
		{"PNG of 8192×8192 in 16 bits, empty", post(png(8192, nil))},
		{"PNG of 8192×8192 in 16 bits, whole", post(png(8192, make([]byte, 8192*(8*8192+1))))},
		{"Netpbm of 10000×10000, empty", post([]byte("P6 10000 10000 255\n"))},
		{"no picture", post(bytes.Repeat([]byte("no picture "), 50000))},
		{"31 MiB, the last byte held back", raw(heldBack)},
		{"a byte every 100 ms", raw(slow)},
		{"headers without end", raw(headers)},
		{"chunks without end", raw(chunks)},
		{"a connection and no word", raw(func(context.Context, net.Conn) {})},
	}, nil
}

func heldBack(_ context.Context, c net.Conn) {
	const size = 31 << 20
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n\xff\xd8\xff", size)
	block := make([]byte, 1<<16)
	for left := size - 4; left > 0; {
		n, err := c.Write(block[:min(left, len(block))])
		if left -= n; err != nil {
			return
		}
	}
}

func slow(ctx context.Context, c net.Conn) {
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n\xff\xd8\xff")
	drip(ctx, c, "x")
}

func headers(ctx context.Context, c net.Conn) {
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\n")
	drip(ctx, c, "X-A: b\r\n")
}

// drip sends something every 100 ms until the connection ends.
func drip(ctx context.Context, c net.Conn, what string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(c, what); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func chunks(_ context.Context, c net.Conn) {
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	chunk := append(append([]byte("10000\r\n\xff\xd8\xff"), make([]byte, 1<<16-3)...), "\r\n"...)
	for range 1000 {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

// directory is a TIFF directory whose entries all refer to the same bytes.
func directory(entries int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(entries))
	for i := range entries {
		b = le.AppendUint16(le.AppendUint16(b, uint16(1000+i)), 1)
		b = le.AppendUint32(le.AppendUint32(b, uint32(12*entries)), 8)
	}
	return b
}

// strips is a bilevel TIFF, 8 pixels wide, with strips of one row, which the last entries of a directory describe.
func strips(rows, entries int) []byte {
	le := binary.LittleEndian
	data := bytes.Repeat([]byte{0x55}, rows)
	at := 8 + rows
	for i := range rows {
		data = le.AppendUint32(data, uint32(8+i))
	}
	for range rows {
		data = le.AppendUint32(data, 1)
	}
	b := append(le.AppendUint32([]byte("II*\x00"), uint32(8+len(data))), data...)
	real := [][3]int{{256, 1, 8}, {257, 1, rows}, {258, 1, 1}, {259, 1, 1}, {262, 1, 1}, {273, rows, at}, {278, 1, 1}, {279, rows, at + 4*rows}}
	b = le.AppendUint16(b, uint16(entries))
	for i := range entries {
		e := [3]int{60000, 1, 0}
		if k := i - (entries - len(real)); k >= 0 {
			e = real[k]
		}
		b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), 4)
		b = le.AppendUint32(le.AppendUint32(b, uint32(e[1])), uint32(e[2]))
	}
	return le.AppendUint32(b, 0)
}

// extensions is a GIF of one pixel after n extensions that each state a transparent colour.
func extensions(n int) []byte {
	b := append([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), 0, 0, 0, 255, 255, 255)
	b = append(b, bytes.Repeat([]byte{0x21, 0xf9, 4, 1, 0, 0, 1, 0}, n)...)
	return append(b, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b)
}

// scans is a greyscale progressive JPEG whose scans after the first contain no changes, coded as runs of 2^14 blocks.
func scans(side, n int) []byte {
	segment := func(marker byte, p ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(p)+2)), p...)
	}
	dc, ac := append(make([]byte, 17), 0), append(make([]byte, 17), 0xe0) // one one-bit code each: no difference; a run of 2^14 or more
	dc[1], ac[0], ac[1] = 1, 0x10, 1
	b := append([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	b = append(b, segment(0xc2, 8, byte(side>>8), byte(side), byte(side>>8), byte(side), 1, 1, 0x11, 0)...)
	b = append(append(b, segment(0xc4, dc...)...), segment(0xc4, ac...)...)
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	b = append(append(b, segment(0xda, 1, 1, 0, 0, 0, 0)...), make([]byte, (blocks+7)/8)...)
	runs := make([]byte, (15*((blocks>>14)+1)+7)/8) // each is one bit and 14 more, all zero
	for range n {
		b = append(append(b, segment(0xda, 1, 1, 0, 1, 63, 0)...), runs...)
	}
	return append(b, 0xff, 0xd9)
}

// tiff is an image whose tiles all refer to the same JPEG, of width × 1 tiles of the given side, padded with extra bytes.
func tiff(piece []byte, tiles, width, side, beside int) []byte {
	le := binary.LittleEndian
	body := append(bytes.Clone(piece), make([]byte, beside)...)
	at := 8 + len(body)
	for range tiles {
		body = le.AppendUint32(body, 8)
	}
	for range tiles {
		body = le.AppendUint32(body, uint32(len(piece)))
	}
	b := append(le.AppendUint32([]byte("II*\x00"), uint32(8+len(body))), body...)
	first, sizes := at, at+4*tiles
	if tiles == 1 { // a single value is stored in the entry itself
		first, sizes = 8, len(piece)
	}
	entries := [][3]int{
		{256, 1, tiles * width}, {257, 1, width}, {258, 1, 8}, {259, 1, 7}, {262, 1, 1}, {277, 1, 1},
		{322, 1, side}, {323, 1, side}, {324, tiles, first}, {325, tiles, sizes},
	}
	b = le.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), 4)
		b = le.AppendUint32(le.AppendUint32(b, uint32(e[1])), uint32(e[2]))
	}
	return le.AppendUint32(b, 0)
}

// png is a square image with four 16-bit samples per pixel and these rows.
func png(side uint32, rows []byte) []byte {
	chunk := func(name string, data []byte) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
		b = append(b, data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	var data bytes.Buffer
	if rows != nil {
		z := zlib.NewWriter(&data)
		_, _ = z.Write(rows) // writing to a buffer cannot fail
		_ = z.Close()
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, 16, 6, 0, 0, 0))...)
	return append(append(b, chunk("IDAT", data.Bytes())...), chunk("IEND", nil)...)
}
