package page

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Shown is what a run's page has that needs features or images, and not only the run folder.
type Shown struct {
	Map        bool
	Neighbours bool // of the pictured items
	Pictures   int  // grey tiles are none
}

// ReadShown reads from a page of a run, as Write or its earlier versions made it, what it shows.
func ReadShown(html []byte) (Shown, error) {
	_, data, found := bytes.Cut(html, []byte(`<script type="application/json" id="data">`))
	data, _, closed := bytes.Cut(data, []byte("</script>"))
	if !found || !closed {
		return Shown{}, fmt.Errorf("not the page of a run, or one that was cut short")
	}
	var d pageData
	if err := json.Unmarshal(data, &d); err != nil {
		return Shown{}, fmt.Errorf("the data of a page: %w", err)
	}
	s := Shown{Map: d.Points > 0, Neighbours: len(d.Neighbours) > 0}
	for _, item := range d.ItemOfTile {
		if item >= 0 && item < len(d.Tile) && d.Tile[item] >= 0 {
			s.Pictures++
		}
	}
	return s, nil
}
