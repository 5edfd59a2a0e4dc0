package store

import "testing"

func TestNamesOfParts(t *testing.T) {
	if got := PartName(2, 4); got != "part-00002-of-00004" {
		t.Errorf("%q", got)
	}
	for name, want := range map[string][2]int{
		PartName(1, 1): {1, 1}, PartName(2, 4): {2, 4}, PartName(123456, 1000000): {123456, 1000000}, "part-2-of-4": {2, 4},
		"part-5-of-4": {}, "part-0-of-4": {}, "part-x-of-4": {}, "part-2": {}, "2-of-4": {}, "": {},
	} {
		part, parts, ok := ParsePart(name)
		if ok != (want[0] > 0) || ok && (part != want[0] || parts != want[1]) {
			t.Errorf("%q: %d of %d, %t", name, part, parts, ok)
		}
	}
}

func TestNamesOfFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"manifest.json": true, "items.jsonl": true, "features-00000.npy": true, "features-123456.npy": true, ".partial/settings.json": true,
		".partial/00012-0123456789abcdef.npy": true, ".partial/00012-0123456789abcdef.journal": true,
		"features-mine.npy": false, "features-00000.npz": false, "part-00001-of-00002/manifest.json": false, ".partial/part/settings.json": false,
		"x/manifest.json": false, "../manifest.json": false, ".partial/../x.npy": false, ".partial": false, ".lock": false, "": false, "/manifest.json": false,
	} {
		if IsFile(name) != want {
			t.Errorf("%q: %t, want %t", name, !want, want)
		}
	}
}
