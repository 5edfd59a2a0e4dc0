// Package directions finds clusters of any size, without labels, and says how right they are to be expected.
//
// It goes in five steps, each in a package of its own:
//
//  1. Features become directions, whitened by the differences of neighbours and averaged over neighbours (head/space).
//  2. Many k-means runs there vote for a start (head/kmeans, head/partition), and so do runs over eigenvectors of the graph of shared neighbours
//     (head/spectral). With few clusters runs end in minima that differ in their error: those of least error vote, and the very least is a
//     start, too, as is that on the features as they are; with many all are alike, and all vote.
//  3. A mixture of directions with learned proportions goes on from every start (head/mixture), once for each concentration κ to choose from: the
//     lower it is, the more clusters may differ in size.
//  4. Of each κ the most likely mixture stands, whatever start it is from. Of these the one of highest D·U² is chosen. D is how far random halves of the
//     features find it again (stability, as in Lange et al. 2004): each half is clustered on its own, without whitening and diffusion, by
//     k-means and a mixture of the same κ. U is how much of the entropy of an image's cluster its neighbours' clusters tell. Of those as good
//     as the best, the one whose sizes are least free.
//  5. From the chosen clusters and the starts linear heads are trained on by the I-Con loss of debiased InfoNCE clustering, p being the shared
//     neighbours (head/clustering). On one graph its value tells good starts from bad ones: the head of least loss is one more candidate, with
//     the least free sizes of all, for the loss divides by a cluster's mass. Where classes differ in size neighbours tell less of its
//     clusters, and the mixture stays.
//
// A linear head learns what was chosen, unless step 5 has made it. The accuracy to be expected of it is its mean agreement with cruder partitions
// made apart from it, (2H + R)/3: H that with the halves, R that with k-means on features as they are. It takes for granted that the truth
// differs from the partition about as much as they do. No theorem says so, and no measure without labels can see a fault that all partitions share.
package directions
