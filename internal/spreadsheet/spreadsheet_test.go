package spreadsheet

import "testing"

func TestText(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "a=b": "a=b", "'=1": "''=1", "''": "''", "'a": "'a", "-0.5": "-0.5", "+1e-5": "+1e-5", "-1-1": "'-1-1", "+Inf": "'+Inf", " =1": " =1", "photo-1.jpg": "photo-1.jpg",
		"=1+1": "'=1+1", "+a.png": "'+a.png", "-rf": "'-rf", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := Text(cell); got != want || Plain(got) != cell {
			t.Errorf("%q: %q, want %q, and %q again", cell, got, want, Plain(got))
		}
		if Computed(Text(cell)) {
			t.Errorf("%q is still computed", Text(cell))
		}
	}
}
