package directions

import (
	"fmt"
	"math"
)

// Sentence describes how the sizes were chosen.
func (f *Found) Sentence() string {
	all, halves := len(f.Candidates), fmt.Sprintf("random halves of the features on %.0f %% of the images", 100*f.Chosen.Agreement)
	switch {
	case f.options.Sizes == SizesBalanced:
		return "groups of about the same size, as requested"
	case f.Chosen.joined():
		requested, clearly := "", "clearly "
		if f.options.Sizes == SizesFree {
			requested, clearly = ", as requested", ""
		}
		return fmt.Sprintf("groups of any size%s, joined from %d small ones along the neighbour graph; they agree with %s, and %sbetter with these and with neighbours than the %d other clusterings",
			requested, f.Chosen.Groups, halves, clearly, all-1)
	case f.options.Sizes == SizesFree:
		return "groups of any size, as requested"
	case f.alike():
		return fmt.Sprintf("groups of about the same size, since halves of the features confirm hardly any differences (typically by a factor of %.2f); the most even of the %d clusterings is kept: %s",
			math.Exp(math.Sqrt(max(0, f.Spread))), all, f.name("the"))
	case f.compares():
		return fmt.Sprintf("groups whose sizes follow the data, since halves of the features confirm that they differ (typically by a factor of at least %.2f); of the %d clusterings, %s agrees best with "+
			"random halves of the features (on %.0f %% of the images) and with neighbours", math.Exp(math.Sqrt(f.Spread)), all, f.name("the"), 100*f.Chosen.Agreement)
	case f.Chosen.Refined:
		return fmt.Sprintf("groups of about the same size: %s, which agrees with %s; none of the %d other clusterings agrees clearly better with these and with neighbours "+
			"(if classes are known to differ in size, choose free sizes)", f.name("the"), halves, all-1)
	}
	return fmt.Sprintf("groups whose sizes follow the data: %s, which agrees with %s; none of the %d other clusterings agrees clearly better with these and with neighbours", f.name("a"), halves, all-1)
}

// name names the chosen candidate; the article is that of a mixture.
func (f *Found) name(article string) string {
	if f.Chosen.Refined {
		return "the I-Con clustering"
	}
	return fmt.Sprintf("%s mixture at κ = %g (sizes are freest at 10 and most even at 30)", article, f.Chosen.Kappa)
}
