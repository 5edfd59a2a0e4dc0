// Package kmeans is Lloyd's algorithm with k-means++ seeding. It gives the baseline that every report shows beside the head, the coarse
// quantiser of approximate neighbours, and initial centroids.
//
// Distances come from matrix products, ‖x−c‖² = ‖x‖² − 2x·c + ‖c‖², after subtracting the mean of all rows and scaling the widest range to
// 1, so that neither a common offset nor the scale of the numbers costs precision. If a few huge rows draw the mean away from all others, the median is
// subtracted; and a row that is so much farther from there than from its centroid that products may lose the distances is compared by differences
// (rounding.go). Rows are read block by block and may stay on disk. The
// rows are cut into at most 16 stripes whose sums are added in order, so the result has the same bits on any number of workers.
//
// After the first step a row is compared only with groups of centroids that may have come nearer than its own (bounds.go; spans of groups, if there
// are thousands of centroids), with the same result, and only rows that change their cluster change its sums.
package kmeans
