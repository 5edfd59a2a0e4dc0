package page

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Shown lists the parts of a run's page that need features or images in addition to the run folder.
type Shown struct {
	Map        bool
	Neighbours bool // of the items with an image
	Pictures   int  // grey tiles do not count
}

// ReadShown reads from a run's page, written by Write or an earlier version of it, which of these parts it shows.
func ReadShown(html []byte) (Shown, error) {
	_, data, found := bytes.Cut(html, []byte(`<script type="application/json" id="data">`))
	data, _, closed := bytes.Cut(data, []byte("</script>"))
	if !found || !closed {
		return Shown{}, fmt.Errorf("not the page of a run, or incomplete")
	}
	var d pageData
	if err := json.Unmarshal(data, &d); err != nil {
		return Shown{}, fmt.Errorf("page data: %w", err)
	}
	s := Shown{Map: d.Points > 0, Neighbours: len(d.Neighbours) > 0}
	for _, item := range d.ItemOfTile {
		if item >= 0 && item < len(d.Tile) && d.Tile[item] >= 0 {
			s.Pictures++
		}
	}
	return s, nil
}
