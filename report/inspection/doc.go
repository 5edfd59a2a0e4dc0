// Package inspection finds images that need attention when a collection is cleaned up: duplicates, images unlike
// all others, and images whose neighbours are mostly in another cluster. It needs features and their nearest neighbours, but no labels.
//
// Copies with the same bytes have the same hash and count as one content. All other rules apply to contents, so that copies are not
// each other's neighbours.
//
// Near duplicates are found in two steps. The scale s of a content is the cosine distance to its 5th nearest neighbour (Zelnik-Manor and
// Perona 2004 use the 7th), and at least a fifth of the mean distance between two contents, so that a dozen versions of one photograph do
// not define their own scale. Candidates are the pairs with d_ij ≤ 0.6·√(s_i·s_j). A fixed distance threshold would not work, because a photograph cropped by 5 %
// may be farther from the original than one golf ball from another. Each candidate pair is then compared by its images: two images are near duplicates if
// their thumbnails have a luminance correlation of at least 0.95, as they are or mirrored, whole or without a margin of a tenth, and agree in colour
// (thumbnail.go). If the images are not available,
// the features decide alone, by the stricter rule d_ij ≤ 0.2·√(s_i·s_j) without the lower bound on scales; more than five versions
// of one photograph are then only partly distinguished from a dense region. Near duplicates of near duplicates form one group.
//
// A content is unlike all others if the distance to its 10th nearest neighbour is above Q₃ + 1.5·(Q₃ − Q₁), where Q₁ and Q₃ are the
// quartiles of all such distances (Tukey 1977; the distance to the k-th neighbour as an outlier score is due to Ramaswamy, Rastogi and
// Shim 2000).
//
// A content is elsewhere if more than half of its 10 nearest neighbours are in one other cluster.
//
// docs/curation.md reports how often these rules are right on photographs.
package inspection
