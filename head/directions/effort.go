package directions

// effort is how often the costly stages of a search are repeated.
type effort struct {
	starts  int // k-means runs that start mixtures, with more than few clusters
	critics int // k-means runs on the unprocessed features that a partition is compared with
	probes  int // random halves of the features
}

// Bounds of the effort. With so many rows and clusters that less than the most is affordable, repetitions differ little: shares of a hundred
// thousand rows vary by a few thousandths from run to run.
const (
	mostStarts, leastStarts   = 32, 4
	mostCritics, leastCritics = 8, 2
	mostProbes, leastProbes   = 8, 4
)

// work bounds the multiply-adds of the repetitions of a stage, each counted as a k-means run that does not stop early.
const work = 4e12

// effort returns how often stages are repeated: as often as work allows, within the bounds.
func (s *search) effort() effort {
	one := float64(s.z.Len()) * float64(s.z.Dim()) * float64(s.options.Clusters) * iterations
	repeated := func(most, least int) int { return max(least, int(min(float64(most), work/one))) }
	e := effort{repeated(mostStarts, leastStarts), repeated(mostCritics, leastCritics), repeated(mostProbes, leastProbes)}
	if s.few() {
		e.starts = startsFew
	}
	return e
}

// doubt is the largest lead of one candidate over another, in standard errors estimated from a number of probes, that is not significant at the
// one-sided level of 5 % of Student's t.
func doubt(probes int) float64 {
	levels := [...]float64{2.35, 2.13, 2.02, 1.94, 1.9} // with 4 to 8 probes
	return levels[min(max(probes, leastProbes), mostProbes)-leastProbes]
}
