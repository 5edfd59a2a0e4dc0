package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"iconic/internal/plural"
)

// table is a confusion matrix: true classes in rows, clusters in columns. Without labels, the rows are the clusters of
// k-means, so the matrix compares two methods that used no labels.
type table struct {
	rowNames, colNames []string
	count              [][]int // rows × columns
	rowKind            string  // "class" or "k-means cluster"
	order              []int   // cluster of each column
}

// confusion counts rows against clusters, and orders clusters by their matched row, so that agreement is
// on the diagonal; unmatched clusters come last, and those merged into others have no column.
func confusion(rows, clusters []int, rowNames []string, rowOf, merged []int, colName func(c int) string, rowKind string) *table {
	var order []int
	for c := range rowOf {
		if !slices.Contains(merged, c) {
			order = append(order, c)
		}
	}
	place := func(c int) int {
		if rowOf[c] < 0 {
			return math.MaxInt
		}
		return rowOf[c]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if pa, pb := place(a), place(b); pa != pb {
			if pa < pb {
				return -1
			}
			return 1
		}
		return 0
	})
	column := make([]int, len(rowOf))
	t := &table{rowNames: rowNames, rowKind: rowKind, order: order}
	for k, c := range order {
		column[c] = k
		t.colNames = append(t.colNames, colName(c))
	}
	t.count = make([][]int, len(rowNames))
	for k := range t.count {
		t.count[k] = make([]int, len(order))
	}
	for i, r := range rows {
		if r >= 0 {
			t.count[r][column[clusters[i]]]++
		}
	}
	return t
}

// columnsName is the name of the horizontal axis.
const columnsName = "clusters, ordered by the matching"

// numbered is the size of the largest matrix with numbers in its cells.
const numbered = 24

func (t *table) draw() template.HTML {
	if len(t.rowNames) <= numbered && len(t.colNames) <= numbered {
		return t.drawNumbers()
	}
	return t.drawPixels()
}

func (t *table) words() string {
	return fmt.Sprintf("Confusion matrix: %s by %s, %s by cluster, ordered by the matching.", plural.Of(len(t.rowNames), "row", "rows"), t.rowKind, plural.Of(len(t.colNames), "column", "columns"))
}

