// Package baseline is what every head stands beside: k-means, with a confidence that can be held against a head's.
//
// The posterior of k-means is that of equal spherical Gaussians, and in hundreds of dimensions it is close to certain of every row, whatever
// the clusters are worth. One temperature sets it, without labels, in the way of the default head's:
//
//  1. The columns of the features are divided at random into two halves, four times. K-means in each half makes eight partitions, of at most
//     10,000 rows or 64 a cluster.
//  2. The accuracy to be expected is the mean agreement of the clustering with them: the share of rows that two partitions put together under
//     the best one-to-one matching of their clusters.
//  3. The logits are scaled until the mean confidence of these rows is that accuracy (package head/confidence).
//
// No assignment changes. A fault that all partitions share stays unseen, for k-means as for a head.
package baseline
