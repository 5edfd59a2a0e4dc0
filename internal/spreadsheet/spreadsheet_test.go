package spreadsheet

import "testing"

func TestText(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "a=b": "a=b", "'=1": "'=1", " =1": " =1", "photo-1.jpg": "photo-1.jpg",
		"=1+1": "'=1+1", "+a.png": "'+a.png", "-rf": "'-rf", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := Text(cell); got != want || Computed(cell) != (got != cell) {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
		if Computed(Text(cell)) {
			t.Errorf("%q is still computed", Text(cell))
		}
	}
}
