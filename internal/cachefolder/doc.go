// Package cachefolder manages the folder in which the program keeps, for one user, what it can compute or download again: iconic in the
// user's cache. Each kind of entry has its own folder below it. An entry that is used gets the current time on its folder, and is held
// while in use, so that pruning takes both into account.
package cachefolder
