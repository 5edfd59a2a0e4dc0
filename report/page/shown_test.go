package page

import (
	"bytes"
	"image"
	"testing"
)

func TestReadShownTellsWhatAPageShows(t *testing.T) {
	whole := made(t, 90, 3, true)
	html, summary := write(t, whole)
	if got, err := ReadShown(html); err != nil || got != (Shown{Map: true, Neighbours: true, Pictures: summary.Pictures}) || summary.Pictures == 0 {
		t.Errorf("a whole page of %d pictures: %+v, %v", summary.Pictures, got, err)
	}
	some := whole
	some.Picture = shown(func(i int) (image.Image, error) {
		if i%2 == 0 {
			return nil, errGone
		}
		return noise(i, i%3, 3), nil
	})
	html, summary = write(t, some)
	if got, err := ReadShown(html); err != nil || got.Pictures != summary.Pictures-summary.Missing || summary.Missing == 0 {
		t.Errorf("a page with %d of %d pictures grey: %+v, %v", summary.Missing, summary.Pictures, got, err)
	}
	bare := whole
	bare.Map, bare.Features, bare.Picture = nil, nil, nil
	html, _ = write(t, bare)
	if got, err := ReadShown(html); err != nil || got != (Shown{}) {
		t.Errorf("a page of the run folder alone: %+v, %v", got, err)
	}
	for _, other := range [][]byte{nil, []byte("<html></html>"), html[:bytes.LastIndex(html, []byte(`id="data"`))+20]} {
		if got, err := ReadShown(other); err == nil {
			t.Errorf("%.40q: %+v, want an error", other, got)
		}
	}
}
