package clustercount

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"iconic/head/space"
)

// conclude derives the suggestion from a curve.
func conclude(curve []Point) *Suggestion {
	best := highest(curve)
	s := &Suggestion{Clusters: best.Clusters, Curve: curve}
	at, margin := 0, as*noise(curve, best.Clusters)
	for i, p := range curve {
		if p.Clusters == best.Clusters {
			at = i
		}
	}
	asGood := func(i int) bool { return i >= 0 && i < len(curve) && best.Score-curve[i].Score <= margin }
	from, to := at, at
	for asGood(from-1) || asGood(from-2) {
		from--
	}
	for asGood(to+1) || asGood(to+2) {
		to++
	}
	s.From, s.To = curve[from].Clusters, curve[to].Clusters
	s.Also = others(curve, at, from, to)
	return s
}

// others returns the local maxima outside of the range that are worth naming: a valley separates each from any higher point.
func others(curve []Point, best, from, to int) (also []int) {
	for i, p := range curve {
		if i >= from && i <= to || p.Score < worth*curve[best].Score {
			continue
		}
		if prominent(curve, i, -1) && prominent(curve, i, 1) {
			also = append(also, p.Clusters)
		}
	}
	return also
}

// prominent reports whether, going from point i in a direction, the score falls far enough before it exceeds the score at i.
func prominent(curve []Point, i, direction int) bool {
	low := curve[i].Score
	for j := i + direction; j >= 0 && j < len(curve); j += direction {
		if curve[j].Score > curve[i].Score {
			return low < valley*curve[i].Score
		}
		low = min(low, curve[j].Score)
	}
	return low < valley*curve[i].Score
}

// noise is the standard error of the difference of two scores, from the residuals of the splits' scores around the best number after
// subtracting the mean of each number and the effect of each split. A single number has too few splits for an estimate of its own.
func noise(curve []Point, best int) float64 {
	var about []Point
	for _, p := range curve {
		if p.Clusters >= best/2 && p.Clusters <= 2*best {
			about = append(about, p)
		}
	}
	splits := len(curve[0].scores)
	effect := make([]float64, splits)
	for _, p := range about {
		for i, s := range p.scores {
			effect[i] += (s - p.Score) / float64(len(about))
		}
	}
	square := 0.0
	for _, p := range about {
		for i, s := range p.scores {
			r := s - p.Score - effect[i]
			square += r * r
		}
	}
	free := (len(about) - 1) * (splits - 1)
	if free < 1 {
		return 0
	}
	return math.Sqrt(2 * square / float64(free) / float64(splits))
}

// Sentence describes the suggestion, its reason and its uncertainty.
func (s *Suggestion) Sentence() string {
	var b strings.Builder
	p := s.Curve[slices.IndexFunc(s.Curve, func(p Point) bool { return p.Clusters == s.Clusters })]
	if s.From == s.To {
		fmt.Fprintf(&b, "%d clusters; no other number tried is as good", s.Clusters)
	} else {
		fmt.Fprintf(&b, "between %d and %d clusters; %d chosen", s.From, s.To, s.Clusters)
	}
	fmt.Fprintf(&b, ": it best combines detail with agreement (partitions made from separate halves of the features agree on %.0f %% of the images)", 100*p.Agreement)
	if len(s.Also) > 0 {
		fmt.Fprintf(&b, "; %s would also be natural", list(s.Also))
	}
	switch {
	case s.Given && s.Clusters == s.Curve[0].Clusters:
		b.WriteString("; no smaller number was compared, and a smaller one may be better")
	case s.Given && s.Clusters == s.Most:
		b.WriteString("; no larger number was compared, and a larger one may be better")
	case s.Clusters == s.Most:
		fmt.Fprintf(&b, "; larger numbers could not be tried with %d images, so there may be more", s.Rows)
	}
	if (p.Agreement-s.Chance)/(1-s.Chance) < little {
		fmt.Fprintf(&b, "; features without any clusters give an agreement of %.0f %%, so the data may have no clusters at all", 100*s.Chance)
	}
	if 0 < s.Columns && s.Columns <= space.FewColumns {
		fmt.Fprintf(&b, "; halves of only %d columns have little in common, so the number is uncertain", s.Columns)
	}
	if s.Rows < s.Of {
		fmt.Fprintf(&b, "; %d of %d images were used", s.Rows, s.Of)
	}
	return b.String()
}

// list formats numbers as "a", "a and b" or "a, b and c".
func list(numbers []int) string {
	words := make([]string, len(numbers))
	for i, k := range numbers {
		words[i] = fmt.Sprint(k)
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return words[0]
}