// share is a cell's share of its row; 0 for an empty row.
func (t *table) share(r, c int) float64 {
	sum := 0
	for _, n := range t.count[r] {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	return float64(t.count[r][c]) / float64(sum)
}

// drawNumbers shades each cell by its share of the row, in steps of 1/20, and writes its count.
func (t *table) drawNumbers() template.HTML {
	p := t.frame()
	left, top := p.left, p.top
	p.names(columnsName, t.rowKind)
	for r, name := range t.rowNames {
		p.text("tick", "end", left-8, top+(float64(r)+.5)*cell+4, shortened(name, rowLetters))
		for c := range t.colNames {
			share := t.share(r, c)
			x, y := left+float64(c)*cell, top+float64(r)*cell
			fmt.Fprintf(p, `<rect class="cell" fill-opacity="%s" x="%s" y="%s" width="%s" height="%s">`, num(math.Ceil(share*20)/20), num(x+.5), num(y+.5), num(cell-1), num(cell-1))
			p.tip(fmt.Sprintf("%s %s, %s: %s, %.1f %% of its row", t.rowKind, name, t.colNames[c], items(t.count[r][c]), 100*share))
			p.WriteString("</rect>")
			if t.count[r][c] > 0 {
				class := "incell"
				if share > .75 { // dark enough in a dark theme, too, for the other colour
					class = "incell over"
				}
				p.text(class, "middle", x+cell/2, y+cell/2+4, compact(float64(t.count[r][c])))
			}
		}
	}
	for c, name := range t.colNames {
		x := left + (float64(c)+.5)*cell
		fmt.Fprintf(p, `<text class="tick" text-anchor="start" transform="translate(%s %s) rotate(-45)">%s</text>`, num(x+2), num(top-8), template.HTMLEscapeString(shortened(name, columnLetters)))
	}
	return p.done()
}

// Of a matrix with numbers, in units of the view box: the side of a cell, the width of a letter, and that of one in the name of an axis.
const cell, letter, nameLetter = 34.0, 6.2, 6.5

// Names of rows and columns are shortened to this many letters.
const rowLetters, columnLetters = 22, 18

// frame is an empty matrix with numbers, whose margins hold the names of rows, columns and both axes, however few cells there are: the axes' names
// are centred beside the cells, and neither leaves the image or meets the other.
func (t *table) frame() *plot {
	long := func(names []string, limit int) (most float64) {
		for _, name := range names {
			most = max(most, letter*float64(min(limit, utf8.RuneCountInString(name))))
		}
		return most
	}
	const sideways = 18 // taken by the name of the vertical axis, and by that of the horizontal one
	width, height := float64(len(t.colNames))*cell, float64(len(t.rowNames))*cell
	over := (nameLetter*float64(utf8.RuneCountInString(columnsName)) - width) / 2 // of the horizontal name over the cells, on each side
	tall := (nameLetter*float64(utf8.RuneCountInString(t.rowKind)) - height) / 2
	aslant := math.Sqrt2 / 2 * long(t.colNames, columnLetters)
	left := max(62, 34+long(t.rowNames, rowLetters), sideways+6+over)
	right := max(14, aslant+8-cell/2, over+4)
	top, bottom := max(18+aslant, tall+2), max(24, sideways+tall)
	p := newPlot(left+width+right, top+height+bottom, t.words())
	p.left, p.right, p.top, p.bottom, p.own = left, right, top, bottom, true
	return p
}

// drawPixels draws one pixel per cell, with the square root of its share of the row as opacity, so that small confusions
// are visible; the colour works on dark and light backgrounds.
func (t *table) drawPixels() template.HTML {
	rows, cols := len(t.rowNames), len(t.colNames)
	picture := image.NewNRGBA(image.Rect(0, 0, cols, rows))
	for r := range rows {
		for c := range cols {
			if share := t.share(r, c); share > 0 {
				picture.SetNRGBA(c, r, color.NRGBA{R: 0x1a, G: 0x8f, B: 0x98, A: uint8(math.Round(255 * math.Sqrt(share)))})
			}
		}
	}
	var buffer bytes.Buffer
	if err := png.Encode(&buffer, picture); err != nil {
		return "" // writing to memory cannot fail, and the image is not empty
	}
	const side, left, top = 520.0, 46.0, 12.0
	height := side * min(1.6, max(0.25, float64(rows)/float64(cols)))
	p := newPlot(left+side+12, top+height+40, t.words())
	p.own = true
	p.rangeX(0, float64(cols))
	p.rangeY(float64(-rows), 0)
	fmt.Fprintf(p, `<rect class="ground" x="%s" y="%s" width="%s" height="%s"/>`, num(left), num(top), num(side), num(height))
	fmt.Fprintf(p, `<image class="pixels" x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" href="data:image/png;base64,%s"/>`,
		num(left), num(top), num(side), num(height), base64.StdEncoding.EncodeToString(buffer.Bytes()))
	p.axes(columnsName, t.rowKind, nil, nil, short, short)
	for _, v := range wholeTicks(0, float64(rows)) {
		p.text("tick", "end", left-6, p.y(-v)+3.5, strconv.Itoa(int(v)))
	}
	for _, v := range wholeTicks(0, float64(cols)) {
		p.text("tick", "middle", p.x(v), top+height+16, strconv.Itoa(int(v)))
	}
	return p.done()
}

// mistake is an off-diagonal cell.
type mistake struct {
	Row, Column string
	Count       int
	Share       float64 // of the row
}

// mistakes lists the largest off-diagonal cells, at most limit; a column is called by its cluster.
func (t *table) mistakes(limit int, matched func(r, c int) bool, called func(cluster int) string) []mistake {
	var list []mistake
	for r := range t.count {
		for c, n := range t.count[r] {
			if n > 0 && !matched(r, c) {
				list = append(list, mistake{t.rowNames[r], called(t.order[c]), n, 0})
				list[len(list)-1].Share = t.share(r, c)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b mistake) int { return b.Count - a.Count })
	return list[:min(limit, len(list))]
}

// shortened removes the middle of a long name.
func shortened(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	head := (limit - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(limit-1-head):])
}
