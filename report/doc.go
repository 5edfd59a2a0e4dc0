// Package report computes the scores of a clustering.
//
// A clustering is given as plain data: for each of n items its cluster, its confidence (the
// top probability) and, if known, its label. Score computes
//
//   - the matching: which class each cluster is matched to. It maximises the number of items whose cluster's class is
//     their label, with each class matched to at most one cluster (Hungarian matching, rectangular; ties to the lowest
//     index). A cluster without a class is always wrong.
//   - accuracy under that matching, and many-to-one accuracy, where each cluster counts as its most frequent class;
//   - agreement scores that need no matching: NMI, ARI, AMI (agreement.go);
//   - calibration: are items with confidence 0.8 correct 80 % of the time? (calibration.go, probability.go)
//   - scores that need no labels: cluster sizes, silhouette and related scores (labelfree.go).
//
// Labels are used neither in training nor for the confidence; only the matching uses them,
// to decide when an assignment counts as correct. Temperature scaling and other recalibration methods are fitted to labelled items,
// so they are impossible without labels, and no score here is recalibrated. A head may set its confidence by a label-free method.
//
// Everything is deterministic: the same input gives the same bits on any number of threads.
package report
