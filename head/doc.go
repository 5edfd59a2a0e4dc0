// Package head learns who belongs with whom. It minimises, over the parameters of a mapper from features to logits,
//
//	L = 1/n · Σ_i KL( p(·|i) ‖ q(·|i) )    (I-Con, arXiv 2504.16929, sec. 3)
//
// p, the supervisory distribution, says who should be i's neighbours: here its nearest ones among the features, over the
// whole set. q, the learned distribution, says who are: the cluster kernel of the soft assignments that the mapper, one
// linear layer and a softmax, gives (package cluster has the equation). Both are debiased: mixed with a uniform share.
//
// Config names a method and its settings, which belong to the method; Train runs it and ends in a linear head, or in several that vote,
// whatever the method (package ensemble). Package run keeps what that leaves in a folder. docs/architecture.md draws the packages below this
// one: what a method is (method), which there are (methods), and the one loop that trains them (train).
package head
