package directions

import "math"

// Candidate is a clustering that can be chosen: a mixture, the result of training one with the I-Con loss, or joined groups.
type Candidate struct {
	Kappa float64 `json:"kappa"`
	Equal bool    `json:"equal,omitempty"` // equal proportions
	Start string  `json:"start"`           // the start it was trained from; for joined groups their name
	// Refined marks the result of training a candidate with the I-Con loss; it has the agreement of the mixtures whose sizes are least
	// free.
	Refined bool `json:"refined,omitempty"`
	// Groups is the number of groups that were joined along the neighbour graph, and 0 for other candidates.
	Groups int `json:"groups,omitempty"`
	// Agreement is the mean share of rows that the probes assign to the same cluster.
	Agreement float64 `json:"agreement"`
	// Explained is the share of the entropy of an image's cluster that its neighbours' clusters explain, from 0 to 1.
	Explained float64 `json:"explained"`
	// Short is how far its mean log-likelihood is below that of the likeliest start of the same mixture, in nats: how much worse its local
	// maximum is.
	Short float64 `json:"short"`
	// Behind is how far its score, Agreement·Explained², is below the best candidate's, in standard errors of the difference over the probes; below 0
	// for joined groups that lead by too little to be chosen.
	Behind float64 `json:"behind"`

	likelihood float64
	agreement  []float64 // with each probe
	byChance   float64   // the agreement with probes of the same sizes that have nothing else in common with it
	emptied    bool      // it has lost clusters that others have
	pardoned   bool      // it is valid although another start is likelier

	cluster []int32
	probes  [][]int32
}

// candidates returns the candidates that sizes allows.
func candidates(s Sizes) []Candidate {
	switch s {
	case SizesBalanced:
		return []Candidate{{Kappa: 15, Equal: true}}
	case SizesFree:
		return []Candidate{{Kappa: 10}}
	}
	return []Candidate{{Kappa: 10}, {Kappa: 15}, {Kappa: 20}, {Kappa: 30}}
}

// choose considers all valid candidates whose scores the probes cannot distinguish from the highest. It takes the one whose sizes are
// least free, and of those the one with the highest score: if the measure does not decide, the simpler model wins. Joined groups are chosen only if they
// lead all others clearly; if free sizes are requested, the highest score decides.
//
// The score is D·U². D is the agreement with the probes: a partition that halves of the features find again is a property of the data. By
// itself it favours clusters of one size, since the halves have less information and so make clusters more equal in size. U = I/H is the
// mutual information of the clusters at both ends of an edge of the neighbour graph over the entropy of a cluster: many edges cross a
// border through the middle of a large group, which adds more to H than to I, while a missed border between two small groups takes as much
// from both. U by itself favours few large clusters. The square is the lowest integer power that separated uneven sets from even ones on
// draws that are in no table of results (docs/methods.md).
func choose(all []Candidate, sizes Sizes) Candidate {
	measure(all)
	best := highest(all, Candidate.valid)
	if best.joined() && !leads(best, all, sizes) {
		best = highest(all, func(c Candidate) bool { return c.valid() && !c.joined() })
	}
	level := doubt(len(best.agreement))
	if sizes == SizesFree || best.joined() {
		level = 0
	}
	chosen := best
	for i := range all {
		c := &all[i]
		c.Behind = behind(best.scores(), c.scores())
		if c.valid() && c.Behind <= level && c.evenerThan(chosen) {
			chosen = *c
		}
	}
	return chosen
}

// evenest is the valid candidate whose sizes are least free. Agreement with halves and neighbours is not asked: if classes are of one size, a
// clustering that joins related ones, and leaves scattered images to small clusters, agrees with both at least as well.
func evenest(all []Candidate) (best Candidate) {
	for _, c := range all {
		if c.valid() && (best.agreement == nil || c.evenerThan(best)) {
			best = c
		}
	}
	return best
}

// evenerThan reports whether c's sizes are less free than those of another; of equally free ones, the higher score decides.
func (c Candidate) evenerThan(other Candidate) bool {
	return c.strictness() > other.strictness() || c.strictness() == other.strictness() && c.score() > other.score()
}

// leads reports whether joined groups, which score highest, do so by more than the I-Con loss could raise the strictest mixture, and, unless free sizes are
// requested, by so much that classes of one size are unlikely: joined in the same way in halves of the features, groups are found again more easily than
// those of a mixture, whatever the truth.
//
// They must also lead in what is agreed beyond chance: partitions into one huge cluster and some outliers agree on most rows whatever the rows are.
func leads(joined Candidate, all []Candidate, sizes Sizes) bool {
	margin := clearLead
	if sizes == SizesFree {
		margin = far
	}
	return joined.ahead(strictest(all), margin)
}

// ahead reports whether c's score is higher than another's by more than a share of that, and higher beyond chance, too.
func (c Candidate) ahead(other Candidate, margin float64) bool {
	return c.score() > (1+margin)*other.score() && c.beyondChance() > other.beyondChance()
}

