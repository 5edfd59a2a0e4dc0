// Package directions finds clusters of any size, without labels, and says how right they are to be expected.
//
// It goes in four steps, each in a package of its own:
//
//  1. Features become directions, whitened by the differences of neighbours and averaged over neighbours (head/space).
//  2. Many k-means runs there vote for a start (head/kmeans, head/partition). With few clusters runs end in minima that differ in their error,
//     and those of least error vote; with many all are alike, and all vote.
//  3. A mixture of directions with learned proportions goes on from the start (head/mixture), once for each concentration κ to choose from: the lower
//     it is, the more clusters may differ in size.
//  4. The κ is chosen whose partition is found again best from random halves of the features (stability, as in Lange et al. 2004): each
//     half is clustered on its own, without whitening and diffusion, by k-means and a mixture of the same κ.
//
// The accuracy to be expected of the result is its mean agreement with cruder partitions made apart from it, (2H + R)/3: H that with the halves, R
// that with k-means on features as they are. It takes for granted that the truth differs from the partition about as much as they do. No
// theorem says so, and no measure without labels can see a fault that all partitions share.
package directions
