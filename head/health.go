package head

import (
	"cmp"
	"fmt"

	"iconic/internal/plural"
	"iconic/matrix"
)

// uncentred advises standardising when the features' common offset is so large that an unstandardised method may not see how they differ;
// otherwise it returns "".
func (r *Result) uncentred(m *matrix.Moments) string {
	const large = 10 // encoders' own features have an offset of about 1
	if offset := m.Offset(); r.Config.Text("standardize") == "false" && offset >= large {
		return fmt.Sprintf("set standardize to true, because the features share an offset of %.0f times their spread, which may hide their differences from the method", offset)
	}
	return ""
}

// health describes problems with the clusters of all images, and what to do: that the features differ is known by now. fill is an Outcome's; a remedy, if it is
// not "", takes the place of other advice.
func health(cluster []int, clusters int, remedy, fill string) []string {
	const usual = "return to its default settings if you have changed them, or try another method"
	fill = cmp.Or(remedy, fill, usual)
	count := make([]int, clusters)
	used, most := 0, 0
	for _, c := range cluster {
		if count[c] == 0 {
			used++
		}
		count[c]++
		most = max(most, count[c])
	}
	var warnings []string
	switch {
	case used <= 1:
		return []string{"all images are in one cluster: the method distinguished no groups; " + cmp.Or(remedy, usual)}
	case used < clusters && (len(cluster) >= 4*clusters || 2*used < clusters): // clusters of a few images each may well be empty, but not most of them
		warnings = append(warnings, fmt.Sprintf("%d of %d clusters %s empty: the method distinguished only %d groups; ask for %d clusters if there are no more, otherwise %s",
			clusters-used, clusters, plural.Word(clusters-used, "is", "are"), used, used, fill))
	}
	if share := float64(most) / float64(len(cluster)); share > max(5/float64(clusters), 0.5) {
		warnings = append(warnings, fmt.Sprintf("one cluster holds %.0f %% of the images: that may be right for this data; otherwise ask for more clusters", 100*share))
	}
	return warnings
}
