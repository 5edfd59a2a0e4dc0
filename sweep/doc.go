// Package sweep trains over many settings and seeds on the same features: a grid or a list of combinations becomes runs, one per processor
// at a time, each of them made once. A sweep's folder has sweep.csv, sweep.html and runs/, with a run folder for each.
//
// Several processes may work in one folder, on one machine or on several that share a disk. Each run is claimed by a lock on a file of
// its own in claims/, which the system drops with the process that holds it: so no run is made twice, and one whose process was killed is
// taken up by another from where it stopped. Who finds all runs finished writes table and page; it is the same whoever does.
package sweep
