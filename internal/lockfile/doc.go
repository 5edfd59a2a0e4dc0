// Package lockfile keeps processes out of each other's way in a folder, by a lock on a file there. The system drops the lock of a
// process that ends, however it ends; the file stays, and means nothing. It is made for every user, less the umask, so that folders
// that are shared can be locked by all who may write to them.
package lockfile