// beyondChance is the score with the agreement corrected for chance as kappa is (Cohen 1960): (D − C)/(1 − C)·U², where C is the agreement by chance.
func (c Candidate) beyondChance() float64 {
	if c.byChance >= 1 {
		return 0
	}
	return (c.Agreement - c.byChance) / (1 - c.byChance) * c.Explained * c.Explained
}

// highest is the first of the admitted candidates with the highest score.
func highest(all []Candidate, admitted func(Candidate) bool) (best Candidate) {
	for _, c := range all {
		if admitted(c) && (best.agreement == nil || c.score() > best.score()) {
			best = c
		}
	}
	return best
}

// score is D·U²; see choose.
func (c Candidate) score() float64 { return c.Agreement * c.Explained * c.Explained }

// scores returns the scores with each probe.
func (c Candidate) scores() []float64 {
	list := make([]float64, len(c.agreement))
	for p, a := range c.agreement {
		list[p] = a * c.Explained * c.Explained
	}
	return list
}

// measure compares the results of each mixture from its starts: the likeliest is valid. A clustering with an empty cluster is not, if
// the same mixture has none from another start. Nor is one with many fewer clusters than any mixture: where classes lie in groups that are far apart, learned
// proportions may leave one cluster for each group, which halves find again and neighbours explain better than the classes.
//
// A mixture that leads the best valid one as clearly as joined groups must is pardoned for being less likely, and for a few empty clusters: where one class is many
// times as large as another, or classes lie in groups, a likelier mixture may divide a large class and join others.
func measure(all []Candidate) {
	filled, whole := make([]int, len(all)), 0
	for i, c := range all {
		if filled[i] = used(c.cluster); c.mixture() {
			whole = max(whole, filled[i])
		}
	}
	for i := range all {
		c, most := &all[i], 0
		for o, other := range all {
			if other.mixture() && other.sameMixture(*c) {
				most = max(most, filled[o])
			}
		}
		c.Short, c.pardoned, c.emptied = 0, false, filled[i] < most || float64(filled[i]) < merged*float64(whole)
		for o, other := range all {
			if other.mixture() && other.sameMixture(*c) && filled[o] == most {
				c.Short = max(c.Short, other.likelihood-c.likelihood)
			}
		}
	}
	most := highest(all, func(c Candidate) bool { return c.valid() && c.mixture() })
	for i := range all {
		c := &all[i]
		c.pardoned = c.mixture() && float64(filled[i]) >= (1-lost)*float64(whole) && c.ahead(most, clearLead)
	}
}

// used is the number of clusters that have rows.
func used(cluster []int32) (count int) {
	var has []bool
	for _, c := range cluster {
		for int(c) >= len(has) {
			has = append(has, false)
		}
		if !has[c] {
			has[c] = true
			count++
		}
	}
	return count
}

// mixture reports whether the candidate is a mixture, neither refined nor joined.
func (c Candidate) mixture() bool { return !c.Refined && !c.joined() }

func (c Candidate) joined() bool { return c.Groups > 0 }

// kind says what the candidate is.
func (c Candidate) kind() string {
	switch {
	case c.Refined:
		return "head trained by the I-Con loss"
	case c.joined():
		return joinedName
	}
	return "mixture"
}

// valid reports whether a candidate may be chosen: of one mixture from several starts only the likeliest, unless another leads clearly, a result of the I-Con loss
// only if a mixture from it is about as likely, and joined groups however likely, since the mixtures prefer groups of one radius.
func (c Candidate) valid() bool {
	return c.pardoned || !c.emptied && (c.Short == 0 || c.Refined && c.Short <= hopeless || c.joined())
}

// strictness is higher the less a candidate lets sizes differ: the I-Con loss, which penalises large clusters, is the strictest, and joined
// groups, each of any size, the least strict.
func (c Candidate) strictness() float64 {
	switch {
	case c.Refined:
		return math.Inf(1)
	case c.joined():
		return 0
	}
	return c.Kappa
}

// behind is the mean of a − b over its standard error; 0 if they are equal.
func behind(a, b []float64) float64 {
	n, mean, square := float64(len(a)), 0.0, 0.0
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	for i := range a {
		square += (a[i] - b[i] - mean) * (a[i] - b[i] - mean)
	}
	if mean == 0 {
		return 0
	}
	if square == 0 {
		return math.Copysign(math.MaxFloat64, mean)
	}
	return mean / math.Sqrt(square/(n-1)/n)
}

// sameMixture reports whether the mixtures of two candidates, or those trained from their clusters, differ only in their start.
func (c Candidate) sameMixture(o Candidate) bool { return c.Kappa == o.Kappa && c.Equal == o.Equal }

// sameProbes reports whether two candidates have the same probes.
func (c Candidate) sameProbes(o Candidate) bool { return c.sameMixture(o) && c.Groups == o.Groups }
