// Package icon is the I-Con engine: one loss, and methods that differ in the choice of its parts.
//
//	L = 1/n · Σ_i D( p̃(·|i), q̃(·|i) ),    p̃ = (1−α)p + α/m,   q̃ = (1−β)q + β/m
//
// (I-Con, arXiv 2504.16929, eq. 1 and sec. 3.4; other divergences: Beyond I-Con, arXiv 2509.04734). p, the Supervisory distribution, says
// who should be i's neighbours; q, the Learned one, says who are, among the representations z that a Mapper makes of the points. m is the
// number of candidates: the n−1 others; all n for the cluster kernel, which includes the point itself; or the size of the second set if
// there is one.
//
// Everything is generic over float32 and float64, so that central differences in float64 test the same code that trains in float32. Loss
// works on rows in blocks and stores no n×n matrix; DCL stores one, of its batch, and neighbours over all points (GaussianNeighbours,
// StudentTNeighbours, CosineNeighbours) store every pair, for up to MostPairwise points. Sums over rows are taken in stripes whose number
// depends only on n, so the result has the same bits on any number of workers. Package cluster has a fused, fast version of the cluster
// kernel with KL, which Loss uses in float32; the tests compare the two.
package icon
