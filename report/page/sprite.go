package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"

	"golang.org/x/image/draw"

	"iconic/internal/parallel"
)

// sheetSide is the number of tiles along each side of a sprite sheet. A JPEG with 400 tiles stores its tables once.
const sheetSide = 20

// pictureBudget is the maximum number of bytes for all images of a page, as base64.
const pictureBudget = 3_300_000

// sprites are the images of a page: tile k is the image of item[k].
type sprites struct {
	Size    int // pixels along each side of a tile
	item    []int
	tile    map[int]int // item → tile
	missing []bool      // of each tile: its image is not shown
	other   []bool      // of each tile: that is because it is another one
	sheets  []string    // base64 JPEG
}

// summary counts the images.
func (s *sprites) summary() Summary {
	all := Summary{Pictures: len(s.item)}
	for k, m := range s.missing {
		if m {
			all.Missing++
		}
		if s.other[k] {
			all.Other++
		}
	}
	return all
}

// makeSprites loads each image once. It fails only when ctx is done.
func makeSprites(ctx context.Context, items []int, picture func(ctx context.Context, item int, show func(image.Image) error) error, workers int) (*sprites, error) {
	s := &sprites{Size: tileSize(len(items)), item: items, tile: make(map[int]int, len(items)), missing: make([]bool, len(items)), other: make([]bool, len(items))}
	sheets := make([]*image.RGBA, parallel.Count(len(items), sheetSide*sheetSide))
	for k := range sheets {
		tiles := min(sheetSide*sheetSide, len(items)-k*sheetSide*sheetSide)
		rows := (tiles + sheetSide - 1) / sheetSide
		sheets[k] = image.NewRGBA(image.Rect(0, 0, sheetSide*s.Size, rows*s.Size))
		draw.Draw(sheets[k], sheets[k].Rect, image.NewUniform(color.Gray{0x88}), image.Point{}, draw.Src)
	}
	for k, i := range items {
		s.tile[i] = k
	}
	err := parallel.Blocks(ctx, workers, len(items), 1, func(k, _, _ int) error {
		drawn := false
		err := picture(ctx, items[k], func(im image.Image) error {
			if im.Bounds().Empty() {
				return nil
			}
			sheet, column, row := s.place(k)
			at := image.Rect(column*s.Size, row*s.Size, (column+1)*s.Size, (row+1)*s.Size)
			draw.BiLinear.Scale(sheets[sheet], at, im, square(im.Bounds()), draw.Over, nil)
			drawn = true
			return nil
		})
		s.missing[k], s.other[k] = err != nil || !drawn, errors.Is(err, ErrOther)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.encode(ctx, sheets)
}

// place is the sheet of a tile, and its column and row in it.
func (s *sprites) place(tile int) (sheet, column, row int) {
	const perSheet = sheetSide * sheetSide
	return tile / perSheet, tile % sheetSide, tile % perSheet / sheetSide
}

// encode reduces the quality until the images fit the budget; at the lowest quality even noise of this size fits.
func (s *sprites) encode(ctx context.Context, sheets []*image.RGBA) error {
	for _, quality := range []int{80, 70, 58, 45, 30, 15, 5} {
		s.sheets = s.sheets[:0]
		total := 0
		for _, sheet := range sheets {
			if err := ctx.Err(); err != nil {
				return err
			}
			var buffer bytes.Buffer
			if err := jpeg.Encode(&buffer, sheet, &jpeg.Options{Quality: quality}); err != nil {
				return err
			}
			s.sheets = append(s.sheets, base64.StdEncoding.EncodeToString(buffer.Bytes()))
			total += len(s.sheets[len(s.sheets)-1])
		}
		if total <= pictureBudget {
			return nil
		}
	}
	return nil
}

// tileSize is a multiple of 16, so that no JPEG block overlaps two tiles.
func tileSize(count int) int {
	switch {
	case count <= 700:
		return 96
	case count <= 1200:
		return 80
	case count <= 1800:
		return 64
	}
	return 48
}

// square is the largest centred square in b.
func square(b image.Rectangle) image.Rectangle {
	side := min(b.Dx(), b.Dy())
	x, y := b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2
	return image.Rect(x, y, x+side, y+side)
}

// style is the part of the style sheet that shows tiles: one class per sheet, column and row.
func (s *sprites) style() string {
	var b strings.Builder
	fmt.Fprintf(&b, ":root{--tile:%dpx}.t{background-size:calc(var(--tile)*%d)}", s.Size, sheetSide)
	for k, sheet := range s.sheets {
		fmt.Fprintf(&b, ".s%d{background-image:url(data:image/jpeg;base64,%s)}", k, sheet)
	}
	for k := range sheetSide {
		fmt.Fprintf(&b, ".x%d{background-position-x:calc(var(--tile)*-%d)}.y%d{background-position-y:calc(var(--tile)*-%d)}", k, k, k, k)
	}
	return b.String()
}

// classes are the CSS classes that show an item: its tile, or a grey one.
func (s *sprites) classes(item int) string {
	if s == nil {
		return "t none"
	}
	k, have := s.tile[item]
	if !have || s.missing[k] {
		return "t none"
	}
	sheet, column, row := s.place(k)
	return fmt.Sprintf("t s%d x%d y%d", sheet, column, row)
}
