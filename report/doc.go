// Package report turns assignments into numbers.
//
// A clustering is given as plain data: for each of n items its cluster, how sure the model was (the confidence, its
// top probability) and, where they are known, the labels. Score computes
//
//   - the matching: which class each cluster stands for. It maximises the number of items whose cluster's class is
//     their label, each class being given to at most one cluster (Hungarian matching, rectangular; ties to the lowest
//     index). A cluster without a class is always wrong.
//   - accuracy under that matching, and many-to-one accuracy, where each cluster stands for its most frequent class;
//   - agreement that needs no matching: NMI, ARI, AMI (agreement.go);
//   - calibration: do items with confidence 0.8 turn out right 80 times in 100? (calibration.go, probability.go)
//   - what needs no labels at all: cluster sizes, silhouette and its kin (labelfree.go).
//
// What calibration means here: labels play no part in training, nor in the confidence; the matching alone uses them,
// to say when an assignment counts as right. Temperature scaling and other recalibration fit a map on labelled items,
// so without labels they are not possible, and no score here is recalibrated. Whoever makes a head may set its confidence without labels.
//
// Everything is deterministic: the same input gives the same bits, on any number of threads.
package report
