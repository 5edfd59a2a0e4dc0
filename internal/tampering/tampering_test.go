package tampering

import (
	"slices"
	"strings"
	"testing"
)

func TestJSONTouchesEveryPart(t *testing.T) {
	file := []byte(`{"a": 1, "b": [2, {"c": "x"}, 3], "d": {"e": null}}`)
	var names []string
	seen := map[string]bool{}
	for name, b := range JSON(file) {
		if seen[string(b)] {
			continue // some variants are equal
		}
		seen[string(b)] = true
		if name, value, ok := strings.Cut(name, ": "); ok && value == "-1" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != " .a .b .b[0] .b[2] .d .d.e" {
		t.Errorf("tampered with %s", got)
	}
	for _, want := range []string{
		`{"a": 1, "b": [2, {"c": "x"}, 3], "d": {"e": -1}}`, `{"a": 1, "b": [{"c":"x"},3], "d": {"e": null}}`, `{"a": 1,"a":0, "b": [2, {"c": "x"}, 3], "d": {"e": null}}`,
		`{"a": 0,"x":1, "b": [2, {"c": "x"}, 3], "d": {"e": null}}`,
	} {
		if !seen[want] {
			t.Errorf("no variant %s", want)
		}
	}
}
