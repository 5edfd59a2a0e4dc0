// Package baseline is the baseline of every head: k-means, with a confidence that can be compared with a head's.
//
// The posterior of k-means assumes equal spherical Gaussians, and in hundreds of dimensions it is almost certain of every row, however poor
// the clusters are. One temperature calibrates it without labels, as for the default head:
//
//  1. The columns of the features are divided at random into two halves, four times. K-means in each half makes eight partitions, of at most
//     10,000 rows or 64 per cluster.
//  2. The expected accuracy is the mean agreement of the clustering with them: the share of rows that two partitions assign alike under
//     the best one-to-one matching of their clusters.
//  3. The logits are scaled until the mean confidence of these rows is that accuracy (package head/confidence).
//
// No assignment changes. An error that all partitions share stays undetected, for k-means as for a head.
package baseline
