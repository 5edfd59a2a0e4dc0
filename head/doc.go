// Package head learns which images belong together. The default method chooses among several clusterings of the directions of the
// features (package directions). Most others minimise, over the parameters of a mapper from features to logits,
//
//	L = 1/n · Σ_i KL( p(·|i) ‖ q(·|i) )    (I-Con, arXiv 2504.16929, sec. 3)
//
// p, the supervisory distribution, says who should be i's neighbours, such as the nearest ones among the features of the whole set. q, the learned
// distribution, says who are; for debiased InfoNCE clustering it is the cluster kernel of the soft assignments that the mapper, one linear layer and a
// softmax, computes (package cluster has the equation). Both may be debiased, that is mixed with a uniform share.
//
// Config names a method and its settings, which belong to the method; Train runs it and ends with a linear head, or several that vote, whatever
// the method (package ensemble). Package run stores the result in a folder. docs/architecture.md maps the packages below this one: the
// interface of a method (method), the list of methods (methods), and the one loop that trains them (train).
package head
