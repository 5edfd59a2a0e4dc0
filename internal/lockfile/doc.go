// Package lockfile keeps processes from interfering with each other in a folder, with a lock on a file there. The system releases the lock
// of a process that ends, however it ends; the file stays, and means nothing. It is created with permissions for every user, less the
// umask, so that everyone who may write to a shared folder can lock it.
package lockfile
