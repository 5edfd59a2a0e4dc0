package confidence

import "math"

// Few is the number of clusters up to which an agreement with cruder clusterings is corrected.
const Few = 20

// Shares of a cluster's entropy that neighbours explain: that at which the agreement of few clusters needs no correction, and the range within
// which corrections are known.
const typical, lowest, highest = 0.74, 0.64, 0.85

// Corrected is the expected accuracy of a clustering into a number of clusters, from the agreement with cruder ones found independently of it and
// from U, the share of the entropy of a row's cluster that its neighbours' clusters explain (partition.Information); all are from 0 to 1. With more
// than Few clusters it is the agreement.
//
// The agreement assumes that the truth differs from the clustering about as much as the cruder ones do. With few clusters, where clusters are good,
// the others are much cruder than the clustering, and where they are bad, the others share more of its faults. How well clusters are separated in
// the neighbour graph tells the two cases apart:
//
//	logit(expected) = logit(agreement) + ½ (logit(U) − logit(0.74))
//
// The half, the 0.74 at which nothing changes and the range of U at whose ends it is cut off, 0.64 to 0.85, come from labelled draws
// (docs/results.md): with ½ the mean ECE over 1,223 of them is lowest, and within 0.001 of it from 0.25 to 0.75.
func Corrected(agreement, explained float64, clusters int) float64 {
	if clusters > Few {
		return agreement
	}
	o := odds(agreement) * math.Sqrt(odds(min(max(explained, lowest), highest))/odds(typical))
	return o / (1 + o)
}

// Together is the agreement with two kinds of witnesses, where the first counts twice. With more than Few clusters it is (2·first + second)/3. With few, where one kind
// may see nothing of the clusters, such as k-means of features of which one column or a few rows exceed all others, it is the mean in log-odds:
//
//	logit(together) = (2·logit(first) + logit(second))/3
//
// Where both kinds agree about as often, this is hardly different, but a clustering that one kind finds again exactly is confirmed, whatever the other finds.
func Together(first, second float64, clusters int) float64 {
	if clusters > Few {
		return (2*first + second) / 3
	}
	o := math.Cbrt(odds(first) * odds(first) * odds(second))
	return o / (1 + o)
}

// odds is p/(1−p), without its extremes: a share of a few hundred rows cannot be known to be above 0.999 or below 0.001.
func odds(p float64) float64 {
	const extreme = 1e-3
	p = min(max(p, extreme), 1-extreme)
	return p / (1 - p)
}
