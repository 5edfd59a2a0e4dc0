package table

import (
	"math"
	"strconv"
	"strings"
)

// WholeNumbers normalises the names of classes if all of them are whole numbers: a negative one and NaN become empty, which means no label,
// and others are written without a point or an exponent, 10 for 1.0e+01. It leaves the positive ones as they are if that would give two
// different names to one class.
func WholeNumbers(names []string) {
	plain := map[string]string{} // as written → normalised
	for _, s := range names {
		if _, known := plain[s]; known || s == "" {
			continue
		}
		v, whole := wholeNumber(s)
		switch {
		case strings.EqualFold(s, "nan") || whole && v < 0:
			plain[s] = ""
		case !whole:
			return
		case strings.Trim(s, "0123456789") == "": // with its leading zeros
			plain[s] = s
		default:
			plain[s] = strconv.FormatInt(v, 10)
		}
	}
	keep := merges(plain)
	for i, s := range names {
		if n := plain[s]; n == "" || !keep {
			names[i] = n
		}
	}
}

// merges reports whether two of the names, which are whole numbers, have the same value and are not negative.
func merges(plain map[string]string) bool {
	seen := map[int64]bool{}
	for s, n := range plain {
		if n == "" {
			continue
		}
		v, _ := wholeNumber(s)
		if seen[v] {
			return true
		}
		seen[v] = true
	}
	return false
}

// wholeNumber is the value of a whole number in decimal notation, with or without a point and an exponent.
func wholeNumber(s string) (v int64, ok bool) {
	if strings.Trim(s, "+-.0123456789eE") != "" { // such as 1_0, 0x1p3 and infinity
		return 0, false
	}
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
}
