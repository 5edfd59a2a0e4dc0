// Package diskspace tells how many bytes a user may still write to a disk, and writes numbers of bytes for people. Long work asks it before
// it begins, so that a disk which is too small is named at once and not after hours.
package diskspace
