// Package cachefolder is the one folder in which the program keeps, for one user, what it can make or fetch again: iconic in the
// user's cache. Each kind of thing has a folder of its own below it. What is used is marked as used now, by the time of its folder, and
// held while it is, so that whoever prunes the cache knows.
package cachefolder
