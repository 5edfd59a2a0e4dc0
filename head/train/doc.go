// Package train is the one training loop. A Task proposes the rows of each step and computes losses and gradients; Train owns
// everything else: schedule, optimiser, moving averages, the check that every number is finite, the batches read ahead, progress,
// history, checkpoint, resume and cancellation.
//
//	for each step:
//		batch                        read ahead by the task's Propose
//		for each learner:
//			loss, gradient           the task's Gradient
//			a step of its optimiser  at the schedule's rate; then its moving average
//		progress, history at the end of an epoch, a checkpoint
//
// A method trains one task or several, one after the other: each is a phase of its Run. Steps are whole. What a step draws at random it
// draws from (seed, epoch, item), so a State needs to hold no random numbers, and a training taken up again ends with the same bits.
package train
