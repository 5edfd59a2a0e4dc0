package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// numbered is the name of a file that is one of a series: train-00000-of-00003.parquet. A checksum may follow.
var numbered = regexp.MustCompile(`^(.*)-(\d{1,9})-of-(\d{1,9})\D`)

// series are the files of one name and total.
type series struct{ name, total string }

// missFiles records the files that are missing from series, whose names state how many there are. Numbers start at 0 or, if the last is there, at
// 1.
func (s *Set) missFiles(files []holder) {
	width, present := map[series]int{}, map[series]map[int]bool{}
	for _, f := range files {
		parts := numbered.FindStringSubmatch(f.name)
		if parts == nil {
			continue
		}
		of := series{parts[1], parts[3]}
		if present[of] == nil {
			present[of], width[of] = map[int]bool{}, len(parts[2])
		}
		n, _ := strconv.Atoi(parts[2]) // nine digits at most
		present[of][n] = true
	}
	for _, of := range slices.SortedFunc(maps.Keys(present), func(a, b series) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.total, b.total))
	}) {
		total, _ := strconv.Atoi(of.total)
		first := 0
		if present[of][total] {
			first = 1
		}
		there := 0
		for n := range present[of] {
			if n >= first && n < first+total {
				there++
			}
		}
		s.missing += total - there
		for n := first; n < first+total && len(s.missed) < mostNames; n++ {
			if !present[of][n] {
				s.missed = append(s.missed, fmt.Sprintf("%s-%0*d-of-%s", of.name, width[of], n, of.total))
			}
		}
	}
}

// missingNote lists the missing files; "" if there are none.
func (s *Set) missingNote() string {
	if s.missing == 0 {
		return ""
	}
	others := ""
	if n := s.missing - len(s.missed); n > 0 {
		others = fmt.Sprintf(" and %d others", n)
	}
	return fmt.Sprintf("files that are missing by the numbers in the names of the others: %d (%s%s)", s.missing, strings.Join(s.missed, ", "), others)
}
