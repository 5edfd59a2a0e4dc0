// Package clustercount suggests how many clusters features have, without labels.
//
// A number K of clusters is right to the degree that its boundaries are real and not an accident of rows or features. So the features are
// split into two disjoint random halves, several times; each half has its own directions, whitening, diffusion (head/space) and k-means.
// For each K two quantities are measured:
//
//   - D, the agreement: the share of rows that both halves assign to the same cluster, under the best one-to-one matching. It falls with K,
//     slowly as long as there are clusters to find, and fast once clusters are cut where there is no gap, since the halves cut in different
//     places (stability, as in Ben-Hur et al. 2002, Lange et al. 2004).
//   - I, the information in nats that the cluster of a row has about the clusters of its neighbours, with the clusters from one half and the
//     neighbours from the other: the objective of debiased InfoNCE clustering on edges that were not trained on. It rises with K, by ln(K'/K)
//     at most, and more slowly once clusters are cut through neighbourhoods.
//
// The suggestion is the K with the highest D²·I. Neither factor suffices alone: stability is highest for the fewest clusters, and
// information for the most. D is the share that two partitions have in common; if their errors are independent, each is right for about the
// square root of that share. The exponent 2 is a choice: it was made on draws of classes from one data set and checked on other draws;
// docs/choosing-k.md compares it with other candidates and other exponents.
//
// Numbers of clusters are tried on a geometric grid from 2 up, until the score has clearly passed its maximum, and then between the best
// number and its neighbours on the grid. Data with several scales have several local maxima, and all that stand out are named. Two results
// show how reliable the suggestion is: the range of numbers whose scores are as good within two standard errors over the splits, and the
// agreement on features whose columns were permuted independently, so that there are no clusters to find.
package clustercount
