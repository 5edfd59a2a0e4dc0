// Package head learns who belongs with whom. It minimises, over the parameters of a mapper from features to logits,
//
//	L = 1/n · Σ_i KL( p(·|i) ‖ q(·|i) )    (I-Con, arXiv 2504.16929, sec. 3)
//
// p, the supervisory distribution, says who should be i's neighbours: here its nearest ones among the features, over the
// whole set. q, the learned distribution, says who are: the cluster kernel of the soft assignments that the mapper, one
// linear layer and a softmax, gives (package cluster has the equation). Both are debiased: mixed with a uniform share.
//
// A training reads like the paper:
//
//	for each batch: anchors and a sampled neighbour of each   (sampler.go)
//		x = features of the batch, standardised                (standard.go)
//		z = x·Wᵀ + b                                            (linear.go)
//		loss and ∂L/∂z                                          (package cluster)
//		∂L/∂W, ∂L/∂b, a step of Adam                            (linear.go, package optim)
//
// Several heads learn from the same batches. At the end those of about the least loss vote, and a last head learns their consensus
// (consensus.go).
//
// Other methods by name (method.go) choose other p, q and mappers. Those that learn a representation do so on batches
// (represent_batch.go), on the whole set (represent_whole.go) or as the rivals they are (rival.go, turtle.go); k-means clusters it, and
// a linear head learns the clusters (represent.go), so that every method ends in the same kind of head.
//
// A finished training is a run folder: config.json with every setting as used, head.safetensors, novelty.safetensors (what package
// novelty tells new images by), history.jsonl with a line an epoch, and of some methods representation.npy. While it runs, checkpoint.safetensors lets it be taken up again to the same bits.
package head
