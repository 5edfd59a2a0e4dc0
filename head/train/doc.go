// Package train is the one training loop. A Task proposes the rows of each step and computes losses and gradients; Train does everything
// else: schedule, optimiser, moving averages, the check that every number is finite, prefetching of batches, progress, history, checkpoint,
// resume and cancellation.
//
//	for each step:
//		batch                        prefetched by the task's Propose
//		for each learner:
//			loss, gradient           the task's Gradient
//			a step of its optimiser  at the schedule's rate; then its moving average
//		progress, history at the end of an epoch, a checkpoint
//
// A method trains one task or several, one after another: each is a phase of its Run. Steps are never interrupted midway. All random
// numbers of a step come from (seed, epoch, item), so a State needs no random state, and a resumed training ends with the same bits.
package train
