package table

import (
	"fmt"
	"math"
	"slices"
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

// missing are the names, in lower case, that programs write for a missing value. −1 is a class only among labels that are not all whole numbers.
var missing = []string{"nan", "na", "n/a", "<na>", "null", "none", "-1"}

// Missing counts the labels whose classes are called like a missing value. labels are indices into classes, negative for none. such lists these classes,
// quoted, each after its number of labels.
func Missing(classes []string, labels []int) (n int, such string) {
	count := make([]int, len(classes))
	for _, l := range labels {
		if l >= 0 {
			count[l]++
		}
	}
	var all []string
	for c, name := range classes {
		if slices.Contains(missing, strings.ToLower(name)) && count[c] > 0 {
			n += count[c]
			all = append(all, fmt.Sprintf("%d %q", count[c], name))
		}
	}
	return n, strings.Join(all, ", ")
}

// SameNumber counts the names of classes that are whole numbers equal to another's, such as 1 and 01. such is two of them, quoted.
func SameNumber(classes []string) (n int, such string) {
	value := map[int64][]string{}
	for _, name := range classes {
		if v, whole := wholeNumber(name); whole {
			value[v] = append(value[v], name)
		}
	}
	for _, name := range classes {
		v, whole := wholeNumber(name)
		if all := value[v]; whole && len(all) > 1 {
			if n++; n == 1 {
				such = fmt.Sprintf("%q and %q", all[0], all[1])
			}
		}
	}
	return n, such
}
