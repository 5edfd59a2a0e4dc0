// Package directions finds clusters of any size, without labels, and estimates their accuracy.
//
// It works in five steps, most of them in packages of their own:
//
//  1. Features become directions, whitened by the differences of neighbours and averaged over neighbours (head/space). Few columns are lifted before.
//  2. An ensemble of many k-means runs in that space gives a start (head/kmeans, head/partition), and so does one of runs on eigenvectors of
//     the graph of shared neighbours (head/spectral). With few clusters, runs end in minima with different errors: those with the lowest
//     errors form the ensemble, and the single best run is a start, too, as is the best run on the unprocessed features. With many clusters
//     all runs are equally good, and all are in the ensemble.
//  3. A mixture of directions with learned proportions is trained from every start (head/mixture), once for each concentration κ to choose
//     from: the lower κ is, the more clusters may differ in size. With few clusters there are two more candidates: two and six times as many groups by
//     k-means, joined along the neighbour graph (head/partition). All mixtures prefer groups of one radius; if one class is many times as large as
//     another, they split it and join small ones.
//  4. For each κ the most likely mixture is kept, whatever its start. With more than few clusters the evenest candidate is chosen if halves of the
//     features confirm hardly any differences in size (partition.Spread): agreement cannot tell many classes of one size from others, because a
//     clustering that joins related classes, and leaves scattered images to small clusters, agrees with halves and neighbours at least as well.
//     If they do differ, or with few clusters, D·U² decides. D measures how well
//     random halves of the features reproduce it (stability, as in Lange et al. 2004): each half is clustered on its own, without whitening
//     and diffusion, by k-means and a mixture of the same κ. U is the share of the entropy of an image's cluster that its neighbours' clusters
//     explain. With few clusters, of those as good as the best, the one whose sizes are least free is chosen; joined groups, the freest, are
//     reproduced by groups that are joined in the halves, which is easier whatever the truth, and must lead clearly.
//  5. From the chosen clusters and the starts, linear heads are trained further by the I-Con loss of debiased InfoNCE clustering, with the
//     shared neighbours as p (head/clustering). On one graph its value distinguishes good starts from bad ones: the head with the lowest loss
//     is one more candidate, with the least free sizes of all, because the loss divides by a cluster's mass. If classes differ in size, its
//     clusters agree less with neighbours, and the mixture is kept.
//
// With more than few clusters, up to mostSpectral, all of this is done a second time, in directions that are whitened by the covariance within the clusters of
// the first pass, as relevant component analysis does with given classes. The new starts are joined by those clusters; the halves and the critics, which use no
// whitening, are the same.
//
// A linear head learns the chosen clusters, with an L2 penalty, by which it assigns unseen images more accurately (head/regression); with more than few
// clusters the head made by step 5 is kept instead, if it is chosen. Its expected accuracy is the mean agreement with cruder partitions
// found independently of it, (2H + R)/3: H is the agreement with the halves, R with k-means on the unprocessed features; for joined groups H alone. This assumes that
// the truth differs from the partition about as much as they do. No theorem says so, and no measure without labels can detect an error that
// all partitions share. With few clusters it is corrected by what neighbours explain, and with more the confidence has a flat share at which
// the partitions agree on confident rows as often as it says (head/confidence). A head is more confident about rows that it has learned than about
// others. Where a head learns few clusters with the penalty, the expected accuracy is therefore the mean confidence over the rows and over the same
// rows by heads that have not learned them.
package directions
