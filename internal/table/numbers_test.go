package table

import (
	"slices"
	"strings"
	"testing"
)

func TestWholeNumbers(t *testing.T) {
	for name, c := range map[string][2]string{
		"as they are":           {"0 1 10", "0 1 10"},
		"points":                {"0.000 1. 2", "0 1 2"},
		"as R writes them":      {"1.0e+00 1.0e+01 0.0e+00", "1 10 0"},
		"as NumPy writes them":  {"1.500000000000000000e+01 0.000000000000000000e+00 nan", "15 0 "},
		"an exponent":           {"1e3 2", "1000 2"},
		"none":                  {"1 -1 -1.0 -7e0 NaN  0", "1      0"},
		"only none":             {"-1 nan", " "},
		"minus zero":            {"-0.0 1", "0 1"},
		"leading zeros":         {"001 002 010", "001 002 010"},
		"zeros that differ":     {"01 1 -1", "01 1 "},
		"a point that differs":  {"1.0 1 2.0", "1.0 1 2.0"},
		"an exponent, likewise": {"1e3 1000", "1e3 1000"},
		"underscores":           {"1_0 10 -1", "1_0 10 -1"},
		"hexadecimal":           {"0x1p3 8", "0x1p3 8"},
		"fractions":             {"0.5 1.0 nan", "0.5 1.0 nan"},
		"words":                 {"cat nan -1 1.0", "cat nan -1 1.0"},
		"not an exact number":   {"1e300 1.0", "1e300 1.0"},
	} {
		names := strings.Split(c[0], " ")
		if WholeNumbers(names); !slices.Equal(names, strings.Split(c[1], " ")) {
			t.Errorf("%s: %q of %q, want %q", name, names, c[0], c[1])
		}
	}
}
