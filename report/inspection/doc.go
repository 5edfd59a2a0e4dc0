// Package inspection finds what a person who tidies a collection of images wants to look at: images that are there twice, images unlike
// all others, and images whose neighbours are mostly in another cluster. It needs features and their nearest neighbours, no labels.
//
// Copies with the same bytes are told by their hashes and are one content. Everything else is a matter of contents, so that copies are
// nobody's neighbours.
//
// Near duplicates are found in two steps. The scale s of a content is the cosine distance to its 5th nearest neighbour (Zelnik-Manor and
// Perona 2004 take the 7th), and at least a fifth of the mean distance of two contents, so that a dozen versions of one photograph do
// not set a scale of their own. Candidates are the pairs with d_ij ≤ 0.6·√(s_i·s_j): a threshold of distance alone would not do, for a photograph cropped by 5 %
// may lie farther from itself than one golf ball from another. Each candidate is then looked at: two images are near duplicates where
// their thumbnails correlate by 0.95 or more in luminance, as they are or mirrored, whole or but for a margin of a tenth, and agree in colour
// (thumbnail.go). Where images
// cannot be had the features decide alone, by the stricter d_ij ≤ 0.2·√(s_i·s_j) with the scales as they are; then more than five versions
// of one photograph are told from a dense place only in part. Near duplicates of near duplicates are one group.
//
// A content is unlike all others where the distance to its 10th nearest neighbour is above Q₃ + 1.5·(Q₃ − Q₁), Q₁ and Q₃ being the
// quartiles of all such distances (Tukey 1977; the distance to the k-th neighbour as the score of an outlier is Ramaswamy, Rastogi and
// Shim 2000).
//
// A content is elsewhere where more than half of its 10 nearest neighbours are in one other cluster.
//
// docs/curation.md tells how often these are right on photographs.
package inspection
