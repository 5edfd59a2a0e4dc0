// Package sweep trains with many settings and seeds on the same features: a grid or a list of combinations becomes runs, one per processor
// at a time, each made once. A sweep's folder has sweep.csv, sweep.html and runs/, with a run folder for each.
//
// Several processes may work in one folder, on one machine or on several that share a disk. Each run is claimed by a lock on its own file
// in claims/, which the system releases with the process that holds it: so no run is made twice, and another process resumes a run whose
// process was killed from where it stopped. The process that finds all runs finished writes table and page; they are the same whichever
// process does. Sweeps with different settings may share a folder, too: table and page are of the one that ended last.
package sweep
