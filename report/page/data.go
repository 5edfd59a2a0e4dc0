package page

import (
	"context"
	"encoding/json"
	"html/template"
	"math"
	"slices"

	"iconic/internal/parallel"
	"iconic/matrix"
)

// pageData is the data for the page's script. Items are renumbered: map points first, then the other items with
// images.
type pageData struct {
	Clusters   []dataCluster `json:"clusters"`
	Classes    []string      `json:"classes"`
	Path       []string      `json:"path"`
	Cluster    []int         `json:"cluster"`
	Label      []int         `json:"label,omitempty"`
	Confidence []float64     `json:"confidence"`
	Tile       []int         `json:"tile"` // −1: none
	Points     int           `json:"points"`
	X          []int         `json:"x,omitempty"` // 0 … 4095, y downwards
	Y          []int         `json:"y,omitempty"`
	Neighbours [][]int       `json:"neighbours,omitempty"` // of tiles: items, nearest first
	ItemOfTile []int         `json:"itemOfTile,omitempty"`
	SheetSide  int           `json:"sheetSide"`

	number map[int]int // item of the run → item of the page
}

type dataCluster struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	Mine int    `json:"class"` // the class that counts as correct in it; −1: none
}

// neighboursShown is the number of neighbours that the page shows for an item.
const neighboursShown = 8

func (r *Run) data(ctx context.Context, s *sprites) (*pageData, error) {
	d := &pageData{SheetSide: sheetSide, number: map[int]int{}}
	for c, size := range r.Metrics.ClusterSizes {
		d.Clusters = append(d.Clusters, dataCluster{r.nameOf(c), size, r.classOf(c)})
	}
	if r.Metrics.Labelled != nil {
		d.Classes = r.Metrics.Labelled.Classes
	}
	add := func(item int) {
		if _, known := d.number[item]; known {
			return
		}
		d.number[item] = len(d.Path)
		d.Path = append(d.Path, shortened(r.Paths[item], 60))
		d.Cluster = append(d.Cluster, r.Cluster[item])
		d.Confidence = append(d.Confidence, math.Round(r.Confidence[item]*1e4)/1e4)
		if r.labelled() {
			d.Label = append(d.Label, r.Labels[item])
		}
		tile := -1
		if s != nil {
			if k, have := s.tile[item]; have && !s.missing[k] {
				tile = k
			}
		}
		d.Tile = append(d.Tile, tile)
	}
	if r.Map != nil {
		for _, i := range r.Map.Rows {
			add(i)
		}
		d.Points = len(d.Path)
		d.X, d.Y = quantised(r.Map.XY)
	}
	if s == nil {
		return d, nil
	}
	for _, i := range s.item {
		add(i)
		d.ItemOfTile = append(d.ItemOfTile, d.number[i])
	}
	if r.Features == nil {
		return d, nil
	}
	near, err := nearest(ctx, r.Features, s.item, neighboursShown, r.Workers)
	if err != nil {
		return nil, err
	}
	for k := range near {
		for e, i := range near[k] {
			near[k][e] = d.number[i]
		}
	}
	d.Neighbours = near
	return d, nil
}

// json is the data as text for a script element: the encoder escapes <, > and &.
func (d *pageData) json() (template.JS, error) {
	raw, err := json.Marshal(d)
	return template.JS(raw), err
}

// quantised scales a layout to a square of 4096 steps, preserving its proportions.
func quantised(xy []float32) (x, y []int) {
	lowX, highX, lowY, highY := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for k := 0; k < len(xy); k += 2 {
		lowX, highX = min(lowX, float64(xy[k])), max(highX, float64(xy[k]))
		lowY, highY = min(lowY, float64(xy[k+1])), max(highY, float64(xy[k+1]))
	}
	side := max(highX-lowX, highY-lowY, 1e-30)
	offsetX, offsetY := (side-(highX-lowX))/2, (side-(highY-lowY))/2
	for k := 0; k < len(xy); k += 2 {
		x = append(x, int(math.Round((float64(xy[k])-lowX+offsetX)/side*4095)))
		y = append(y, 4095-int(math.Round((float64(xy[k+1])-lowY+offsetY)/side*4095)))
	}
	return x, y
}

// nearest finds for each item its k nearest neighbours among the others, by cosine similarity of their features, nearest first.
func nearest(ctx context.Context, f matrix.Features, items []int, k, workers int) ([][]int, error) {
	d := f.Dim()
	rows := make([]int32, len(items))
	for e, i := range items {
		rows[e] = int32(i)
	}
	x := make([]float32, len(items)*d)
	if err := f.Gather(x, rows); err != nil {
		return nil, err
	}
	for row := range slices.Chunk(x, d) {
		var square float64
		for _, v := range row {
			square += float64(v) * float64(v)
		}
		if square > 0 {
			scale := float32(1 / math.Sqrt(square))
			for j := range row {
				row[j] *= scale
			}
		}
	}
	near := make([][]int, len(items))
	err := parallel.Blocks(ctx, workers, len(items), 16, func(_, lo, hi int) error {
		for a := lo; a < hi; a++ {
			near[a] = nearestTo(a, x, d, items, k)
		}
		return nil
	})
	return near, err
}

func nearestTo(a int, x []float32, d int, items []int, k int) []int {
	type candidate struct {
		at     int
		cosine float32
	}
	best := make([]candidate, 0, k+1)
	own := x[a*d : (a+1)*d]
	for b := range items {
		if b == a {
			continue
		}
		var dot float32
		for j, v := range x[b*d : (b+1)*d] {
			dot += v * own[j]
		}
		if len(best) == k && !(dot > best[k-1].cosine) {
			continue
		}
		at := len(best)
		for at > 0 && dot > best[at-1].cosine {
			at--
		}
		best = slices.Insert(best, at, candidate{b, dot})
		best = best[:min(k, len(best))]
	}
	list := make([]int, len(best))
	for e, c := range best {
		list[e] = items[c.at]
	}
	return list
}
